"""Fair turns of several processes that write to one SQLite database.

SQLite lets whoever waits sleep and look again, up to a tenth of a second later; a process that writes without
a pause takes the lock again at once, and so nearly always. Here a writer first queues and then takes the
turn, two locks of the operating system: whoever has just written finds the queue held by the one that
waits, and comes after it. This orders writers and guards nothing: SQLite's own lock does that. So a process
that stands still with the turn delays the others, less and less, and they go on without it; and where the
locks are not to be had at all, there are no turns.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from heavylift.catalog import presence

QUEUE: Final = 1
TURN: Final = 2
"""Bytes of the file, each a lock."""

PATIENCE: Final = 0.5
"""Seconds that the turn is waited for. A commit takes some milliseconds, on a slow disk a hundred."""

IMPATIENCE: Final = 0.02
"""As long it is waited for at least. Whoever waits in vain waits half as long the next time."""

LOOK: Final = 0.0005
"""Seconds between two looks at a lock that another has: a few of them in the time of one commit."""


class Turns:
    """One process's place among those that write to the database at `path`. For one thread.

    `elapsed` counts seconds, `pause` lets some pass.
    """

    def __init__(
        self,
        path: str,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._elapsed = elapsed
        self._pause = pause
        self._patience = PATIENCE
        try:
            self._file = presence.open_file(path, os.O_RDWR)
        except OSError:  # a folder in which nothing can be made, or another's file: then there are no turns
            self._file = -1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write in here, when it is this process's turn."""
        until = self._elapsed() + self._patience
        queued = self._take(QUEUE, until)
        try:
            ours = self._take(TURN, until)
        finally:
            if queued:
                self._let_go(QUEUE)
        in_vain = not (queued and ours)
        self._patience = max(IMPATIENCE, self._patience / 2) if in_vain else PATIENCE
        try:
            yield
        finally:
            if ours:
                self._let_go(TURN)

    def close(self) -> None:
        """Let go of the file. Repeatable."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self, lock: int, until: float) -> bool:
        """Whether it was to be had in time."""
        while self._file >= 0:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)
            except (
                BlockingIOError,
                PermissionError,
            ):  # another has it; systems differ in what they call that
                if self._elapsed() >= until:
                    return False
                self._pause(LOOK)
            except OSError:  # there are no locks here, or no more of them
                return False
            else:
                return True
        return False

    def _let_go(self, lock: int) -> None:
        with suppress(OSError):  # what was committed meanwhile is committed
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
