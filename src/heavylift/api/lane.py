"""The lane: bulk bodies past ASGI's copies, in both directions.

Under uvicorn's httptools protocol, on plain TCP, a body of known length is received
straight from the socket into one reused buffer, in a thread, and a file's bytes go out
by `sendfile`. The event loop only waits for readiness: a slow client holds no thread.
Everything else (another server, TLS, chunked bodies) goes through `receive` and `send`.
"""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Final, cast

import httptools
import structlog
import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from heavylift.api.body import ClientGone, Patience, too_slow
from heavylift.api.cork import Corked
from heavylift.api.guard import GuardedProtocol
from heavylift.api.lanein import BUFFER, Consume, Reader
from heavylift.api.laneout import Piece, Writer
from heavylift.api.sender import Sender
from heavylift.api.turns import Turn
from heavylift.service.waiting import settled

log = structlog.get_logger("heavylift.server")

EXTENSION: Final = "heavylift.lane"
"""Where an application finds the lane of its request, among the scope's extensions."""

TESTED: Final = ("0.54.",)
"""Beginnings of the versions of uvicorn whose insides this module was tested against."""

THREADS: Final = max(1, min(4, os.cpu_count() or 1))
"""They hold no client that is slow, so few suffice: more would only hand the interpreter's lock around."""

NICE: Final = 10
"""What receiving threads give way by. A waking event loop runs before them, so that small requests are
answered soon; where processors are free it changes nothing."""


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere only whole processes have a priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


_receivers = ThreadPoolExecutor(THREADS, thread_name_prefix="lane-in", initializer=_give_way)
_senders = [Sender(f"lane-out-{number}") for number in range(THREADS)]  # not behind a disk slow to write
_turns = count()
_buffers: list[bytearray] = []


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
    """One request's way past ASGI.

    `begun` tells that its body has been asked for, `unanswered` that nothing has been sent by this way.
    """

    def __init__(self, protocol: LaneProtocol) -> None:
        self._protocol = protocol
        self.cycle: RequestResponseCycle
        self.begun = False
        self.unanswered = True

    def can_receive(self) -> bool:
        """Whether the body's bytes have not been asked for in another way, nor all come already."""
        cycle = self.cycle
        return cycle is self._protocol.cycle and cycle.more_body and not cycle.disconnected

    async def receive(self, length: int, consume: Consume, patience: Patience) -> None:
        """Give the whole body of `length` bytes to `consume`, in a thread, piece by piece.

        Raises ClientGone, TooSlow, OSError without a file descriptor left, and what `consume` raises. When
        it returns or raises, no thread is in `consume` any more; what is left of the body goes the usual way.
        """
        protocol, cycle = self._protocol, self.cycle
        descriptor = os.dup(protocol.transport.get_extra_info("socket").fileno())  # first: it may fail
        self.begun = True
        protocol.flow.pause_reading()
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        buffer = _buffers.pop() if _buffers else bytearray(BUFFER)
        early, cycle.body = cycle.body, bytearray()
        reader = Reader(descriptor, buffer, early, length - len(early), consume)
        protocol.take_over(reader.left)
        try:
            await self._drain(reader, patience)
        except ClientGone:
            self._hang_up()
            raise
        finally:
            os.close(descriptor)
            _buffers.append(buffer)
            self._count("bytes_in", length - reader.left)
            if reader.read:
                protocol.passed(reader.read)

    async def send(
        self, head: Callable[[], Awaitable[None]], pieces: Iterator[Piece], patience: Patience
    ) -> None:
        """Send an answer: the head that `head` gives to `send`, and the pieces as its body.

        Raises ClientGone, OSError without a file descriptor left, and what `pieces` raises: if it is
        `unanswered` then, another answer may be sent. When it returns or raises, no thread is at work on the
        pieces any more.
        """
        cycle, transport = self.cycle, self._protocol.transport
        while transport.get_write_buffer_size():  # of the answer before
            await self._writable(patience)
        corked = cast("Corked", transport)  # which the guarded protocol has put there
        known = transport.get_extra_info("socket")
        with socket.socket(known.family, known.type, known.proto, os.dup(known.fileno())) as connection:
            corked.hold()
            try:
                await head()
            finally:
                held = corked.take()
            if cycle.disconnected:
                raise ClientGone
            writer = Writer(connection, held, pieces)
            try:
                await _senders[next(_turns) % THREADS].send(writer, idle=patience.idle)
            except ClientGone:
                self._hang_up()
                raise
            finally:
                self._count("bytes_out", writer.sent)
                cycle.expected_content_length -= writer.sent
                self.unanswered = not writer.begun
                if self.unanswered:
                    cycle.response_started, cycle.chunked_encoding = False, None

    async def _drain(self, reader: "Reader", patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        began, ahead = loop.time(), reader.left
        while (turn := await settled(loop.run_in_executor(_receivers, reader.drain))) is not Turn.DONE:
            seconds = patience.left(loop.time() - began, ahead - reader.left)
            if turn is Turn.BLOCKED and not await _ready(
                loop.add_reader, loop.remove_reader, reader.descriptor, seconds
            ):
                raise too_slow(patience)

    async def _writable(self, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        descriptor = os.dup(self._protocol.transport.get_extra_info("socket").fileno())
        try:
            if not await _ready(loop.add_writer, loop.remove_writer, descriptor, patience.idle):
                raise ClientGone
        finally:
            os.close(descriptor)

    def _hang_up(self) -> None:
        """The client is gone, which uvicorn does not see yet: it would answer in our place, or complain."""
        self.cycle.disconnected = True
        self._protocol.transport.close()

    def _count(self, name: str, count: int) -> None:
        """For the request's line in the log."""
        state: dict[str, Any] = self.cycle.scope["state"]
        state[name] = state.get(name, 0) + count


def protocol_path(*, lane: bool) -> str:
    """The protocol class for uvicorn to import: with a lane if wanted and known to work, else without."""
    known = sys.platform == "linux" and uvicorn.__version__.startswith(TESTED)
    if lane and not known:
        here = f"uvicorn {uvicorn.__version__} on {sys.platform}"
        log.warning("lane.off", reason=f"not tested with {here}", tested=TESTED)
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
