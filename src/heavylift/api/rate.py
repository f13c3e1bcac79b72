"""How many requests a minute a project may send, counted by a clock that nobody sets."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from heavylift.domain.errors import RateLimited

MINUTE = 60.0

TOGETHER = 1.0
"""Seconds of requests that are remembered as one: what a project costs is some sixty of these."""

ROUNDING = 0.001
"""Seconds that a sum of times may be off by."""


@dataclass(slots=True)
class _Some:
    """Requests that came together: when the first and the last did, and how many."""

    first: float
    last: float
    count: int = 1


class RateLimit:
    """Requests of each project in any sixty seconds. 0 means no limit."""

    def __init__(self, per_minute: int, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._ticks = ticks
        self._taken: dict[str, deque[_Some]] = {}

    def hit(self, project: str) -> None:
        """Count a request. Raises RateLimited when there were too many; those count for nothing."""
        if not self._most:
            return
        now = self._ticks()
        taken = self._taken.setdefault(project, deque())
        while taken and now - taken[0].last >= MINUTE - ROUNDING:
            taken.popleft()
        if sum(some.count for some in taken) >= self._most:
            raise RateLimited(
                f"Rate limit reached: {self._most} requests a minute. Wait as long as Retry-After says, then"
                " send it again.",
                retry_after=max(1, math.ceil(MINUTE - (now - taken[0].last))),
            )
        if taken and now - taken[-1].first < TOGETHER:
            taken[-1].last = now
            taken[-1].count += 1
        else:
            taken.append(_Some(now, now))
