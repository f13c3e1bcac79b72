"""One deadline that is moved often, on a timer that is not: arming it costs more than a small request."""

import asyncio
import math
from collections.abc import Callable


class Deadline:
    """Calls `late` once it has passed. Times are the loop's, in seconds."""

    __slots__ = ("_at", "_late", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[], None]) -> None:
        self._loop, self._late = loop, late
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def move(self, seconds: float) -> None:
        """It is so far from now. The timer is touched only if it would ring too late."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None or at < self._timer.when():
            self.drop()
            self._at = at
            self._timer = self._loop.call_at(at, self._ring)

    def drop(self) -> None:
        """There is none."""
        self._at = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._ring)
        else:
            self._late()
