"""Deleting many blobs one by one, after a store has refused them together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from heavylift.service.ports import StorageDown, StorageFull

TOGETHER = 8
"""Deletions under way at once."""

IN_A_ROW = 16
"""Failures without a success between, after which it is asked whether the store itself is away."""


async def outcomes(
    delete: Callable[[str], Awaitable[None]], keys: Sequence[str], *, look: Callable[[], Awaitable[None]]
) -> dict[str, str]:
    """Delete each of them. Why those are left that the store does not let go, by key.

    A store that refuses says so quickly, and of each key: every one is tried. One that is away fails
    all alike, each after a long time: that ends it. `look` raises StorageDown then, and so does this.
    """
    waiting = list(keys)
    stuck: dict[str, str] = {}
    in_a_row = 0
    away: StorageDown | None = None

    async def work() -> None:
        nonlocal away, in_a_row
        while waiting:
            key = waiting.pop()
            try:
                await delete(key)
                in_a_row = 0
                continue
            except (StorageDown, StorageFull) as error:
                stuck[key] = str(error)
                in_a_row += 1
            if in_a_row < IN_A_ROW:
                continue
            in_a_row = 0
            try:
                await look()
            except StorageDown as error:
                away = error
                waiting.clear()

    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(work())
    if away is not None:
        raise away
    return stuck
