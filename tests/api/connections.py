"""A real server in this process, and clients that speak to it in bytes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from heavylift.api.server.adapter import PROTOCOL
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


def server_over(folder: Path, *, lane: bool) -> Serve:
    """Starts a server on a free port of loopback; gives what connects to it."""

    @asynccontextmanager
    async def serving(**given: Any) -> AsyncIterator[Any]:
        settings = Settings(
            **{
                "data": folder / "data",
                "bootstrap_key": KEY,
                "durability": "relaxed",
                "disk_reserve": 0,
                "lane": lane,
                **given,
            }
        )
        config = uvicorn.Config(
            build_app(settings), http=PROTOCOL, ws="none", lifespan="on",
            access_log=False, log_config=None, timeout_graceful_shutdown=1,
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


PART = (
    b"POST /v1/uploads/upload_none/parts HTTP/1.1\r\n" + HOST + b"Content-Type: application/octet-stream\r\n"
)


async def part_head(connected: Any, **headers: str) -> bytes:
    """The head of a Part for a new Upload, without its end."""
    head = PART.replace(b"upload_none", (await new_upload(connected)).encode())
    return head + b"".join(
        f"{name.replace('_', '-')}: {value}\r\n".encode() for name, value in headers.items()
    )


async def has_no_part(connected: Any, head: bytes) -> None:
    """The Upload that the request with this head was for has no Part."""
    upload = head.split()[1].removesuffix(b"/parts")
    async with connected() as client:
        await client.send(b"GET " + upload + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b'"parts_count":0' in (await client.answer())[2]


async def stored_file(connected: Any, content: bytes) -> bytes:
    """Store a new file. The head of a request for its content, without its end."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + content + b"\r\n--b--\r\n"
    )  # fmt: skip
    async with connected() as client:
        await client.send(
            b"POST /v1/files HTTP/1.1\r\n" + HOST + b"Content-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\n\r\n" % len(form) + form
        )
        status, _, body = await client.answer()
        assert status == 200, body
    file_id = body.decode().partition('"id":"')[2].partition('"')[0].encode()
    return b"GET /v1/files/" + file_id + b"/content HTTP/1.1\r\n" + HOST


async def ends(client: Client) -> None:
    """The server lets go of the connection."""
    assert await client.rest() == b""
