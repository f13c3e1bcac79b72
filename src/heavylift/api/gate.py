"""How many bodies one process receives at once, and how it stops taking them."""

import asyncio
from contextlib import suppress

from heavylift.domain.errors import Overloaded, ShuttingDown

RETRY_AFTER = 2
"""Seconds. Long enough for a Part or two to finish, or for a successor to listen."""


class Gate:
    """Counts the bodies inside. At most `most` at once; none begins after `close`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def closed(self) -> bool:
        """Whether this process is stopping."""
        return self._closed

    def enter(self) -> "Gate":
        """Be counted, for the length of a `with` block. Raises ShuttingDown or Overloaded at the door."""
        if self._closed:
            raise ShuttingDown("This server is stopping. Send it again in a moment.", retry_after=RETRY_AFTER)
        if self._inside >= self._most:
            raise Overloaded(
                f"{self._most} bodies are being received already. Send it again in a moment.",
                retry_after=RETRY_AFTER,
            )
        self._inside += 1
        self._empty.clear()
        return self

    def __enter__(self) -> None:
        """Inside."""

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    async def close(self, grace: float) -> bool:
        """Let nothing more in and wait up to `grace` seconds for what is inside. Whether all got out."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._empty.wait()
        return not self._inside
