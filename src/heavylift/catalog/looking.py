"""Look-ups of SQLite in the event loop's own thread: a row by its key takes less than changing threads does.

A reader of the write-ahead log never waits for a writer. What it may wait for is the disk, for pages that
nobody has in memory. So a look-up that took long, and read from the disk, sends those after it to the threads
for a while, and so does a database that is busy, as it may be while its log is recovered. One that took long
and read nothing waited for a processor, or for the interpreter: a thread would wait for them twice.
"""

import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from heavylift.catalog.statements import PRIMARY_CODE, run, trouble
from heavylift.catalog.transactions import Begin
from heavylift.service.batching import Outcome

SLOW: Final = 0.005
"""Seconds. A look-up takes a fiftieth of a millisecond, some tenths while threads want the interpreter."""

AWAY: Final = 100
"""For how many times as long look-ups then go to the threads: a slow disk holds the loop for a hundredth of
the time at most."""

CHECKED: Final = 0.1
"""Seconds for which the database counts as the one that was opened: asking costs a third of a look-up."""

OURS: Final = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
"""Whose reads count: this thread's, or the whole process's where the system does not tell them apart."""


def reads_of_disk() -> int:
    """How often a disk had to be read so far: in blocks, and in pages that were not in memory."""
    usage = resource.getrusage(OURS)
    return usage.ru_inblock + usage.ru_majflt


class Looking:
    """One connection, for the first thread that asks. `check` raises StorageDown when the database is not
    the one that was opened any more. `elapsed` counts seconds, `reads` those of the disk."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        check: Callable[[], None],
        elapsed: Callable[[], float] = time.monotonic,
        reads: Callable[[], int] = reads_of_disk,
    ) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        self._check = check
        self._elapsed, self._reads = elapsed, reads
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._from = self._check_from = float("-inf")
        self._seen = 0  # of the disk's reads, at the last check

    def look(self, begin: Begin[Any]) -> Outcome | None:
        """How the transaction ended; None if it has to be run elsewhere."""
        here = threading.get_ident()
        if self._thread != here:
            if self._thread is not None:
                return None
            self._thread = here
        with self._lock:  # held by nobody else before this is closed
            before = self._elapsed()
            if before < self._from:
                return None
            outcome = self._run(begin, before)
            took = self._elapsed() - before
        if outcome is None or (took > SLOW and self._reads() != self._seen):
            self._from = before + took + AWAY * max(took, SLOW)
        return outcome

    def _run(self, begin: Begin[Any], now: float) -> Outcome | None:
        try:
            if now >= self._check_from:
                self._check()
                self._check_from, self._seen = now + CHECKED, self._reads()
            return Outcome(run(self._connection, begin()))
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
            return None if busy else Outcome(error=trouble(error))
        except Exception as error:
            return Outcome(error=trouble(error))

    def close(self) -> None:
        """Nothing is looked up here any more. Repeatable."""
        with self._lock:
            self._from = float("inf")
            self._connection.close()
