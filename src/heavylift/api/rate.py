"""How many requests a minute a project may send, counted by a clock that nobody sets."""

import math
import time
from collections.abc import Callable

from heavylift.domain.errors import RateLimited

MINUTE = 60.0


class RateLimit:
    """Requests a minute of each project: those of this minute, and of the last one the share that a window
    of sixty seconds still covers. 0 means no limit."""

    def __init__(self, per_minute: int, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._ticks = ticks
        self._counts: dict[str, tuple[int, int, int]] = {}

    def hit(self, project: str) -> None:
        """Count a request. Raises RateLimited when there were too many; those count for nothing."""
        if not self._most:
            return
        minute, into = divmod(self._ticks(), MINUTE)
        number, count, before = self._counts.get(project, (int(minute), 0, 0))
        if number != minute:
            before, count = (count if number == minute - 1 else 0), 0
        if before * (1 - into / MINUTE) + count + 1 > self._most:
            raise RateLimited(
                f"Rate limit reached: {self._most} requests a minute. Wait as long as Retry-After says, then"
                " send it again.",
                retry_after=max(1, math.ceil(self._wait(before, count, into))),
            )
        self._counts[project] = int(minute), count + 1, before

    def _wait(self, before: int, count: int, into: float) -> float:
        """Seconds until one more fits."""
        if count < self._most:  # the last minute's must become fewer
            return MINUTE - into - MINUTE * (self._most - 1 - count) / before
        return MINUTE - into + MINUTE - MINUTE * (self._most - 1) / count
