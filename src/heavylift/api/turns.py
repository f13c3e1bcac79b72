"""Turns: what a thread of the lane does for one request before the next one has its turn."""

from enum import Enum, auto
from typing import Final

from heavylift.domain.limits import MIB

LINGER_MS: Final = 2
"""How long a thread waits for the next bytes before it gives the wait back to the loop."""

TURN: Final = 65 * MIB
"""Bytes that one request moves before the next one waiting for a thread has its turn: a Part of full size.

Only clients that are as fast as memory use up a turn. Shorter ones would end all of their Parts later, and
none sooner: with 16 such clients and 16 MiB, half of the Parts took nearly twice as long.
"""


class Turn(Enum):
    """How a thread's turn at a request ended."""

    DONE = auto()
    BLOCKED = auto()
    USED_UP = auto()
