"""Accepting connections: by load where several workers share a port, and never more than can be served.

All workers listen on one socket, so that a connection waits for whoever comes first and for nobody
in particular: one worker that stands still keeps none waiting. Left to themselves the quickest would
take nearly all. So who has more connections than another steps back for a moment, and takes what is
still there after it.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence

import structlog

from heavylift.api.running.board import Seat

log = structlog.get_logger("heavylift.server")

STEP_BACK = 0.002
"""Seconds in which another may take a connection. A process that is awake needs a tenth of it."""

AT_ONCE = 64
"""Connections that are taken in one turn of the loop by a worker who shares with nobody."""

BREATH = 0.5
"""Seconds until accepting is tried again when there was no descriptor left."""

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

Connect = Callable[[socket.socket], Awaitable[None]]


class Acceptor:
    """Takes connections from listening sockets and hands each to `connect`. In one event loop."""

    def __init__(self, sockets: Sequence[socket.socket], connect: Connect, *, seat: Seat | None) -> None:
        self._sockets = sockets
        self._connect = connect
        self._seat = seat
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._connecting: set[asyncio.Future[None]] = set()
        self._open = False

    @property
    def coming(self) -> int:
        """Connections that were taken and are not made yet: a handshake is under way."""
        return len(self._connecting)

    def start(self) -> None:
        """From now on connections are taken."""
        self._open = True
        if self._seat is not None:
            self._seat.accepts(True)
        for listener in self._sockets:
            listener.setblocking(False)
            self._watch(listener)

    def stop(self) -> None:
        """No more are taken, and this process holds the port no longer. Repeatable."""
        if not self._open:
            return
        self._open = False
        if self._seat is not None:
            self._seat.accepts(False)
        for listener in self._sockets:
            if listener in self._waiting:
                self._waiting.pop(listener).cancel()
            else:
                asyncio.get_running_loop().remove_reader(listener)
            listener.close()

    def abort(self) -> None:
        """Give up those that are not made yet."""
        for connecting in self._connecting:
            connecting.cancel()

    def _watch(self, listener: socket.socket) -> None:
        self._waiting.pop(listener, None)
        asyncio.get_running_loop().add_reader(listener, self._ready, listener)

    def _ready(self, listener: socket.socket) -> None:
        if self._seat is None:
            self._take(listener, AT_ONCE)
        elif self._seat.is_ahead():
            self._later(listener, STEP_BACK, self._take_the_rest)
        else:
            self._take(listener, 1)

    def _take_the_rest(self, listener: socket.socket) -> None:
        """What nobody else wanted."""
        self._watch(listener)
        self._take(listener, 1)

    def _later(self, listener: socket.socket, seconds: float, then: Callable[[socket.socket], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        self._waiting[listener] = loop.call_later(seconds, then, listener)

    def _take(self, listener: socket.socket, most: int) -> None:
        for _ in range(most):
            try:
                taken, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                log.warning("descriptors.exhausted", reason=error.strerror)
                self._later(listener, BREATH, self._watch)
                return
            taken.setblocking(False)
            connecting = asyncio.ensure_future(self._connect(taken))
            self._connecting.add(connecting)
            connecting.add_done_callback(self._connecting.discard)
