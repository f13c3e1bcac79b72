"""A way to a store on which connections are refused, cut, left hanging, or answered with 500, in turns."""

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, TypeVar

T = TypeVar("T")

FAULTS = ("refuse", "cut", "fail", "hang")
"""What befalls one connection after the other while it is unruly."""

CUT = 1_500_000
"""Bytes after which a connection is cut: in the middle of a segment."""

FAILED = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

PIECE = 64 * 1024


class Unruly:
    """Passes bytes on to the port `upstream` of loopback, when it is in the mood. Runs in a thread."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._faults = cycle(FAULTS)
        self._left = 0
        self._calm = asyncio.Event()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.happened: Counter[str] = Counter()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def rage(self, count: int) -> None:
        """So many connections meet a fault from now on, and those that hang go on after the last of them.
        What is open ends first."""
        self._do(self._rage(count))

    def drop(self) -> None:
        """Cut every connection."""
        self._do(self._drop())

    def close(self) -> None:
        """End, with everything that is open."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _drop(self) -> None:
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open)

    async def _rage(self, count: int) -> None:
        self._left = count
        self._calm.clear()
        await self._drop()

    async def _close(self) -> None:
        self._server.close()
        self._calm.set()
        await self._drop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        fault = self._next()
        try:
            with suppress(OSError):
                await self._meet(fault, reader, writer)
        finally:
            del self._open[task]
            writer.transport.abort()

    def _next(self) -> str:
        if not self._left:
            return "pass"
        fault = next(self._faults)
        self.happened[fault] += 1
        self._left -= 1
        if not self._left:
            self._calm.set()
        return fault

    async def _meet(self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault == "refuse":
            return
        if fault == "fail":
            await reader.read(PIECE)
            writer.write(FAILED)
            await writer.drain()
            return
        if fault == "hang":
            await self._calm.wait()
        back, forth = await asyncio.open_connection("127.0.0.1", self._upstream)
        ways = [
            asyncio.create_task(_pass(reader, forth, most=CUT if fault == "cut" else None)),
            asyncio.create_task(_pass(back, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (forth, writer):
            end.transport.abort()
        await asyncio.wait(ways)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None = None) -> None:
    """Until one end is closed, or so many bytes have passed."""
    with suppress(OSError):
        while (most is None or most > 0) and (piece := await reader.read(PIECE)):
            writer.write(piece)
            await writer.drain()
            most = most and most - len(piece)


@contextmanager
def unruly(upstream: int) -> Iterator[Unruly]:
    """One for the length of a `with` block."""
    proxy = Unruly(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
