"""The SQLite driver: one writing thread, several reading ones, a write-ahead log between them."""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from heavylift.catalog.looking import Looking
from heavylift.catalog.presence import Identity
from heavylift.catalog.statements import run, trouble
from heavylift.catalog.transactions import Begin
from heavylift.catalog.turns import Turns
from heavylift.catalog.writer import CLOSED, Writer
from heavylift.service.batching import Batcher, Outcome
from heavylift.service.ports import StorageDown

T = TypeVar("T")

MEMORY = ":memory:"

BUSY_SECONDS = 10.0
"""How long a write waits for the other processes' turns."""

READERS = 4
"""Threads that read. A read takes a tenth of a millisecond; more would only contend."""

LISTERS = 2
"""Threads that read lists, which may take long: whoever looks something up does not wait behind them."""

READ_TOGETHER = 4
"""Reads of one turn of a thread. All of them wait for the longest, so they are few."""

CACHE_KIB = 8 * 1024
"""Pages that a connection keeps; the operating system caches the rest. No memory map: with one, an
I/O error would kill the process instead of failing a call."""

LOG_BYTES = 64 * 1024 * 1024
"""A write-ahead log over this is cut. SQLite copies it back every 1,000 pages, but can begin it anew
only in a moment without readers, which a busy service may not grant by itself."""

CUT_MILLISECONDS = 25
"""How long cutting the log may wait for readers: writers wait meanwhile."""

CUT_SECONDS = 1.0
"""Between two tries to cut it, while a reader is in the way: a copy of the database may take an hour."""


def connect(path: str) -> sqlite3.Connection:
    """A connection that begins and commits when told to and may move between threads."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")  # a full disk must not stop a rollback
    return connection


class Readers:
    """Reads side by side, on connections of their own. Each statement sees what is committed by then.

    Opens their files at once: later there may be no descriptor left. `check` raises StorageDown when the
    database is no longer the one that was opened. Raises StorageDown itself.
    """

    def __init__(
        self,
        path: str,
        *,
        check: Callable[[], None],
        threads: int = READERS,
        together: int = READ_TOGETHER,
    ) -> None:
        self._check = check
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        try:
            for _ in range(threads):
                self._idle.put(_reading(path))
            self._looking = Looking(_reading(path), check=check)
        except sqlite3.Error as error:
            raise trouble(error) from error
        self._batcher: Batcher[Begin[Any]] = Batcher(
            self._read_all, name="catalog-reader", closed=CLOSED, threads=threads, most=together
        )

    async def run(self, begin: Begin[T], *, point: bool) -> T:
        """The transaction's value, at once if it is a `point` and that is possible. Raises what it raises,
        and StorageDown, also once this is closed."""
        outcome = self._looking.look(begin) if point else None
        if outcome is not None:
            if outcome.error is not None:
                raise outcome.error
            found: T = outcome.value
            return found
        value: T = await self._batcher.submit(begin)
        return value

    def close(self) -> None:
        """Finish what has queued up. Blocks. Repeatable."""
        self._looking.close()
        self._batcher.close()
        while not self._idle.empty():
            self._idle.get().close()

    def _read_all(self, begins: Sequence[Begin[Any]]) -> list[Outcome]:
        connection = self._idle.get()  # there is one for each thread
        try:
            self._check()
            return [_read(connection, begin) for begin in begins]
        except StorageDown as error:
            return [Outcome(error=StorageDown(str(error))) for _ in begins]
        finally:
            self._idle.put(connection)


def _reading(path: str) -> sqlite3.Connection:
    """A connection that only reads, all its files open."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA user_version").fetchall()
    return connection


def _read(connection: sqlite3.Connection, begin: Begin[Any]) -> Outcome:
    try:
        return Outcome(run(connection, begin()))
    except Exception as error:
        return Outcome(error=trouble(error))


class Sqlite:
    """The driver for one database file, or for a database in memory that ends with it."""

    def __init__(
        self,
        path: str,
        connection: sqlite3.Connection,
        *,
        durable: bool,
        log_bytes: int = LOG_BYTES,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over `connection`, which points at a migrated database at `path`. `elapsed` counts seconds."""
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._closing = threading.Lock()
        in_memory = path == MEMORY
        check = _nothing if in_memory else Identity(path).check
        self._readers = None if in_memory else Readers(path, check=check)
        self._listers = None if in_memory else Readers(path, check=check, threads=LISTERS, together=1)
        tidy = _nothing if in_memory else log_cutter(path, connection, limit=log_bytes, elapsed=elapsed)
        turns = None if in_memory else Turns(path)
        self._writer = Writer(connection, check=check, tidy=tidy, turns=turns)

    async def write(self, begin: Begin[T]) -> T:
        return await self._writer.run(begin)

    async def read(
        self, begin: Begin[T], *, brief: bool = False, point: bool = False, dear: bool = False
    ) -> T:
        readers = self._listers if dear else self._readers
        if readers is None:
            return await self._writer.run(begin)
        return await readers.run(begin, point=point)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        """Readers first: the last connection to close copies the log back and removes it."""
        with self._closing:
            for readers in (self._readers, self._listers):
                if readers is not None:
                    readers.close()
            self._writer.close()


def _nothing() -> None:
    """A database in memory has no log to cut, and is no file that somebody could take away."""


def log_cutter(
    path: str, connection: sqlite3.Connection, *, limit: int, elapsed: Callable[[], float]
) -> Callable[[], None]:
    """What to call after a commit to keep the write-ahead log, whenever no reader is in the way, below
    `limit` bytes."""
    log = Path(f"{path}-wal")
    again = elapsed()

    def cut() -> None:
        nonlocal again
        if elapsed() < again or log.stat().st_size < limit:
            return
        again = elapsed() + CUT_SECONDS
        connection.execute(f"PRAGMA busy_timeout = {CUT_MILLISECONDS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def cut_if_possible() -> None:
        with suppress(OSError, sqlite3.Error):  # what was committed stays so, and a later commit tries again
            cut()

    return cut_if_possible
