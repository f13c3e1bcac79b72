"""How many requests may be in flight: starts low, grows while throughput grows, shrinks when told to."""

import threading
from collections.abc import Callable
from typing import Final

START: Final = 2
"""Two hide the round trip between one part and the next; more have to prove themselves."""

DWELL_SECONDS: Final = 0.4
"""A level is judged no sooner: longer than what the socket buffers swallow at once."""

PATIENCE_SECONDS: Final = 1.5
"""A level that has not paid off by then is left again: disks and networks stall for moments."""

GAIN: Final = 1.05
"""What a level must bring over the one before it."""

REST_SECONDS: Final = 5.0
"""Until the next try to grow, after one that did not pay, or after a push-back."""


class Window:
    """Moves `limit` between 1 and `most` by the bytes that pass. Safe to call from threads.

    At first it doubles, as TCP does. After a step that did not pay it goes back, rests, and tries
    one more at a time.
    """

    def __init__(self, *, most: int, clock: Callable[[], float]) -> None:
        self.limit = min(START, most)
        self.on_growth: Callable[[], object] | None = None
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._doubling = True
        self._resting_until: float | None = None
        self._pushed_at = float("-inf")
        self._rate_before = 0.0
        self._limit_before = self.limit
        self._bytes = 0
        self._since = clock()

    def moved(self, count: int) -> None:
        """So many bytes went over the wire; negative when a failed attempt's are taken back."""
        with self._lock:
            self._bytes += count
            now = self._clock()
            grew = now - self._since >= DWELL_SECONDS and self._judge(now)
        if grew and self.on_growth is not None:
            self.on_growth()

    def pushed_back(self) -> None:
        """The server asked for less: half as many, rounded up. What is told within a moment is told once."""
        with self._lock:
            now = self._clock()
            if now - self._pushed_at >= DWELL_SECONDS:
                self._pushed_at = now
                self._rest((self.limit + 1) // 2, now)

    def _judge(self, now: float) -> bool:
        """Take the next step if the last one has paid off, or take it back; tell whether it grew."""
        if self._resting_until is not None and now < self._resting_until:
            return False
        span = now - self._since
        rate = max(self._bytes, 0) / span
        if self._resting_until is not None or rate > self._rate_before * GAIN:
            return self._grow(rate, now)
        if span >= PATIENCE_SECONDS and self.limit < self._most:
            self._rest(self._limit_before, now)
        return False

    def _grow(self, rate: float, now: float) -> bool:
        self._resting_until = None
        self._rate_before, self._limit_before = rate, self.limit
        self.limit = min(self._most, self.limit * 2 if self._doubling else self.limit + 1)
        self._bytes, self._since = 0, now
        return self.limit > self._limit_before

    def _rest(self, limit: int, now: float) -> None:
        self.limit = limit
        self._doubling = False
        self._resting_until = now + REST_SECONDS
        self._bytes, self._since = 0, now
