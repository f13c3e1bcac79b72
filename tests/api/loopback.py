"""A connection without a socket: bytes are put in, in any pieces, and what comes out is kept."""

import asyncio
from typing import Any

from heavylift.api.server.connection import Connection
from heavylift.api.server.hosting import Hosting
from tests.fakes import PATIENCE

Answered = tuple[int, dict[str, str], bytes]


class Loopback(asyncio.Transport):
    """A transport whose client takes everything at once, or nothing while `full`."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.sent = bytearray()
        self.protocol: Connection
        self.closing = self.ended = self.lost = False
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        assert not self.ended, "written behind the end"
        self.sent += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self._lose)

    abort = close

    def _lose(self) -> None:
        self.lost = True
        self.protocol.connection_lost(None)


class Counts:
    """What a process would look at."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.total_requests = 0


class Spoken:
    """One connection to an application, spoken to in bytes."""

    def __init__(self, app: Any, state: dict[str, Any]) -> None:
        self.counts = Counts()
        self.connection = Hosting(app, self.counts, state).connection()
        self.transport = Loopback()
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def put(self, data: bytes) -> bytes:
        """Let the client send it, as far as it is read now. What is left."""
        while data and self.transport.reading and not self.transport.closing:
            room = self.connection.get_buffer(-1)
            count = min(len(room), len(data))
            room[:count] = data[:count]
            data = data[count:]
            self.connection.buffer_updated(count)
        return data

    async def say(self, data: bytes, *, piece: int = 0) -> None:
        """Let the client send all of it, in pieces of that size."""
        for start in range(0, len(data), piece or len(data) or 1):
            rest = data[start : start + (piece or len(data))]
            async with asyncio.timeout(PATIENCE):
                while (rest := self.put(rest)) and not self.transport.closing:
                    await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait until there is nothing under way."""
        async with asyncio.timeout(PATIENCE):
            while self.counts.tasks:
                await asyncio.sleep(0)
            for _ in range(3):
                await asyncio.sleep(0)

    async def settle_no_further(self) -> None:
        """Let everything that can go on do so."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def answer(self) -> Answered:
        """The next answer."""
        async with asyncio.timeout(PATIENCE):
            while (found := self._take()) is None:
                assert not self.transport.lost, bytes(self.transport.sent)
                await asyncio.sleep(0.001)
        return found

    def _take(self) -> Answered | None:
        head, end, rest = bytes(self.transport.sent).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if not end or len(rest) < length:
            return None
        self.transport.sent = bytearray(rest[length:])
        return int(first.split()[1]), headers, rest[:length]
