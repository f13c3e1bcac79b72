"""Threads that serve whoever waits in one turn, and tell all of them at once.

Changing threads costs more than a small write does, and so does a sync that could be shared.
What one turn of the event loop brings in goes over to the threads in one piece, when the loop is done
with it: the interpreter runs one thread at a time, and both would only be in each other's way.
"""

import asyncio
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from heavylift.service.ports import NotDone, StorageDown

J = TypeVar("J")

LOGGER = logging.getLogger(__name__)

Entry = tuple[J, asyncio.Future[Any]]
"""A job, and who waits for its outcome."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: `error`, or else `value`."""

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


class Batcher(Generic[J]):
    """`threads` threads that take up to `most` jobs at a time from one queue and `work` on them.

    A batch may grow to twice that. `work` answers an outcome for each job; what it raises instead is the
    outcome of all of them, and the thread goes on. `after` is called when a batch has been told. `closed`
    says what is closed to whoever comes too late. Raises StorageDown if the threads cannot be started.
    """

    def __init__(
        self,
        work: Callable[[Sequence[J]], Sequence[Outcome]],
        *,
        name: str,
        closed: str,
        threads: int = 1,
        most: int = 1_000,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._do = work
        self._refusal = closed
        self._most = most
        self._after = after
        self._queue: queue.SimpleQueue[list[Entry[J]] | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[Entry[J]]] = {}
        self._gate = threading.Lock()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._start(threads, name)

    def submit(self, job: J) -> asyncio.Future[Any]:
        """Its outcome, to be waited for. Whoever stops waiting does not stop the job. Raises StorageDown."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._gate:  # held for an instant, by nobody who waits for anything
            if self._closed:
                raise NotDone(self._refusal)
            if loop in self._gathered:
                self._gathered[loop].append((job, future))
            else:
                self._gathered[loop] = [(job, future)]
                loop.call_soon(self._hand_over, loop)
        return future

    def close(self) -> None:
        """Finish what has queued up, then end the threads. Blocks. Repeatable."""
        with self._gate:
            if not self._closed:
                self._closed = True
                for loop in list(self._gathered):
                    self._send(loop)
                for _ in self._threads:
                    self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self, count: int, name: str) -> None:
        try:
            for number in range(count):
                thread = threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError as error:
            self.close()
            raise StorageDown(f"The threads {name} cannot be started: {error}.") from error

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._gate:
            self._send(loop)

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        gathered = self._gathered.pop(loop, [])
        for start in range(0, len(gathered), self._most):
            self._queue.put(gathered[start : start + self._most])

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._take()
            if batch:
                tell([future for _, future in batch], self._outcomes([job for job, _ in batch]))
                try:
                    self._after()
                except Exception:  # everybody has been told: what is left is the next batch
                    LOGGER.exception("what follows a batch failed")

    def _outcomes(self, jobs: Sequence[J]) -> Sequence[Outcome]:
        """One for each of them, whatever happens: nobody else would ever wake those who wait."""
        try:
            outcomes = self._do(jobs)
            if len(outcomes) == len(jobs):
                return outcomes
            raise RuntimeError(f"{len(jobs)} jobs had {len(outcomes)} outcomes")
        except Exception as error:
            return [Outcome(error=_failed(error)) for _ in jobs]

    def _take(self) -> tuple[list[Entry[J]], bool]:
        """What has queued up, at least one entry, and whether it was this thread's last."""
        batch: list[Entry[J]] = []
        more = self._queue.get()
        while more is not None:
            batch += more
            if len(batch) >= self._most:
                return batch, False
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


def _failed(cause: Exception) -> StorageDown:
    """A fresh error for one of those who wait. Whether its job was done is not known."""
    error = StorageDown(f"A batch failed: {cause!r}.")
    error.__cause__ = cause
    return error


def tell(futures: Sequence[asyncio.Future[Any]], outcomes: Sequence[Outcome]) -> None:
    """Wake all who wait, each event loop once."""
    told = defaultdict(list)
    for future, outcome in zip(futures, outcomes, strict=True):
        told[future.get_loop()].append((future, outcome))
    for loop, endings in told.items():
        with suppress(RuntimeError):  # a closed loop: nobody waits there any more
            loop.call_soon_threadsafe(wake, endings)


def wake(endings: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    """Tell each waiting caller how its job ended."""
    for future, outcome in endings:
        outcome.tell(future)
