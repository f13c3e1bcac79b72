"""Waiting for a thread's work to its end, whatever becomes of the task that waits.

What the work uses (a file descriptor, a buffer) can be given up once the wait is over.
"""

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def ended(work: asyncio.Future[T]) -> asyncio.CancelledError | None:
    """Wait until the work is over. No cancellation cuts this short; the last one is returned."""
    cancelled = None
    while not work.done():
        try:
            await _over(work)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _over(work: asyncio.Future[T]) -> asyncio.Future[None]:
    """A future that ends with the work. Unlike the work itself it may be cancelled; asyncio.wait does the
    same at twice the cost, which shows with small requests."""
    over: asyncio.Future[None] = work.get_loop().create_future()

    def end(_: asyncio.Future[T]) -> None:
        if not over.done():
            over.set_result(None)

    work.add_done_callback(end)
    return over


async def settled(work: asyncio.Future[T]) -> T:
    """The work's outcome. A cancellation of the waiting task is raised once the work is over."""
    cancelled = await ended(work)
    if cancelled is not None:
        work.exception()  # seen, and outdone by the cancellation
        raise cancelled
    return work.result()
