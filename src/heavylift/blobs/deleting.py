"""Deleting many blobs one by one, after a store has refused them together."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from heavylift.service.ports import StorageDown

TOGETHER = 8
"""Deletions under way at once."""

HOPELESS = 16
"""Failures without one success, after which the store itself is taken to be away."""


async def outcomes(delete: Callable[[str], Awaitable[None]], keys: Sequence[str]) -> dict[str, str]:
    """Delete each of them. Why those are left that are left.

    In any order, so that a few which can never go do not keep the others from their turn.
    """
    waiting = random.sample(keys, len(keys))
    stuck: dict[str, str] = {}
    gone = 0

    async def work() -> None:
        nonlocal gone
        while waiting and (gone or len(stuck) < HOPELESS):
            key = waiting.pop()
            try:
                await delete(key)
                gone += 1
            except StorageDown as error:
                stuck[key] = str(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(work())
    return stuck | dict.fromkeys(waiting, "not tried: the store refused all that were tried before")
