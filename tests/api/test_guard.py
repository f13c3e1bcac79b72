"""The protocol over real sockets: slow, huge, broken and greedy clients, with the lane and without."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from heavylift.api.lane import protocol_path
from heavylift.settings import Settings
from heavylift.wiring import build_app
from tests.api.conftest import KEY
from tests.fakes import PATIENCE

HOST = f"Host: x\r\nAuthorization: Bearer {KEY}\r\n".encode()
HEALTHY = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    """One connection, spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


Serve = Callable[..., AbstractAsyncContextManager[Callable[[], AbstractAsyncContextManager[Client]]]]


@pytest.fixture(params=[False, True], ids=["plain", "lane"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Serve:
    """Starts a server on a free port of loopback; gives what connects to it."""

    @asynccontextmanager
    async def serving(**given: Any) -> AsyncIterator[Any]:
        settings = Settings(
            **{
                "data": tmp_path / "data",
                "bootstrap_key": KEY,
                "durability": "relaxed",
                "disk_reserve": 0,
                **given,
            }
        )
        config = uvicorn.Config(
            build_app(settings), http=protocol_path(lane=request.param), ws="none", lifespan="on",
            access_log=False, log_config=None, timeout_keep_alive=20, timeout_graceful_shutdown=1,
        )  # fmt: skip
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                await asyncio.sleep(0.005)

        @asynccontextmanager
        async def connected() -> AsyncIterator[Client]:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                yield Client(reader, writer)
            finally:
                writer.transport.abort()

        try:
            yield connected
        finally:
            server.should_exit = True
            async with asyncio.timeout(PATIENCE):
                await running
            listening.close()

    return serving


async def alive(connected: Any) -> None:
    """The server goes on serving others."""
    async with connected() as client:
        await client.send(HEALTHY)
        assert (await client.answer())[0] == 200


async def new_upload(connected: Any) -> str:
    body = b'{"filename": "a", "purpose": "user_data", "bytes": 3, "mime_type": "x"}'
    async with connected() as client:
        await client.send(
            b"POST /v1/uploads HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        status, _, answer = await client.answer()
        assert status == 200
        return answer.decode().partition('"id":"')[2].partition('"')[0]


def is_envelope(body: bytes, code: str) -> bool:
    return body.startswith(b'{"error": {"message"') and f'"code": "{code}"'.encode() in body


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nX: y", b"GET / HTTP/1.1\r\nX: y\r\n"])
async def test_a_head_that_does_not_end_in_time_is_408(serve: Serve, begun: bytes) -> None:
    async with serve(head_timeout=0.2) as connected, connected() as client:
        await client.send(begun)
        status, headers, body = await client.answer()
        assert status == 408
        assert is_envelope(body, "request_timeout")
        assert headers["x-request-id"].startswith("req_")
        assert await client.rest() == b""
        await alive(connected)


async def test_a_head_that_dribbles_in_is_408_at_the_same_time(serve: Serve) -> None:
    async with serve(head_timeout=0.3) as connected, connected() as client:
        answering = asyncio.create_task(client.answer())
        for byte in b"GET /healthz HTTP/1.1\r\n" + b"X-Slow: y\r\n" * 10_000:
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0.002)
            if answering.done():
                break
        assert (await answering)[0] == 408


async def test_a_client_that_says_nothing_is_let_go(serve: Serve) -> None:
    async with serve(head_timeout=0.1) as connected, connected() as client:
        assert await client.rest() == b""


@pytest.mark.parametrize("size", [70_000, 300_000, 2_000_000])
async def test_a_head_beyond_the_limit_is_431(serve: Serve, size: int) -> None:
    async with serve() as connected, connected() as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Huge: " + b"a" * size + b"\r\n\r\n")
        status, _, body = await client.answer()
        assert status == 431
        assert is_envelope(body, "headers_too_large")
        await alive(connected)


async def test_a_head_of_many_small_lines_is_bounded_too(serve: Serve) -> None:
    async with serve(max_head_bytes=4096) as connected, connected() as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n")
        assert (await client.answer())[0] == 431


async def test_a_decent_head_is_fine_in_any_pieces(serve: Serve) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3000 + b"\r\n\r\n"
    async with serve(max_head_bytes=4096) as connected, connected() as client:
        for _ in range(3):
            for start in range(0, len(head), 1000):
                await client.send(head[start : start + 1000])
                await asyncio.sleep(0)
            assert (await client.answer())[0] == 200


GARBAGE = {
    "noise": b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "words": b"hello there\r\n\r\n",
    "an unknown method": b"BREW /coffee HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_http_is_400_in_the_envelope_and_closes(serve: Serve, garbage: bytes) -> None:
    async with serve() as connected, connected() as client:
        await client.send(garbage)
        status, headers, body = await client.answer()
        assert status == 400
        assert is_envelope(body, "malformed_request")
        assert headers["connection"] == "close"
        assert await client.rest() == b""
        await alive(connected)


@pytest.mark.parametrize(
    "target", [b"/v1/files/\xff\xfe", b"/v1/files/%ff%fe", b"/v1/files?limit=%ff", b"/\xe2\x82\xac"]
)
async def test_a_target_that_is_no_text_is_no_bug(serve: Serve, target: bytes) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        status, _, body = await client.answer()
        assert status in (400, 404)
        assert body.startswith(b'{"error"')
        await alive(connected)


async def test_a_broken_chunk_is_not_taken_for_a_part(serve: Serve) -> None:
    async with serve() as connected:
        upload_id = await new_upload(connected)
        path = f"/v1/uploads/{upload_id}".encode()
        async with connected() as client:
            await client.send(
                b"POST "
                + path
                + b"/parts HTTP/1.1\r\n"
                + HOST
                + b"Content-Type: application/octet-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n"
            )
            await client.rest()
        async with connected() as client:
            await client.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            assert b'"parts_count":0' in (await client.answer())[2]


async def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        asked = [b"/healthz", b"/nowhere", b"/readyz", b"/healthz"] * 5
        await client.send(b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" for path in asked))
        answers = [await client.answer() for _ in asked]
        assert [status for status, _, _ in answers] == [200, 404, 200, 200] * 5
        assert len({headers["x-request-id"] for _, headers, _ in answers}) == len(asked)


PART = (
    b"POST /v1/uploads/upload_none/parts HTTP/1.1\r\n" + HOST + b"Content-Type: application/octet-stream\r\n"
)


async def test_a_connection_is_of_use_after_a_refusal(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        for _ in range(3):
            await client.send(PART + b"Content-Length: 100000\r\n\r\n" + bytes(100_000))
            assert (await client.answer())[0] == 404
        await client.send(HEALTHY)
        assert (await client.answer())[0] == 200


async def test_a_refusal_is_read_by_a_client_that_is_still_sending(serve: Serve) -> None:
    async with serve(max_part_bytes=1000) as connected:
        upload_id = await new_upload(connected)
        async with connected() as client:
            head = PART.replace(b"upload_none", upload_id.encode())
            await client.send(head + b"Content-Length: 5000000\r\n\r\n")
            for _ in range(50):
                await client.send(bytes(100_000))
            status, _, body = await client.answer()
            assert status == 413
            assert is_envelope(body, "part_too_large")
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200


async def test_a_client_that_waits_for_leave_gets_its_refusal_instead(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(PART + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
        status, headers, _ = await client.answer()
        assert status == 404
        assert headers["connection"] == "close"
        assert await client.rest() == b""


async def test_a_client_that_waits_for_leave_gets_it(serve: Serve) -> None:
    async with serve() as connected:
        upload_id = await new_upload(connected)
        async with connected() as client:
            head = PART.replace(b"upload_none", upload_id.encode())
            await client.send(head + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert (await client.answer())[0] == 100
            await client.send(b"abc")
            status, _, body = await client.answer()
            assert status == 200
            assert b'"bytes":3' in body
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200


async def test_a_body_that_stands_still_is_408(serve: Serve) -> None:
    async with serve(idle_timeout=0.2) as connected:
        upload_id = await new_upload(connected)
        async with connected() as client:
            head = PART.replace(b"upload_none", upload_id.encode())
            await client.send(head + b"Content-Length: 10\r\n\r\nabc")
            status, _, body = await client.answer()
            assert status == 408
            assert is_envelope(body, "request_timeout")
        await alive(connected)


async def test_a_client_that_never_reads_its_download_is_cut_off(serve: Serve) -> None:
    size = 24 * 1024 * 1024
    form = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    end = b"\r\n--b--\r\n"
    async with serve(idle_timeout=0.5) as connected:
        async with connected() as client:
            await client.send(
                b"POST /v1/files HTTP/1.1\r\n" + HOST + b"Content-Type: multipart/form-data; boundary=b\r\n"
                b"Content-Length: %d\r\n\r\n" % (len(form) + size + len(end)) + form
            )
            for _ in range(24):
                await client.send(bytes(1024 * 1024))
            await client.send(end)
            status, _, body = await client.answer()
            assert status == 200, body
        file_id = body.decode().partition('"id":"')[2].partition('"')[0].encode()
        async with connected() as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(b"GET /v1/files/" + file_id + b"/content HTTP/1.1\r\n" + HOST + b"\r\n")
            await alive(connected)
            # Nothing tells a client that does not read that it was cut off: give the bound its time.
            await asyncio.sleep(2.0)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len(await client.rest()) < size
        await alive(connected)


async def test_trailers_are_read_over_and_bounded(serve: Serve) -> None:
    async with serve(max_head_bytes=4096) as connected:
        upload_id = await new_upload(connected)
        head = PART.replace(b"upload_none", upload_id.encode()) + b"Transfer-Encoding: chunked\r\n\r\n"
        async with connected() as client:
            await client.send(head + b"3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n")
            status, _, body = await client.answer()
            assert status == 200, body
            await client.send(HEALTHY)
            assert (await client.answer())[0] == 200
        async with connected() as client:
            client.writer.write(head + b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 100_000)
            await client.rest()
        await alive(connected)


async def test_trace_is_405_and_echoes_nothing(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"TRACE /v1/files HTTP/1.1\r\n" + HOST + b"\r\n")
        status, headers, body = await client.answer()
        assert status == 405
        assert set(headers["allow"].split(", ")) == {"GET", "POST"}
        assert KEY.encode() not in body


async def test_http_1_0_is_answered_and_closed(serve: Serve) -> None:
    async with serve() as connected, connected() as client:
        await client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await client.answer())[0] == 200
        assert await client.rest() == b""


async def test_a_client_that_leaves_in_the_middle_of_a_part_leaves_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    async with serve() as connected:
        upload_id = await new_upload(connected)
        async with connected() as client:
            head = PART.replace(b"upload_none", upload_id.encode())
            await client.send(head + b"Content-Length: 3000000\r\n\r\n" + bytes(2_000_000))
        async with asyncio.timeout(PATIENCE), connected() as client:
            while [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]:
                await asyncio.sleep(0.01)
            await client.send(f"GET /v1/uploads/{upload_id} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
            assert b'"parts_count":0' in (await client.answer())[2]
