"""What a connection stands on: its transport, its state, its clock; what is written, and how it ends."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from heavylift.api.server import bounds
from heavylift.api.server.bounds import PIECE, Shared
from heavylift.api.server.clock import Deadline
from heavylift.api.server.cycle import Cycle
from heavylift.api.server.states import CLOSED, IDLE, NEXT, State


class Host(Protocol):
    """The server that a connection belongs to. `state` is the lifespan's; `leaving` tells that each answer is
    the last of its connection from now on."""

    root_path: str
    shared: Shared
    state: dict[str, Any]
    connections: set[Any]
    leaving: Callable[[], bool]

    def begin(self, connection: Any, cycle: Cycle) -> None:
        """Let what is above answer the request."""

    def count(self) -> None:
        """One more request is answered."""


class Link(asyncio.BufferedProtocol):
    """The parts of a connection that know nothing of requests, but that there may be one: `cycle`."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host, self._loop = host, loop
        self._shared, self._bounds = host.shared, host.shared.bounds
        self.transport: asyncio.Transport
        self.plain = True
        self.state = IDLE
        self.cycle: Cycle | None = None  # the request under way
        self._writable: asyncio.Event | None = None  # while the client takes nothing
        self._reading = True
        self._ended = self._stopping = False  # by the client's side; by the server's
        self._clock = Deadline(loop, self._late)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=bounds.WAITING)
        self.plain = transport.get_extra_info("sslcontext") is None
        self._addresses = _address(transport, "sockname"), _address(transport, "peername")
        self._host.connections.add(self)
        self._clock.move(self._bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(CLOSED)
        self._host.connections.discard(self)
        self._clock.drop()
        self._leave()

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        self._clock.move(self._bounds.idle_seconds)

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        self._clock.move(self._bounds.keep_alive)

    def write(self, data: bytes | memoryview) -> None:
        """Send, or keep until the client takes it."""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def borrow(self, wanted: int) -> int:
        """So many of these bytes may be written at once. To be given back when the client has taken them."""
        return wanted if wanted <= PIECE or self._shared.answers.move(0, wanted) else PIECE

    def give_back(self, size: int) -> None:
        """What was borrowed."""
        if size > PIECE:
            self._shared.answers.move(size, 0)

    async def until_writable(self) -> None:
        """Wait until the client has taken what was written, or has left."""
        if self._writable is not None:
            await self._writable.wait()

    def pace(self) -> None:
        """Read from the socket only what there is use for."""
        wanted = self._room() > 0
        if wanted is not self._reading and not self.transport.is_closing():
            self._reading = wanted
            (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def _room(self) -> int:
        """How many bytes there is use for now."""
        raise NotImplementedError

    def _late(self) -> None:
        """The clock's time is over."""
        raise NotImplementedError

    def _enter(self, state: State) -> None:
        if state is not self.state:
            assert state in NEXT[self.state], f"{self.state} -> {state}"
            self.state = state

    def close(self) -> None:
        """Nothing more comes or goes, but for what was written."""
        self._enter(CLOSED)
        self._leave()
        if not self.transport.is_closing():
            self._clock.move(self._bounds.idle_seconds)
            self.transport.close()

    def hang_up(self) -> None:
        """The client is gone, or taken to be: what was written is forgotten."""
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        """Whoever waits for this client waits no longer."""
        if self.cycle is not None:
            self.cycle.disconnect()
        if self._writable is not None:
            self._writable.set()


def _address(transport: asyncio.BaseTransport, name: str) -> tuple[str, int] | None:
    """As ASGI has it: host and port, or nothing."""
    found = transport.get_extra_info(name)
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
