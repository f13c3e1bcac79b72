"""Fair turns of several processes that write to one SQLite database.

SQLite lets whoever waits sleep and look again, up to a tenth of a second later; a process that writes without
a pause takes the lock again at once, and so nearly always. Here a writer first queues and then takes the
turn, two locks of the operating system: whoever has just written finds the queue held by the one that
waits, and comes after it. This orders writers and guards nothing: SQLite's own lock does that. So a process
that stands still with the turn delays the others by `PATIENCE`, and they go on without it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from heavylift import private
from heavylift.catalog.presence import SERVING

QUEUE: Final = 1
TURN: Final = 2
"""Bytes of the file, each a lock."""

PATIENCE: Final = 0.5
"""Seconds that the turn is waited for. A commit takes some milliseconds, on a slow disk a hundred."""

LOOK: Final = 0.0005
"""Seconds between two looks at a lock that another has: a few of them in the time of one commit."""


class Turns:
    """One process's place among those that write to the database at `path`. For one thread."""

    def __init__(self, path: str) -> None:
        private.make_file(path + SERVING)
        self._file = os.open(path + SERVING, os.O_RDWR | os.O_CLOEXEC)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write in here, when it is this process's turn."""
        until = time.monotonic() + PATIENCE
        queued = self._take(QUEUE, until)
        try:
            ours = self._take(TURN, until)
        finally:
            if queued:
                self._let_go(QUEUE)
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
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)
            except OSError:  # another has it, or this file system knows no locks: then there are no turns
                if time.monotonic() >= until:
                    return False
                time.sleep(LOOK)
            else:
                return True

    def _let_go(self, lock: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)
