"""Blocking calls in threads, waited for to their end, whatever becomes of the task that waits."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from heavylift.service.pool import started_pool
from heavylift.service.ports import StorageDown
from heavylift.service.waiting import settled

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A bounded pool, all of it running. Raises StorageDown if that cannot be.

    A call that has begun is never left behind running: what it uses (a file descriptor, a buffer) can
    be given up once the wait for it is over.
    """

    def __init__(self, count: int, *, name: str = "blobs") -> None:
        self._pool = started_pool(count, name=name)
        self._closed = False

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin the call, to be waited for by `ended` or `settled`. Raises StorageDown when closed."""
        if self._closed:
            raise StorageDown("the blob store is closed")
        return asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make the call and wait as `settled` does."""
        return await settled(self.start(function, *args, **kwargs))

    async def tidy(self, function: Callable[[], None]) -> None:
        """Make a call that gives something up, as `run` does; when closed, at once and in this thread."""
        if self._closed:
            function()
        else:
            await self.run(function)

    def close(self) -> None:
        """Wait for the calls that run, then end the threads. Repeatable."""
        self._closed = True
        self._pool.shutdown()
