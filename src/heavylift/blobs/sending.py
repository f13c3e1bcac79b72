"""One blob on its way to an object store: small ones by a single PUT, larger ones while they stream in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from heavylift.blobs.room import Room
from heavylift.blobs.storeerrors import store_errors
from heavylift.service.ports import Buffer, StorageDown, StorageFull
from heavylift.service.waiting import ended, settled

PIECE = 256 * 1024
"""Bytes handed over at once, exactly: the store's client keeps whole pieces, also of those that begin in
one segment and end in the next. Each hand-over changes threads twice, which at half the size costs a
tenth of all our time; twice the size gains nothing more, and only takes memory."""

SEGMENT = 5 * 1024 * 1024
"""Bytes of one part of a store's multipart upload: S3's least. What fits in it goes by one PUT."""

PATIENCE = 5.0
"""Seconds that a failed write waits for the store to give up what it got. After that it is told, and
the giving up goes on behind it: a store that hangs has its own timeout still to run through."""


class Put(Protocol):
    """Begins to store an object: `content` as one whole, or as it comes."""

    def __call__(self, content: "list[Buffer] | Belt") -> asyncio.Future[object]: ...


class Withdrawn(Exception):
    """Tells the store's client that there will be no more: it gives up its multipart upload."""


class Belt:
    """Carries pieces from the task that receives them to the store's client, one at a time."""

    def __init__(self) -> None:
        self._piece: Buffer | None = None
        self._withdrawn = False
        self._free = asyncio.Event()
        self._free.set()
        self._laden = asyncio.Event()

    def __aiter__(self) -> "Belt":
        return self

    async def __anext__(self) -> Buffer:
        await self._laden.wait()
        if self._withdrawn:
            raise Withdrawn
        if self._piece is None:
            raise StopAsyncIteration
        piece, self._piece = self._piece, None
        self._laden.clear()
        self._free.set()
        return piece

    async def free(self) -> None:
        """Wait until there is room for a piece, or nobody takes any more."""
        await self._free.wait()

    def lay(self, piece: Buffer | None) -> None:
        """Put a piece on it, to be changed by nobody from now on; None is the end."""
        self._piece = piece
        self._free.clear()
        self._laden.set()

    def withdraw(self) -> None:
        """The next to be taken is the news that there is no blob after all."""
        self._withdrawn = True
        self._piece = None
        self._laden.set()

    def stop(self) -> None:
        """Nobody takes any more: whoever waits for room goes on."""
        self._free.set()


class Sending:
    """`add` chunks, then `commit`; on any failure `abort`. `put` begins an object, `delete` removes it.
    `room` says when the next piece may be held in memory.

    A put that has begun is never cancelled: that would leave an unfinished multipart upload
    behind. It is told through the belt instead, and waited for. `leave` is given what outlasts
    PATIENCE, to be waited for when the store closes.
    """

    def __init__(
        self,
        put: Put,
        delete: Callable[[], Awaitable[None]],
        room: Room,
        leave: Callable[[asyncio.Future[None]], None],
    ) -> None:
        self._begin = put
        self._delete = delete
        self._room = room
        self._count = 0
        self._leave = leave
        self._pieces: list[Buffer] = []
        self._filling = bytearray()
        self._filled = 0
        self._belt: Belt | None = None
        self._put: asyncio.Future[object] | None = None

    async def add(self, chunk: Buffer) -> None:
        """Take the chunk in; it may be used again on return. Raises what the put raised, if it is over."""
        view = memoryview(chunk)
        while view:
            self._filling = self._filling or bytearray(PIECE)
            count = min(len(view), PIECE - self._filled)
            self._filling[self._filled : self._filled + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == PIECE:
                await self._next()

    async def commit(self) -> None:
        """Send what is left and return once the store has the whole object."""
        del self._filling[self._filled :]
        if self._belt is None:
            with store_errors():
                self._put = self._begin([*self._pieces, self._filling])
                self._pieces = []
                await settled(self._put)
            return
        if self._filling:
            await self._hand(self._belt, self._filling)
        await self._hand(self._belt, None)
        with store_errors():
            assert self._put is not None
            await settled(self._put)

    async def abort(self, error: BaseException) -> None:
        """Leave no trace in the store. If the store keeps us from it, `error` gets a note."""
        self._pieces, self._filling = [], bytearray()
        put, self._put = (
            self._put,
            None,
        )  # its error knows the frame that knows us: memory, until that is found
        if put is None:
            return
        if self._belt is not None:
            self._belt.withdraw()
        clearing = asyncio.ensure_future(self._clear(put, error))
        await ended(asyncio.ensure_future(asyncio.wait([clearing], timeout=PATIENCE)))
        if not clearing.done():
            self._leave(clearing)
            error.add_note("The store does not answer; what it got is deleted when it does.")

    async def _clear(self, put: asyncio.Future[object], error: BaseException) -> None:
        await asyncio.wait([put])
        if put.exception() is None:
            try:
                await self._delete()
            except (StorageDown, StorageFull) as left:
                error.add_note(f"What was written is still there, for the sweeper to find: {left}")

    async def _next(self) -> None:
        """A piece is full."""
        piece, self._filling, self._filled = self._filling, bytearray(), 0
        self._count += 1
        await self._room.fill(self._count, of=SEGMENT // PIECE)
        if self._belt is not None:
            await self._hand(self._belt, piece)
            return
        self._pieces.append(piece)
        if len(self._pieces) * PIECE > SEGMENT:
            await self._stream()

    async def _stream(self) -> None:
        belt = self._belt = Belt()
        with store_errors():
            self._put = self._begin(belt)
        self._put.add_done_callback(lambda _: belt.stop())
        self._pieces.reverse()
        while self._pieces:
            await self._hand(belt, self._pieces.pop())

    async def _hand(self, belt: Belt, piece: Buffer | None) -> None:
        await belt.free()
        assert self._put is not None
        if self._put.done():
            with store_errors():
                self._put.result()
            raise StorageDown("the object store ended a blob before its end")
        belt.lay(piece)
