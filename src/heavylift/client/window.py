"""How many requests may be in flight: starts low, grows while throughput grows, shrinks when told to."""

import threading
from collections.abc import Callable
from typing import Final

START: Final = 2
"""Two hide the round trip between one part and the next; more have to prove themselves."""

SAMPLE_SECONDS: Final = 0.2
"""Long enough to outlast what the socket buffers swallow at once."""

GAIN: Final = 1.05
"""One more in flight must bring so much, else it stays as it is."""

PATIENCE: Final = 3
"""Samples without gain before growth stops: one may be noise."""

REST_SECONDS: Final = 10.0
"""After growth stopped, or after a push-back: how long until the next try to grow."""


class Window:
    """Counts bytes in samples of time and moves `limit` between 1 and `most`. Safe to call from threads."""

    def __init__(self, *, most: int, clock: Callable[[], float]) -> None:
        self.limit = min(START, most)
        self.on_growth: Callable[[], object] | None = None
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes = 0
        self._since = clock()
        self._best = 0.0
        self._without_gain = 0
        self._rest_until = self._since

    def moved(self, count: int) -> None:
        """So many bytes went over the wire; negative when a failed attempt's are taken back."""
        with self._lock:
            self._bytes += count
            now = self._clock()
            span = now - self._since
            if span < SAMPLE_SECONDS:
                return
            grew = self._judge(max(self._bytes, 0) / span, now)
            self._bytes, self._since = 0, now
        if grew and self.on_growth is not None:
            self.on_growth()

    def pushed_back(self) -> None:
        """The server asked for less: half as many, once per rest."""
        with self._lock:
            now = self._clock()
            if self._best == 0.0 and now < self._rest_until:
                return
            self.limit = max(1, self.limit // 2)
            self._rest(now)

    def _judge(self, rate: float, now: float) -> bool:
        """Grow if the last step has paid off; tell whether it grew."""
        if now < self._rest_until or self.limit >= self._most:
            return False
        if rate > self._best * GAIN:
            self._best = rate
            self._without_gain = 0
            self.limit += 1
            return True
        self._without_gain += 1
        if self._without_gain >= PATIENCE:
            self._rest(now)
        return False

    def _rest(self, now: float) -> None:
        self._rest_until = now + REST_SECONDS
        self._best = 0.0
        self._without_gain = 0
