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
            await asyncio.wait([work])  # unlike `await work`, this leaves the work alone when cancelled
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def settled(work: asyncio.Future[T]) -> T:
    """The work's outcome. A cancellation of the waiting task is raised once the work is over."""
    cancelled = await ended(work)
    if cancelled is not None:
        work.exception()  # seen, and outdone by the cancellation
        raise cancelled
    return work.result()
