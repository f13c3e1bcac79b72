"""How many bodies are received at once, by all workers together, whose they are, and how that is stopped."""

import asyncio
from types import TracebackType

from heavylift.api.running.board import Seat
from heavylift.api.shares import RETRY_AFTER, Place, Room
from heavylift.domain.errors import Overloaded, ShuttingDown

OWN = 4
"""One in so many of a worker's places is taken by nobody who sits in another worker. All workers together
receive so much more at the most."""


class Gate:
    """Counts the bodies inside: at most `most` at once in each worker, and as many JSON documents beside.

    None begins once it is shut. Workers that share count their bodies together: who has more than `most`
    is not refused beside others that have less. Who gives way is decided among those of one worker, which
    has a part of its places in any case: see `Room`.
    """

    def __init__(self, most: int) -> None:
        self._bodies = Room(most)
        self._documents = Room(most)
        self._stays: dict[Place, Stay] = {}
        self._closed = False
        self._seat: Seat | None = None

    @property
    def closed(self) -> bool:
        """Whether this process is stopping."""
        return self._closed

    def share(self, seat: Seat, workers: int) -> None:
        """Count together with the other workers at that board."""
        self._seat = seat
        self._bodies.own = self._bodies.most // OWN
        self._bodies.most *= workers

    def shut(self) -> None:
        """Let nothing more in. What is inside goes on."""
        self._closed = True

    def check(self) -> None:
        """Raises ShuttingDown if nothing new is begun here any more."""
        if self._closed:
            raise ShuttingDown("This server is stopping. Send it again in a moment.", retry_after=RETRY_AFTER)

    def enter(self, project: str) -> "Stay":
        """Be counted, for the length of an `async with` block.

        Raises ShuttingDown or Overloaded at the door. If the project has to give way meanwhile, the
        block is cancelled, and Overloaded comes out of it.
        """
        self.check()
        return self._enter(
            self._bodies, project, elsewhere=self._seat.bodies_elsewhere() if self._seat else 0
        )

    def enter_document(self, project: str, *, ending: bool = False) -> "Stay":
        """The same for a JSON body. `ending`: it ends an Upload, which it may while the process stops."""
        if not ending:
            self.check()
        return self._enter(self._documents, project)

    def _enter(self, room: Room, project: str, *, elsewhere: int = 0) -> "Stay":
        place = Place(project)
        loser = room.take(place, elsewhere=elsewhere)
        if loser is not None:
            self._stays[loser].cut_off()
        stay = self._stays[place] = Stay(self, room, place)
        self._tell()
        return stay

    def leave(self, stay: "Stay") -> None:
        """No longer be counted."""
        del self._stays[stay.place]
        self._tell()

    def _tell(self) -> None:
        if self._seat is not None:
            self._seat.bodies(self._bodies.count)


class Stay:
    """One body's time inside the gate, on one place."""

    def __init__(self, gate: Gate, room: Room, place: Place) -> None:
        self._gate = gate
        self._room = room
        self._bound = asyncio.timeout(None)
        self._entered = False
        self._gone = False
        self.place = place

    def cut_off(self) -> None:
        """End it: another project needs the place."""
        self._gone = True
        if self._entered:
            self._bound.reschedule(0)

    def arrived(self) -> None:
        """It has come whole: its place is free for others, whatever is still done with it."""
        self._room.give_back(self.place)

    async def __aenter__(self) -> "Stay":
        await self._bound.__aenter__()
        self._entered = True
        if self._gone:  # between the door and here
            self._bound.reschedule(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.give_back(self.place)
        self._gate.leave(self)
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError:
            raise Overloaded(
                "All places for bodies are taken, and your project held more than its share of them: this"
                " body had to give way to one of another project. Nothing of it was kept. Send it again in a"
                " moment.",
                retry_after=RETRY_AFTER,
            ) from None
