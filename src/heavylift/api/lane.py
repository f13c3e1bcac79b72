"""The lane: bulk bodies past ASGI's copies, in both directions.

On plain TCP, a body of known length is received straight from the socket into one reused
buffer, in a thread, and a file's bytes go out by `sendfile`. The event loop only waits for
readiness: a slow client holds no thread. Everything else (another server, TLS, chunked
bodies) goes through `receive` and `send`.
"""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Final, Protocol

from starlette.requests import Request

from heavylift.api.body import ClientGone, Patience, too_slow
from heavylift.api.lanein import BUFFER, Consume, Reader
from heavylift.api.laneout import Piece, Writer
from heavylift.api.sender import Sender
from heavylift.api.server.cycle import Cycle
from heavylift.api.server.states import ANSWER, BODY, State
from heavylift.api.turns import Turn
from heavylift.service.waiting import settled

EXTENSION: Final = "heavylift.lane"
"""Where an application finds the lane of its request, among the scope's extensions."""

SUPPORTED: Final = sys.platform == "linux"
"""Where the system calls are that it is made of."""

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


class Road(Protocol):
    """The connection under a lane, which lends its socket to a thread and takes it back."""

    transport: asyncio.Transport
    state: State
    cycle: Cycle | None

    def pour(self) -> tuple[bytes, int]:
        """From now on a thread takes the body. What has come of it already, and how much is still to come."""

    def poured(self, count: int) -> None:
        """The thread has ended, and taken so much."""

    def lend(self) -> None:
        """From now on a thread sends."""

    def returned(self) -> None:
        """It has ended."""

    def hang_up(self) -> None:
        """The client is gone."""


class Lane:
    """One request's way past ASGI. `unanswered` tells that nothing has been sent by this way."""

    __slots__ = ("_cycle", "_road", "unanswered")

    def __init__(self, road: Road, cycle: Cycle) -> None:
        self._road = road
        self._cycle = cycle
        self.unanswered = True

    def can_receive(self) -> bool:
        """Whether the body's bytes have not been asked for in another way, nor all come already."""
        return self._road.cycle is self._cycle and self._road.state is BODY and not self._cycle.begun

    def can_send(self) -> bool:
        """Whether all of the request has come, so that the socket has nothing but the answer to carry."""
        return self._road.cycle is self._cycle and self._road.state is ANSWER

    async def receive(self, length: int, consume: Consume, patience: Patience) -> None:
        """Give the whole body of `length` bytes to `consume`, in a thread, piece by piece.

        Raises ClientGone, TooSlow, OSError without a file descriptor left, and what `consume` raises. When
        it returns or raises, no thread is in `consume` any more; what is left of the body goes the usual way.
        """
        if self._cycle.gone:
            raise ClientGone
        descriptor = os.dup(self._socket().fileno())  # first: it may fail
        early, left = self._road.pour()
        buffer = _buffers.pop() if _buffers else bytearray(BUFFER)
        reader = Reader(descriptor, buffer, bytearray(early), left, consume)
        try:
            await self._drain(reader, patience)
        except ClientGone:
            self._road.hang_up()
            raise
        finally:
            os.close(descriptor)
            _buffers.append(buffer)
            self._count("bytes_in", length - reader.left)
            self._road.poured(reader.read)

    async def send(
        self, head: Callable[[], Awaitable[None]], pieces: Iterator[Piece], patience: Patience
    ) -> None:
        """Send an answer: the head that `head` gives to `send`, and the pieces as its body.

        Raises ClientGone, OSError without a file descriptor left, and what `pieces` raises: if it is
        `unanswered` then, another answer may be sent. When it returns or raises, no thread is at work on the
        pieces any more.
        """
        cycle, road = self._cycle, self._road
        while road.transport.get_write_buffer_size():  # of the answer before
            await self._writable(patience)
        if cycle.gone:
            raise ClientGone
        known = self._socket()
        with socket.socket(known.family, known.type, known.proto, os.dup(known.fileno())) as connection:
            await head()
            if cycle.gone:
                raise ClientGone
            writer = Writer(connection, cycle.take_head(), pieces)
            road.lend()
            try:
                await _senders[next(_turns) % THREADS].send(writer, idle=patience.idle)
            except ClientGone:
                road.hang_up()
                raise
            finally:
                road.returned()
                self._count("bytes_out", writer.sent)
                cycle.sent(writer.sent)
                self.unanswered = not writer.begun
                if self.unanswered:
                    cycle.unstart()

    def _socket(self) -> Any:
        """The connection's. Raises ClientGone if that is lost."""
        known = self._road.transport.get_extra_info("socket")
        if self._road.transport.is_closing() or known is None or known.fileno() < 0:
            raise ClientGone
        return known

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
        descriptor = os.dup(self._socket().fileno())
        try:
            if not await _ready(loop.add_writer, loop.remove_writer, descriptor, patience.idle):
                raise ClientGone
        finally:
            os.close(descriptor)

    def _count(self, name: str, count: int) -> None:
        """For the request's line in the log."""
        state: dict[str, Any] = self._cycle.scope["state"]
        state[name] = state.get(name, 0) + count


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
