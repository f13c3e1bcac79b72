"""HTTP itself: the only module that knows the HTTP library. It sends one attempt, and names what fails."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias

import httpx2

from heavylift.client.bodies import Outgoing
from heavylift.client.calls import Answer, Attempt, Request, Sink, Tally
from heavylift.client.config import SILENCE_MS
from heavylift.client.drivers.clients import AsyncClients, BlockingClients
from heavylift.client.drivers.heads import head_awaited
from heavylift.client.drivers.naming import naming
from heavylift.client.drivers.opening import open_client, patience
from heavylift.client.drivers.reading import AsyncBody, Body
from heavylift.client.drivers.threads import in_thread
from heavylift.client.drivers.whole import kept, read_whole, read_whole_async
from heavylift.client.endpoint import SYSTEM, Trust
from heavylift.client.errors import RequestAbortedError
from heavylift.client.local import LOCAL_SERVER

BlockingHTTP: TypeAlias = httpx2.Client
AsyncHTTP: TypeAlias = httpx2.AsyncClient

WRITTEN_AT_ONCE: Final = 1024 * 1024
"""Bytes of an answer that go to a thread together: a thread's turn costs more than a small write."""

SLOWEST: Final = 8 * 1024
"""Bytes a second of a line that is slow, and not silent."""

Aborted: TypeAlias = Callable[[], bool]


def _headers(request: Request, outgoing: Outgoing) -> dict[str, str]:
    headers = dict(request.headers)
    if outgoing.content_type is not None:
        headers["Content-Type"] = outgoing.content_type
    if outgoing.length or request.method == "POST":
        headers["Content-Length"] = str(outgoing.length)
    return headers


def _seconds(client: AsyncHTTP) -> float:
    """The patience of a client that was given."""
    return client.timeout.write or SILENCE_MS / 1000


class BlockingTransport:
    """Sends on the calling thread. A client that was given is left open."""

    def __init__(
        self, client: BlockingHTTP | None, server_url: str = LOCAL_SERVER, trust: Trust = SYSTEM
    ) -> None:
        self._clients = BlockingClients(client, lambda: open_client(httpx2.Client, server_url, trust))
        self._owned = self._clients.owned

    def send(self, attempt: Attempt, aborted: Aborted) -> Answer:
        """Send once. Raises HTTPClientError, and whatever the body, the sink or the watch raises."""
        client = self._clients.current()
        outgoing = attempt.outgoing
        try:
            with naming(attempt.request.url, environment=self._owned or client.trust_env):
                return self._sent(client, attempt, outgoing, aborted)
        finally:
            outgoing.close()

    def _sent(self, client: BlockingHTTP, attempt: Attempt, outgoing: Outgoing, aborted: Aborted) -> Answer:
        request = client.build_request(
            attempt.request.method,
            attempt.request.url,
            headers=_headers(attempt.request, outgoing),
            content=_reading(attempt, aborted) if outgoing.length else None,
            **_extras(attempt.request, owned=self._owned),
        )
        with head_awaited():
            response = client.send(request, stream=True)
        if attempt.stream and response.status_code < 300:
            return _answer(response)
        try:
            if attempt.sink is None or response.status_code >= 300:
                return _read(response, read_whole(response, attempt.most_bytes))
            attempt.sink.begin(response.status_code, response.headers)
            try:
                body = Body(response, straight=self._owned, raw=attempt.sink.raw)
                while block := body.read():
                    _refuse_aborted(aborted)
                    attempt.sink.write(block)
                    attempt.tally.moved(len(block))
            finally:
                attempt.sink.end()
            return _answer(response)
        finally:
            response.close()

    def discard(self, answer: Answer) -> None:
        """Let go of an answer that was left unread."""
        answer.raw.close()

    @contextmanager
    def opened(self, answer: Answer, size: int, *, raw: bool = False) -> Iterator[Generator[bytes]]:
        """The blocks of an answer that was left unread; `raw`: with the coding that it names."""
        try:
            yield _blocks(Body(answer.raw, straight=self._owned, raw=raw), size)
        finally:
            answer.raw.close()

    def close(self) -> None:
        """Close the connections, if they are ours."""
        self._clients.close()


def _blocks(body: Body, size: int) -> Generator[bytes]:
    """All of it in blocks of that size, but for the last."""
    block = _Block(size)
    with naming():
        while piece := body.read(block.missing):
            if block.full_with(piece):
                yield block.take()
    if last := block.take():
        yield last


class _Block:
    """Pieces that are to become one block of `size` bytes. `missing`: how many are still to come."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pieces: list[bytes | memoryview] = []
        self.missing = size

    def full_with(self, piece: bytes | memoryview) -> bool:
        """Add it, of at most so many bytes as are missing. Whether none is missing any more."""
        self._pieces.append(piece)
        self.missing -= len(piece)
        return not self.missing

    def take(self) -> bytes:
        """What has been added, and begin anew."""
        block = b"".join(self._pieces)
        self._pieces, self.missing = [], self._size
        return block


def _reading(attempt: Attempt, aborted: Aborted) -> Iterator[bytes]:
    outgoing = attempt.outgoing
    before = 0
    while block := outgoing.read():
        _refuse_aborted(aborted)
        yield block
        attempt.tally.moved(outgoing.sent - before)
        before = outgoing.sent


async def _reading_async(attempt: Attempt, most: int) -> AsyncIterator[bytes]:
    """In pieces of `most` bytes: each must go out within the patience for silence."""
    outgoing = attempt.outgoing
    before = 0
    while block := (await in_thread(outgoing.read) if outgoing.blocking else outgoing.read()):
        for start in range(0, len(block), most):
            yield block[start : start + most]
        attempt.tally.moved(outgoing.sent - before)
        before = outgoing.sent


def _refuse_aborted(aborted: Aborted) -> None:
    if aborted():
        raise RequestAbortedError(
            "Given up, because another part of the same transfer failed or was interrupted"
        )


def _extras(request: Request, *, owned: bool) -> dict[str, Any]:
    """A client that was given keeps its own timeouts, unless a call or the SDK client names one."""
    if owned or request.timeout_ms is not None:
        return {"timeout": patience(request.timeout_ms)}
    return {}


def _answer(response: httpx2.Response, content: bytes = b"") -> Answer:
    return Answer(status=response.status_code, headers=response.headers, content=content, raw=response)


def _read(response: httpx2.Response, content: bytes) -> Answer:
    return replace(_answer(response, content), raw=kept(response, content))


class AsyncTransport:
    """Sends on the running event loop. A client that was given is left open."""

    def __init__(
        self, client: AsyncHTTP | None, server_url: str = LOCAL_SERVER, trust: Trust = SYSTEM
    ) -> None:
        self._clients = AsyncClients(client, lambda: open_client(httpx2.AsyncClient, server_url, trust))
        self._owned = self._clients.owned

    async def send(self, attempt: Attempt) -> Answer:
        """Send once. Raises HTTPClientError, and whatever the body, the sink or the watch raises."""
        client = self._clients.current()
        outgoing = attempt.outgoing
        try:
            with naming(attempt.request.url, environment=self._owned or client.trust_env):
                return await self._sent(client, attempt, outgoing)
        finally:
            outgoing.close()

    async def _sent(self, client: AsyncHTTP, attempt: Attempt, outgoing: Outgoing) -> Answer:
        request = client.build_request(
            attempt.request.method,
            attempt.request.url,
            headers=_headers(attempt.request, outgoing),
            content=_reading_async(attempt, self._piece(client, attempt.request))
            if outgoing.length
            else None,
            **_extras(attempt.request, owned=self._owned),
        )
        with head_awaited():
            response = await client.send(request, stream=True)
        if attempt.stream and response.status_code < 300:
            return _answer(response)
        try:
            if attempt.sink is None or response.status_code >= 300:
                return _read(response, await read_whole_async(response, attempt.most_bytes))
            sink = attempt.sink
            try:  # a cancellation may come while the thread begins
                await in_thread(lambda: sink.begin(response.status_code, response.headers))
                body = AsyncBody(response, straight=self._owned, raw=sink.raw)
                await _into_sink(body, sink, attempt.tally)
            finally:
                sink.end()
            return _answer(response)
        finally:
            await response.aclose()

    async def discard(self, answer: Answer) -> None:
        """Let go of an answer that was left unread."""
        await answer.raw.aclose()

    def _piece(self, client: AsyncHTTP, request: Request) -> int:
        """Bytes that go out at once: so many as a very slow line takes within half of the patience."""
        milliseconds = request.timeout_ms or (SILENCE_MS if self._owned else _seconds(client) * 1000)
        return max(1, int(milliseconds / 2000 * SLOWEST))

    @asynccontextmanager
    async def opened(
        self, answer: Answer, size: int, *, raw: bool = False
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        """The blocks of an answer that was left unread; `raw`: with the coding that it names."""
        body = AsyncBody(answer.raw, straight=self._owned, raw=raw)
        try:
            async with contextlib.aclosing(_blocks_async(body, size)) as blocks:
                yield blocks
        finally:
            await answer.raw.aclose()

    async def close(self) -> None:
        """Close the connections, if they are ours."""
        await self._clients.close()


async def _blocks_async(body: AsyncBody, size: int) -> AsyncGenerator[bytes]:
    """All of it in blocks of that size, but for the last."""
    block = _Block(size)
    with naming():
        while piece := await body.read(block.missing):
            if block.full_with(piece):
                yield block.take()
    if last := block.take():
        yield last


async def _into_sink(body: AsyncBody, sink: Sink, tally: Tally) -> None:
    """Blocks are gathered, without copying, until they are worth a thread's turn."""
    gathered: list[bytes | memoryview] = []
    size = 0
    while block := await body.read():
        gathered.append(block)
        size += len(block)
        if size >= WRITTEN_AT_ONCE:
            await in_thread(lambda blocks=gathered: _write_all(sink, blocks))  # type: ignore[misc]
            tally.moved(size)
            gathered, size = [], 0
    await in_thread(lambda: _write_all(sink, gathered))
    tally.moved(size)


def _write_all(sink: Sink, blocks: list[bytes | memoryview]) -> None:
    for block in blocks:
        sink.write(block)
