"""What one connection may cost, and all of them together: every bound, with its reason."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from heavylift.domain.limits import GIB, KIB, MIB

STATE: Final = "heavylift.connection"
"""Where the lifespan's state holds what connections share."""

LINES: Final = 100
"""Header lines of a head, and of trailers. Browsers send some 30, proxies add a handful; nginx and Apache
stop at about as many. What a line costs does not depend on how short it is."""

AHEAD: Final = 16 * KIB
"""Bytes kept of requests that wait for the answer before them, or for an answer that nobody takes:
dozens of requests. A thousand such connections hold 16 MiB."""

SMALL: Final = 64 * KIB
"""Bytes of a body that is there in whole when its handler begins. With the default of 64 bodies at once,
4 MiB."""

BODY_AHEAD: Final = 64 * KIB
"""Bytes kept of a body that its handler has not asked for yet."""

READ: Final = 256 * KIB
"""Bytes of a body taken at once when a handler waits for them."""

UNFINISHED: Final = 16 * MIB
"""Bytes of heads, and of small bodies, that have begun and not ended, in the whole process: whoever sends
in one piece, as nearly everybody does, never counts. Beyond it a head is refused, and a body is not waited
for."""

WAITING: Final = 32 * KIB
"""Bytes that wait in the process until a client takes them, before nothing more is given to it: what the
kernel holds for it comes on top. A thousand slow readers hold 32 MiB."""

PIECE: Final = 64 * KIB
"""Bytes of an answer written at once, then the client has to take them. More, while `ANSWERS` allows it."""

ANSWERS: Final = 32 * MIB
"""Bytes of larger pieces that wait in the process for their clients: a hundred clients at once get theirs in
few writes, and whoever comes then goes by pieces."""

TURN: Final = 2
"""Things of one connection that are looked at in one turn of the loop, then others have theirs: a head and
its small body, or two heads. A thousand that pipeline keep an honest one waiting for two thousand answers."""

CHUNKS: Final = 64
"""Lines of chunks that are read of a body in one turn of the loop: less than a tenth of a millisecond. What
comes in chunks of 8 KiB is held up once in 256 KiB."""

LINGER_STILL: Final = 5.0
"""Seconds without a byte after which a refused client has stopped sending."""

LINGER_SECONDS: Final = 120.0
"""Seconds for which what a refused client goes on sending is dropped, so that it gets to read why: the
largest body in one request takes so long at 5 MB/s."""

LINGER_BYTES: Final = 2 * GIB
"""Bytes that are dropped so. More than the largest body that any operation takes: Apache and Varnish read
no answer before the last byte of a body has gone."""

PARTING_STILL: Final = 1.0
"""Seconds without a byte after the last answer of a connection that cannot be closed on one side (TLS)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an operator may set. Bytes of a head; seconds for a head, for a client that stands still, and
    between requests. `lane` lets threads move large bodies straight between socket and file."""

    head_bytes: int
    head_seconds: float
    idle_seconds: float
    keep_alive: float = 20.0
    lane: bool = True


@dataclass(slots=True)
class Budget:
    """Bytes of one kind in this process: of unfinished heads and small bodies, or of answers."""

    most: int = UNFINISHED
    taken: int = 0

    def move(self, before: int, after: int) -> bool:
        """Count `after` bytes of a connection where there were `before`. Whether there is room for more."""
        if after > before and self.taken + after - before > self.most:
            return False
        self.taken += after - before
        return True


class Hot(Protocol):
    """What answers some requests past ASGI."""

    def begin(self, cycle: Any) -> Coroutine[Any, Any, None] | bool:
        """What answers this one; True if it is answered, False if it is for the application."""


def _scratch() -> memoryview:
    return memoryview(bytearray(READ))


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all connections of a process share.

    `hot` answers some requests past ASGI. `budget` is of what comes in, `answers` of what goes out. `scratch`
    is where the loop reads into; it is emptied before the next connection is read. `host` stands for the
    server, once that is known.
    """

    bounds: Bounds
    hot: Hot | None = None
    budget: Budget = field(default_factory=Budget)
    answers: Budget = field(default_factory=lambda: Budget(ANSWERS))
    scratch: memoryview = field(default_factory=_scratch)
    host: Any = None
