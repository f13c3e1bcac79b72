"""How many bodies are received at once, by all workers together, and how a process stops taking them."""

from heavylift.api.running.board import Seat
from heavylift.domain.errors import Overloaded, ShuttingDown

RETRY_AFTER = 2
"""Seconds. Long enough for a Part or two to finish, or for a successor to listen."""


class Gate:
    """Counts the bodies inside. At most `most` at once in each worker; none begins once it is shut.

    Workers that share count together: who has more than `most` is not refused beside others that have less.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._closed = False
        self._seat: Seat | None = None

    @property
    def closed(self) -> bool:
        """Whether this process is stopping."""
        return self._closed

    def share(self, seat: Seat, workers: int) -> None:
        """Count together with the other workers at that board."""
        self._seat = seat
        self._most *= workers

    def shut(self) -> None:
        """Let nothing more in. What is inside goes on."""
        self._closed = True

    def check(self) -> None:
        """Raises ShuttingDown if nothing new is begun here any more."""
        if self._closed:
            raise ShuttingDown("This server is stopping. Send it again in a moment.", retry_after=RETRY_AFTER)

    def enter(self) -> "Gate":
        """Be counted, for the length of a `with` block. Raises ShuttingDown or Overloaded at the door."""
        self.check()
        if self._inside + (self._seat.bodies_elsewhere() if self._seat else 0) >= self._most:
            raise Overloaded(
                f"{self._most} bodies are being received already. Send it again in a moment.",
                retry_after=RETRY_AFTER,
            )
        self._count(1)
        return self

    def __enter__(self) -> None:
        """Inside."""

    def __exit__(self, *_: object) -> None:
        self._count(-1)

    def _count(self, more: int) -> None:
        self._inside += more
        if self._seat is not None:
            self._seat.bodies(self._inside)
