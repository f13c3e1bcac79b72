"""An answer that comes by drops is given up, as silence is; one that is merely long is not."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpcore2
import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.drivers.heads import Patience, head_awaited
from heavylift.client.drivers.whole import read_whole, read_whole_async
from tests.client.both import Both, first
from tests.support.answers import Answer
from tests.support.stand_in import StandIn

DROPS = 150

CALLS: dict[str, Callable[[Any], Any]] = {
    "file": lambda client: client.files.retrieve_file(file_id="file-1"),
    "delete": lambda client: client.files.delete_file(file_id="file-1"),
    "create_file": lambda client: client.files.create_file(file=("a.bin", b"abc"), purpose="user_data"),
    "create": lambda client: client.uploads.create_upload(
        bytes=3, filename="a.bin", mime_type="text/plain", purpose="user_data"
    ),
    "part": lambda client: client.uploads.add_upload_part(upload_id="upload_1", data=b"abc"),
    "complete": lambda client: client.uploads.complete_upload(upload_id="upload_1", part_ids=["part_1"]),
    "cancel": lambda client: client.uploads.cancel_upload(upload_id="upload_1"),
    "files": lambda client: first(client.files.list_files()),
    "parts": lambda client: first(client.uploads.list_upload_parts(upload_id="upload_1")),
    "upload": lambda client: client.uploads.get_upload(upload_id="upload_1"),
}


def by_drops(server: StandIn, status: int) -> Answer:
    """An answer of one thing that takes five seconds, and is never silent for long."""
    told = json.dumps({"id": "upload_1", "status": "cancelled", "file": {"id": "file-1"}}).encode()
    content = told + b" " * (DROPS - len(told))
    drops: list[Any] = []
    for place in range(DROPS):
        drops += [content[place : place + 1], lambda: server.released.wait(0.03)]
    return Answer(status=status, headers={"content-type": "application/json"}, body=drops)


@pytest.mark.parametrize("ask", CALLS)
def test_an_answer_by_drops_is_given_up_as_silence_is(both: Both, ask: str) -> None:
    both.server.answers(".*", by_drops(both.server, 200), forever=True)
    with pytest.raises(errors.RequestTimeoutError):
        both.do(CALLS[ask], timeout_ms=1_000)


def test_of_a_failure_by_drops_the_status_is_told(both: Both) -> None:
    both.server.answers(".*", by_drops(both.server, 403), forever=True)
    with pytest.raises(errors.PermissionDeniedError):
        both.do(CALLS["file"], timeout_ms=1_000)


HEADS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nx-more: ", b"1"),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("ask", ["file", "part"])
def test_a_head_by_drops_is_given_up_as_silence_is(both: Both, ask: str, head: str) -> None:
    begun, drop = HEADS[head]
    drops: list[Any] = [begun]
    for _ in range(DROPS):
        drops += [drop, lambda: both.server.released.wait(0.03)]
    rest = {"headers": b"", "one header": b"\r\n", "interim answers": b"HTTP/1.1 200 OK\r\n"}[head]
    drops.append(rest + b"content-length: 16\r\n\r\n" + b'{"id": "file-1"}')
    both.server.answers(".*", Answer(head=b"", body=drops), forever=True)
    with pytest.raises(errors.RequestTimeoutError):
        both.do(CALLS[ask], timeout_ms=1_000)


def test_a_head_is_awaited_from_the_last_byte_that_went_out() -> None:
    now = 0.0
    waiting = Patience(lambda: now)
    now = 500.0  # a large Part on a slow line
    waiting.wrote()
    now = 540.0
    assert waiting.left(60.0) == 60.0  # of a body each piece has it
    with head_awaited():
        assert waiting.left(60.0) == 20.0
        assert waiting.left(None) is None
        now = 560.0
        with pytest.raises(httpcore2.ReadTimeout):
            waiting.left(60.0)


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in pieces of one size."""

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size

    def __iter__(self) -> Iterator[bytes]:
        return itertools.repeat(b"x" * self._size, self._count)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def read(kind: str, stream: Pieces, seconds_a_piece: float) -> bytes:
    request = httpx2.Request("GET", "http://127.0.0.1/v1", extensions={"timeout": {"read": 60.0}})
    answer = httpx2.Response(200, request=request, stream=stream)
    ticks = itertools.count(0.0, seconds_a_piece)
    if kind == "blocking":
        return read_whole(answer, 32 << 20, clock=lambda: next(ticks))
    return asyncio.run(read_whole_async(answer, 32 << 20, clock=lambda: next(ticks)))


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_a_long_answer_has_as_long_for_each_mebibyte(kind: str) -> None:
    assert len(read(kind, Pieces(20, 1 << 20), 50.0)) == 20 << 20
    with pytest.raises(httpx2.ReadTimeout):
        read(kind, Pieces(20, 1 << 19), 50.0)
