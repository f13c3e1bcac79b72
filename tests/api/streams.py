"""Byte streams that are nearly HTTP/1.1, and what two servers make of them: ours, and h11 as the referee."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import h11

from heavylift.api.server.bounds import Bounds, Shared
from heavylift.api.server.connection import Connection
from heavylift.api.server.cycle import Cycle

Request = tuple[bytes, bytes, bytes]
"""Method, target, body: all that decides where the next request begins."""

HEAD_BYTES = 16 * 1024

SEEDS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /a?b=c HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: close\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /n HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=f\r\nde\r\n0\r\n\r\n",
    b"POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"PUT /u HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi",
    b"DELETE /d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nX-A: \t b c \t\r\n\r\n",
)

PIECES = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b"0", b"1", b"\x00", b"\x0b", b"\xff", b",",
    b"=", b"Content-Length: 3\r\n", b"Content-Length: 05\r\n", b"Transfer-Encoding: chunked\r\n", b"chunked",
    b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding : chunked\r\n", b"Host: y\r\n", b"HTTP/1.1",
    b"HTTP/1.0", b"HTTP/2.0", b" folded\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
    b"Expect: 100-continue\r\n", b"+3", b"-1", b"0x3", b"_",
)  # fmt: skip


def stream(dice: random.Random) -> bytes:
    """One to three requests, of which a few bytes were changed."""
    data = bytearray(b"".join(dice.choice(SEEDS) for _ in range(dice.randint(1, 3))))
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        at = dice.randint(0, len(data))
        match dice.randrange(6):
            case 0:
                data[at:at] = dice.choice(PIECES)
            case 1:
                del data[at : at + dice.choice((1, 1, 2, 4, 20))]
            case 2 if at < len(data):
                data[at] = dice.randrange(256)
            case 3:
                data[at : at + dice.randint(1, 8)] = dice.choice(PIECES)
            case 4:
                start = dice.randint(0, len(data))
                data[at:at] = data[start : start + dice.randint(1, 40)]
            case 5 if at < len(data) and 32 < data[at] < 127:
                data[at] ^= 0x20
    return bytes(data)


def cut(data: bytes, dice: random.Random) -> Iterator[bytes]:
    """The stream in pieces: whole, byte by byte, or at random."""
    size = dice.choice((len(data) or 1, 1, 2, 3, 7, 30))
    for start in range(0, len(data), size):
        yield data[start : start + size]


class Still:
    """A loop in which no time passes."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def time(self) -> float:
        return 0.0

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_at(self, when: float, call: Callable[[], None]) -> Any:
        return _Timer(when)


class _Timer:
    def __init__(self, at: float) -> None:
        self._at = at

    def when(self) -> float:
        return self._at

    def cancel(self) -> None: ...


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent, self.closing, self.reading = bytearray(), False, True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def set_write_buffer_limits(self, high: int) -> None: ...

    def write(self, data: bytes) -> None:
        self.sent += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Ours:
    """A connection of ours under an application that takes every body and answers with nothing."""

    root_path = ""

    def __init__(self) -> None:
        bounds = Bounds(head_bytes=HEAD_BYTES, head_seconds=9, idle_seconds=9, lane=False)
        self.shared, self.state = Shared(bounds=bounds), dict[str, Any]()
        self.connections = set[Any]()
        self.leaving = lambda: False
        self.requests: list[Request] = []
        self._loop, self.wire = Still(), Wire()
        self._body = bytearray()
        self._cycle: Cycle | None = None
        self.connection = Connection(self, self._loop)  # type: ignore[arg-type]
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def begin(self, _: Connection, cycle: Cycle) -> None:
        self._cycle, self._body = cycle, bytearray()

    def count(self) -> None: ...

    def take(self, piece: bytes) -> None:
        """Let this come, as far as it is read."""
        while piece and self.wire.reading and not self.wire.closing:
            room = self.connection.get_buffer(-1)
            count = min(len(room), len(piece))
            room[:count], piece = piece[:count], piece[count:]
            self.connection.buffer_updated(count)
            self._answer()

    def _answer(self) -> None:
        while self._cycle is not None or self._loop.soon:
            soon, self._loop.soon = self._loop.soon, []
            for call in soon:
                call()
            cycle = self._cycle
            if cycle is None:
                continue
            cycle.give_leave()
            self._body += cycle.take()
            if cycle.gone or cycle.more:
                self.connection.proceed()
                if not (cycle.kept or self._loop.soon):
                    return
                continue
            self._cycle = None
            self.requests.append((cycle.head.method, cycle.head.target, bytes(self._body)))
            cycle.respond(200, [(b"content-length", b"0")], b"")

    @property
    def refused(self) -> int:
        """The status with which it gave up, 0 if it did not."""
        answers = [
            line for line in bytes(self.wire.sent).split(b"HTTP/1.1 ")[1:] if line[:3] not in {b"200", b"100"}
        ]
        return int(answers[0][:3]) if answers else 0


class Referee:
    """h11 on the same stream."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self.requests: list[Request] = []
        self.refused = self.over = False
        self.why = ""
        self._open: list[Any] = []

    def take(self, piece: bytes) -> None:
        """Let this come."""
        if self.over:
            return
        try:
            self._h11.receive_data(piece)
            while not self.over and self._event(self._h11.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self.refused, self.over, self.why = True, True, str(error)

    def _event(self, event: Any) -> bool:
        match event:
            case h11.Request():
                self._open = [event.method, event.target, bytearray()]
            case h11.Data():
                self._open[2] += event.data
            case h11.EndOfMessage():
                method, target, body = self._open
                self.requests.append((bytes(method), bytes(target), bytes(body)))
                self._h11.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                self._h11.send(h11.EndOfMessage())
                if self._h11.our_state is h11.MUST_CLOSE:
                    self.over = True
                else:
                    self._h11.start_next_cycle()
            case _:
                return False
        return True
