"""The one thread that writes to SQLite, and commits whatever has queued up as one transaction.

A commit costs a sync of the disk, however much it carries. So each write waits for the
commit that is under way, and then shares the next one with all that queued meanwhile.
"""

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from heavylift.catalog.statements import RELEASE, ROLLBACK, SAVEPOINT, run, trouble
from heavylift.catalog.transactions import Begin
from heavylift.service.ports import StorageDown

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A transaction, and who waits for its outcome."""

    begin: Begin[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transaction ended: `error`, or else `value`."""

    value: Any = None
    error: Exception | None = None

    def tell(self, future: asyncio.Future[Any]) -> None:
        """Wake who waits, unless that was given up meanwhile. In the future's event loop only."""
        if future.done():
            return
        if self.error is None:
            future.set_result(self.value)
        else:
            future.set_exception(self.error)


class Writer:
    """Owns the connection from here on. `tidy` is called after each commit, its outcomes told."""

    def __init__(self, connection: sqlite3.Connection, *, tidy: Callable[[], None]) -> None:
        self._connection = connection
        self._tidy = tidy
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="catalog-writer", daemon=True)
        self._thread.start()

    async def run(self, begin: Begin[T]) -> T:
        """The transaction's value, once it is committed.

        Whoever stops waiting does not stop the transaction: it may be committed all the same.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._gate:  # held for an instant, by nobody who waits for anything
            if self._closed:
                raise StorageDown("The catalog is closed.")
            self._queue.put(Job(begin, future))
        return await future

    def close(self) -> None:
        """Finish what has queued up, close the connection, end the thread. Blocks. Repeatable."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        last = False
        while not last:
            jobs, last = self._take()
            if jobs:
                tell(jobs, self._commit(jobs))
                self._tidy()
        self._connection.close()

    def _take(self) -> tuple[list[Job], bool]:
        """All that has queued up, at least one entry, and whether it was the last."""
        jobs = []
        entry = self._queue.get()
        while entry is not None:
            jobs.append(entry)
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _commit(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run them all and commit once. If that fails, nobody is told of a success."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(job) for job in jobs]
            self._connection.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):  # the first error is the one to tell; SQLite may have undone it all
                self._connection.rollback()
            return [Outcome(error=trouble(error)) for _ in jobs]
        return outcomes

    def _attempt(self, job: Job) -> Outcome:
        """Run one of the batch. Its failure undoes itself alone, unless SQLite has undone the batch."""
        self._connection.execute(SAVEPOINT)
        try:
            outcome = Outcome(run(self._connection, job.begin()))
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._connection.execute(ROLLBACK)
            outcome = Outcome(error=trouble(error))
        self._connection.execute(RELEASE)
        return outcome


def tell(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Wake all who wait, each event loop once."""
    told = defaultdict(list)
    for job, outcome in zip(jobs, outcomes, strict=True):
        told[job.future.get_loop()].append((job.future, outcome))
    for loop, endings in told.items():
        with suppress(RuntimeError):  # a closed loop: nobody waits there any more
            loop.call_soon_threadsafe(wake, endings)


def wake(endings: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    """Tell each waiting caller how its transaction ended."""
    for future, outcome in endings:
        outcome.tell(future)
