"""The lane: bulk bodies past ASGI's copies, in both directions.

Under uvicorn's httptools protocol, on plain TCP, a body of known length is received
straight from the socket into one reused buffer, in a thread, and a file's bytes go out
by `sendfile`. The event loop only waits for readiness: a slow client holds no thread.
Everything else (another server, TLS, chunked bodies) goes through `receive` and `send`.
"""

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any, BinaryIO, Final

import httptools
import structlog
import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from heavylift.api.body import ClientGone, Patience, too_slow
from heavylift.api.guard import GuardedProtocol
from heavylift.domain.files import Span
from heavylift.domain.limits import KIB, MIB
from heavylift.service.ports import StorageDown
from heavylift.service.waiting import settled

log = structlog.get_logger("heavylift.server")

EXTENSION: Final = "heavylift.lane"
"""Where an application finds the lane of its request, among the scope's extensions."""

BUFFER: Final = 256 * KIB
"""Fits a core's second-level cache, so that what is checksummed and written is still warm."""

TESTED: Final = ("0.54.",)
"""Beginnings of the versions of uvicorn whose insides this module was tested against."""

THREADS: Final = max(1, min(4, (os.cpu_count() or 1) // 2))
"""They hold no client that is slow, so few suffice: more would only hand the interpreter's lock around.
On two cores one receives 64 MiB Parts faster than four do, with two thirds of the processor time."""

LINGER_MS: Final = 2
"""How long a thread waits for the next bytes before it gives the wait back to the loop."""

SLICE: Final = 4 * MIB
"""Bytes of one sendfile call."""

TURN: Final = 16 * MIB
"""Bytes that one request moves before the next one waiting for a thread has its turn."""

_receivers = ThreadPoolExecutor(THREADS, thread_name_prefix="lane-in")
_senders = ThreadPoolExecutor(
    THREADS, thread_name_prefix="lane-out"
)  # not behind a disk that is slow to write
_buffers: list[bytearray] = []

Piece = tuple[BinaryIO, Span]
"""A stretch of an open file."""

Consume = Callable[[bytearray, int], None]
"""Takes the first n bytes of the buffer; they are overwritten after it returns."""


class Turn(Enum):
    """How a thread's turn at a request ended."""

    DONE = auto()
    BLOCKED = auto()
    USED_UP = auto()


class LaneProtocol(GuardedProtocol):
    """The guarded protocol, with a lane beside it for each request.

    `_ahead` counts the bytes of a body that the lane has taken over: from then on this class
    and not the parser knows where the body ends, and a fresh parser waits for the next head.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ahead = 0

    def on_headers_complete(self) -> None:
        if self.scheme == "http":
            extensions: Any = self.scope.setdefault("extensions", {})
            lane = Lane(self)
            extensions[EXTENSION] = lane
            super().on_headers_complete()
            lane.cycle = self.cycle
        else:
            super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if not self._ahead:
            super().data_received(data)
            return
        body, rest = data[: self._ahead], data[self._ahead :]
        self.on_body(body)
        self.passed(len(body))
        if rest:
            super().data_received(rest)

    def take_over(self, ahead: int) -> None:
        """From now on `ahead` bytes of body come, which the parser does not see."""
        self._ahead = ahead
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def passed(self, count: int) -> None:
        """So many bytes of the body have come, by the lane or past it."""
        self._ahead -= count
        if not self._ahead and self.parser is not None:  # None: the connection is lost
            self.on_message_complete()


class Lane:
    """One request's way past ASGI. `begun` tells that its body has been asked for."""

    def __init__(self, protocol: LaneProtocol) -> None:
        self._protocol = protocol
        self.cycle: RequestResponseCycle
        self.begun = False

    def can_receive(self) -> bool:
        """Whether the body's bytes have not been asked for in another way, nor all come already."""
        cycle = self.cycle
        return cycle is self._protocol.cycle and cycle.more_body and not cycle.disconnected

    async def receive(self, length: int, consume: Consume, patience: Patience) -> None:
        """Give the whole body of `length` bytes to `consume`, in a thread, piece by piece.

        Raises ClientGone, TooSlow, and what `consume` raises. When it returns or raises, no
        thread is in `consume` any more; what is left of the body goes the usual way.
        """
        protocol, cycle = self._protocol, self.cycle
        self.begun = True
        protocol.flow.pause_reading()
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        buffer = _buffers.pop() if _buffers else bytearray(BUFFER)
        descriptor = os.dup(protocol.transport.get_extra_info("socket").fileno())
        early, cycle.body = cycle.body, bytearray()
        reader = _Reader(descriptor, buffer, early, length - len(early), consume)
        protocol.take_over(reader.left)
        try:
            await self._drain(reader, patience)
        finally:
            os.close(descriptor)
            _buffers.append(buffer)
            self._count("bytes_in", length - reader.left)
            if reader.read:
                protocol.passed(reader.read)

    async def send(self, pieces: Iterator[Piece], patience: Patience) -> None:
        """Send the pieces as the answer's body, behind the head that has been handed to `send`.

        Raises ClientGone, and what `pieces` raises. When it returns or raises, no thread is at
        work on them any more.
        """
        loop, transport = asyncio.get_running_loop(), self._protocol.transport
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        writer = _Writer(descriptor, pieces)
        try:
            while transport.get_write_buffer_size():  # the head
                await self._writable(descriptor, patience)
            while (turn := await settled(loop.run_in_executor(_senders, writer.push))) is not Turn.DONE:
                if self.cycle.disconnected:
                    raise ClientGone
                if turn is Turn.BLOCKED:
                    await self._writable(descriptor, patience)
        finally:
            os.close(descriptor)
            self._count("bytes_out", writer.sent)
            self.cycle.expected_content_length -= writer.sent

    async def _drain(self, reader: "_Reader", patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience.total
        while (turn := await settled(loop.run_in_executor(_receivers, reader.drain))) is not Turn.DONE:
            seconds = min(patience.idle, deadline - loop.time())
            if turn is Turn.BLOCKED and not await _ready(
                loop.add_reader, loop.remove_reader, reader.descriptor, seconds
            ):
                raise too_slow(patience)

    async def _writable(self, descriptor: int, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        if not await _ready(loop.add_writer, loop.remove_writer, descriptor, patience.idle):
            raise ClientGone

    def _count(self, name: str, count: int) -> None:
        """For the request's line in the log."""
        state: dict[str, Any] = self.cycle.scope["state"]
        state[name] = state.get(name, 0) + count


class _Reader:
    """What a thread does: take what is in the socket, give it away in large pieces."""

    def __init__(
        self, descriptor: int, buffer: bytearray, early: bytearray, left: int, consume: Consume
    ) -> None:
        self.descriptor = descriptor
        self.left = left
        self.read = 0
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._filled = 0
        self._early = early
        self._consume = consume
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def drain(self) -> Turn:
        """Read on: to the end of the body, until there is nothing to read, or until others wait."""
        self._take_early()
        end = self.left - TURN
        while self.left:
            if self.left <= end:
                return Turn.USED_UP
            room = self._view[self._filled : self._filled + self.left]
            try:
                count = os.readv(self.descriptor, [room])
            except BlockingIOError:
                if self._poll.poll(LINGER_MS):
                    continue
                return Turn.BLOCKED
            except ConnectionError:
                raise ClientGone from None
            if not count:
                raise ClientGone
            self._filled += count
            self.left -= count
            self.read += count
            if self._filled >= BUFFER // 2:
                self._give()
        self._give()
        return Turn.DONE

    def _take_early(self) -> None:
        """What came with the head: into the buffer if there is room, so that the first write is large too."""
        early, self._early = self._early, bytearray()
        if len(early) > BUFFER // 2:
            self._consume(early, len(early))
        elif early:
            self._view[: len(early)] = early
            self._filled = len(early)

    def _give(self) -> None:
        count, self._filled = self._filled, 0
        if count:
            self._consume(self._buffer, count)


class _Writer:
    """What a thread does: push files into the socket until it takes no more."""

    def __init__(self, descriptor: int, pieces: Iterator[Piece]) -> None:
        self._descriptor = descriptor
        self._pieces = pieces
        self._file: BinaryIO | None = None
        self._span = Span(0, 0)
        self.sent = 0
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def push(self) -> Turn:
        """Send on: to the end, until the socket is full, or until others wait."""
        end = self.sent + TURN
        while self.sent < end:
            if self._span.start == self._span.stop and not self._open_next():
                return Turn.DONE
            if not self._push_some():
                return Turn.BLOCKED
        return Turn.USED_UP

    def _open_next(self) -> bool:
        piece = next(self._pieces, None)
        if piece is not None:
            self._file, self._span = piece
        return piece is not None

    def _push_some(self) -> bool:
        """One call of sendfile. False if the socket stays full for longer than a thread may wait."""
        assert self._file is not None
        assert self._span.stop is not None
        size = min(SLICE, self._span.stop - self._span.start)
        try:
            count = os.sendfile(self._descriptor, self._file.fileno(), self._span.start, size)
        except BlockingIOError:
            return bool(self._poll.poll(LINGER_MS))
        except ConnectionError:
            raise ClientGone from None
        if not count:
            raise StorageDown(f"{self._file.name} is shorter than the catalog knows")
        self._span = Span(self._span.start + count, self._span.stop)
        self.sent += count
        return True


def protocol_path(*, lane: bool) -> str:
    """The protocol class for uvicorn to import: with a lane if wanted and known to work, else without."""
    known = uvicorn.__version__.startswith(TESTED)
    if lane and not known:
        log.warning("lane.off", reason=f"not tested with uvicorn {uvicorn.__version__}", tested=TESTED)
    chosen = LaneProtocol if lane and known else GuardedProtocol
    return f"{chosen.__module__}:{chosen.__name__}"


def lane_of(request: Request) -> Lane | None:
    """The request's lane, if the server has one."""
    lane: Lane | None = request.scope.get("extensions", {}).get(EXTENSION)
    return lane


def _mark(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def _ready(add: Any, remove: Any, descriptor: int, seconds: float) -> bool:
    """Wait until the descriptor is ready, for so many seconds at most. Whether it is."""
    ready = asyncio.get_running_loop().create_future()
    add(descriptor, _mark, ready)
    try:
        await asyncio.wait_for(ready, seconds)
    except TimeoutError:
        return False
    finally:
        remove(descriptor)
    return True
