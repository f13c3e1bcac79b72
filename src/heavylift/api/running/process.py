"""One process that serves: starts the application, accepts connections, stops without losing what it began.

    state     accepts  an answer ends its connection  all have gone  the time is over
    --------  -------  -----------------------------  -------------  ----------------
    SERVING   yes      no
    RETIRING  no       yes                            CLOSING        CLOSING
    DRAINING  yes      yes; bodies are refused        CLOSING        ENDED, rest cut off
    CLOSING   no       yes; bodies are refused        ENDED          ENDED, rest cut off

RETIRING is for a worker whose successor serves: nobody is refused, but everybody moves over. It takes
as long as a connection may wait for a request. DRAINING and CLOSING share `grace`: the port stays open
while what was there when the stop was asked for ends, so that others hear a 503 instead of finding nobody.
An order moves on to its state from any above it; "now" ends each. What RETIRING, DRAINING and CLOSING
mean to a connection is said by `Connections` and its `shutdown()`.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp

from heavylift.api.running.accepting import Acceptor
from heavylift.api.running.board import Seat
from heavylift.api.running.certificate import Certificate
from heavylift.api.running.connections import Connections
from heavylift.api.running.lifespan import Lifespan

log = structlog.get_logger("heavylift.server")

TICK = 1.0
"""Seconds between two looks at the time, at the certificate, and two signs of life."""

CUT = 1.0
"""Seconds that handlers whose connections were cut have to tidy up, and the application after them."""

CLOSE = 5.0
"""Seconds that the application may take to stop when nothing was left to do."""


class State(IntEnum):
    """See above."""

    SERVING = 0
    RETIRING = 1
    DRAINING = 2
    CLOSING = 3
    ENDED = 4


class Gate(Protocol):
    """What the application puts into its state as "gate"."""

    def shut(self) -> None:
        """No body begins from now on."""

    def share(self, seat: Seat, workers: int) -> None:
        """Count together with other workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds: for what is under way when the service stops, for an idle connection, for a handshake."""

    grace: float
    keep_alive: float
    handshake: float


Make = Callable[[Connections, dict[str, Any]], asyncio.BufferedProtocol]
"""Makes the protocol of one connection, out of what all share and of the application's state."""


class Process:
    """One run of `app` on `sockets`. `alive` is called when it serves and then every TICK."""

    def __init__(
        self,
        app: ASGIApp,
        make: Make,
        sockets: Sequence[socket.socket],
        *,
        times: Times,
        certificate: Certificate | None = None,
        seat: Seat | None = None,
        workers: int = 1,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._app, self._make, self._sockets = app, make, sockets
        self._times, self._certificate = times, certificate
        self._seat, self._workers, self._alive = seat, workers, alive
        self._told = State.SERVING
        self._hurry = False
        self.cut_off = False

    # orders

    def retire(self) -> None:
        """A successor serves."""
        self._order(State.RETIRING)

    def drain(self) -> None:
        """Stop."""
        self._order(State.DRAINING)

    def close(self) -> None:
        """Stop, and leave the port at once to somebody else."""
        self._order(State.CLOSING)

    def end(self) -> None:
        """Stop, and do not wait."""
        self._hurry = True
        self._order(State.CLOSING)

    def renew(self) -> None:
        """Load the certificate anew, if there is one."""
        if self._certificate is not None:
            self._certificate.renew()

    def _order(self, state: State) -> None:
        self._told = max(self._told, state)
        if hasattr(self, "_connections"):
            self._connections.changed.set()

    # the run

    async def run(self) -> None:
        """Serve until told otherwise. Raises what keeps the application from starting."""
        self._connections = Connections(on_count=self._count)
        self._acceptor = Acceptor(self._sockets, self._connect, seat=self._seat)
        async with Lifespan(self._app) as lifespan:
            self._state = lifespan.state
            gate: Gate = lifespan.state["gate"]
            if self._seat is not None:
                gate.share(self._seat, self._workers)
            self._acceptor.start()
            ticking = asyncio.ensure_future(self._tick())
            try:
                await self._until(lambda: self._told > State.SERVING, None)
                await self._stop(gate)
            finally:
                self._acceptor.stop()
                ticking.cancel()
            if not await lifespan.stop(within=CUT if self.cut_off else CLOSE):
                log.warning("server.closed_late", hint="the stores did not close in time")
                self.cut_off = True

    async def _stop(self, gate: Gate) -> None:
        connections = self._connections
        connections.leave()
        if self._told is State.RETIRING:
            log.info("server.retiring", connections=len(connections))
            self._acceptor.stop()
            await self._until(lambda: self._told > State.RETIRING or self._is_empty(), self._times.keep_alive)
        else:
            log.info("server.draining", grace=self._times.grace)
        gate.shut()
        until = time.monotonic() + self._times.grace
        connections.shut_down()
        if self._told is State.DRAINING:
            await self._until(self._those_of_now_gone(), self._times.grace)
        self._acceptor.stop()
        connections.shut_down()
        if not await self._until(self._is_empty, until - time.monotonic()):
            await self._cut()

    def _is_empty(self) -> bool:
        connections = self._connections
        return not (connections.connections or connections.tasks or self._acceptor.coming)

    def _those_of_now_gone(self) -> Callable[[], bool]:
        """Who comes later is told to go, and is not waited for."""
        connections = self._connections
        there, running = set(connections.connections), set(connections.tasks)
        return lambda: not (there & connections.connections or running & connections.tasks)

    async def _cut(self) -> None:
        connections = self._connections
        self.cut_off = True
        log.warning(
            "server.cut_off", connections=len(connections), requests=len(connections.tasks),
            hint="told to end at once" if self._hurry else "STOP_GRACE is over",
        )  # fmt: skip
        self._acceptor.abort()
        connections.abort()
        self._hurry = False
        if not await self._until(self._is_empty, CUT):
            for task in list(connections.tasks):
                task.cancel()
            await self._until(self._is_empty, CUT)

    async def _until(self, done: Callable[[], bool], seconds: float | None) -> bool:
        """Wait for it, at most so long, and no longer than there is time. Whether it came."""
        changed = self._connections.changed
        try:
            async with asyncio.timeout(seconds):
                while not (done() or self._hurry):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            pass
        return done()

    async def _tick(self) -> None:
        while True:
            if self._certificate is not None:
                self._certificate.renew_if_changed()
            self._alive()
            await asyncio.sleep(TICK)

    # connections

    async def _connect(self, taken: socket.socket) -> None:
        self._count()
        context = self._certificate.context if self._certificate else None
        waits = {"ssl_handshake_timeout": self._times.handshake} if context else {}
        try:
            transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._make(self._connections, self._state), taken, ssl=context, **waits
            )
        except (OSError, TimeoutError) as error:  # it left, or does not speak TLS, or not ours
            taken.close()
            reason = error.reason if isinstance(error, ssl.SSLError) else str(error)
            log.info("connection.failed", reason=reason or type(error).__name__)
        else:
            self._connections.made(protocol, transport)
        finally:
            self._connections.changed.set()

    def _count(self) -> None:
        if self._seat is not None:
            self._seat.connections(len(self._connections) + self._acceptor.coming)
