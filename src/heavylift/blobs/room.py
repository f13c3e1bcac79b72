"""Memory of a driver, bounded for all blobs together."""

import asyncio
from contextlib import suppress

from heavylift.service.ports import StorageDown

SENT = 4
"""The piece behind a segment that comes only once the segment is sent: the first waits in the store's
client, the second between it and us, the third for room there."""


class Places:
    """So many at once. Whoever finds no place waits for one, at most `patience` seconds."""

    def __init__(self, count: int, *, patience: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._patience = patience

    def of_one(self) -> "Place":
        """One that is not taken yet."""
        return Place(self._free, self._patience)


class Place:
    """A place, for whoever needs it only now and then."""

    def __init__(self, free: asyncio.Semaphore, patience: float) -> None:
        self._free = free
        self._patience = patience
        self._taken = False

    async def take(self) -> bool:
        """Wait for it. Whether there was one in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
            self._taken = True
        return self._taken

    def give_back(self, _: object = None) -> None:
        """Nothing, if it was not taken."""
        if self._taken:
            self._taken = False
            self._free.release()


class Room:
    """The memory of one blob on its way into the store, which is a segment at most.

    `berth` is for as long as the blob holds more than a piece. `turn` is for the second half of a
    segment and the sending of it: so most blobs hold half a segment, and the store gets few at once.
    A client that sends slowly can keep a turn, so nobody waits for ever: whoever has none goes on.
    """

    def __init__(self, berth: Place, turn: Place) -> None:
        self._berth = berth
        self._turn = turn

    async def fill(self, pieces: int, *, of: int) -> None:
        """There is one more piece; it is that many of them that the blob has had so far, and a segment has
        `of`. Raises StorageDown if too many other blobs are on their way."""
        if pieces == 1 and not await self._berth.take():
            raise StorageDown("as many blobs are on their way to the object store as memory allows")
        if pieces % of == of // 2:
            self._turn.give_back()
            await self._turn.take()
        if pieces > of and pieces % of == SENT:
            self._turn.give_back()

    def leave(self, after: "asyncio.Future[None] | None" = None) -> None:
        """The blob is whole, or gone; or will be, `after` something. Once is enough."""
        for place in (self._berth, self._turn):
            if after is None:
                place.give_back()
            else:
                after.add_done_callback(place.give_back)


class Loans:
    """Memory of what lies ready before its readers take it, lent to all who read.

    Nobody waits for it: who is lent nothing reads piece by piece, and nothing ahead. Each is lent an
    eighth at most of what is left at that moment, so that whoever comes late finds some as well.
    """

    def __init__(self, memory: int, *, least: int, most: int) -> None:
        self.free = memory
        self._least = least
        self._most = most

    def lend(self, wanted: int) -> int:
        """So many bytes, or fewer; none if that would be too few to be of use."""
        size = min(wanted, self._most, self.free // 8)
        if size < self._least:
            return 0
        self.free -= size
        return size

    def give_back(self, size: int) -> None:
        """What was lent."""
        self.free += size
