"""The ways around the framework answer word for word as the framework's own routes do."""

import gc
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from heavylift.api.frame import Frame
from heavylift.api.server.cycle import Cycle
from tests.api.conftest import KEY, Service, Start
from tests.api.loopback import Spoken

OWN = {"x-request-id", "openai-processing-ms", "date"}
"""Headers that no two answers share."""

CONDITIONS: list[dict[str, str]] = [
    {},
    {"Range": "bytes=1-3"},
    {"Range": "bytes=-2"},
    {"Range": "bytes=9-"},
    {"Range": "bytes=0-0,3-4"},
    {"Range": "lines=1-2"},
    {"If-Match": '"other"'},
    {"If-Match": "*"},
    {"If-None-Match": "*"},
    {"If-Range": '"other"', "Range": "bytes=1-3"},
    {"Authorization": "Bearer nobody-has-this-key-at-all"},
    {"Authorization": "Basic x"},
]


def inside(app: Any) -> FastAPI:
    """The framework's application behind everything that is around it."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "_app", None) or app.app
    return app


@pytest.fixture
async def service(start: Start) -> AsyncIterator[Service]:
    """Without a lane, which would need a socket."""
    async with start(lane=False) as service:
        yield service


@pytest.fixture
async def framework(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that comes to the framework's own routes."""
    transport = httpx2.ASGITransport(app=Frame(inside(service.app)), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


class Direct:
    """Comes by a connection of ours, and is known to come past the framework."""

    def __init__(self, service: Service) -> None:
        self._spoken = Spoken(_nobody, service.state)

    async def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The answer, but for what no two share."""
        given = {"Host": "test", "Authorization": f"Bearer {KEY}", **headers}
        if body:
            given["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        sent = self._spoken.transport.sent
        await self._spoken.say(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        if method == "HEAD":
            await self._spoken.settle()
            assert b"\r\n\r\n" in sent
            sent[:] = sent.replace(b"content-length", b"x-length")
            status, found, rest = await self._spoken.answer()
            found = {name.replace("x-length", "content-length"): value for name, value in found.items()}
        else:
            status, found, rest = await self._spoken.answer()
        assert found["x-request-id"].startswith("req_")
        return status, {name: value for name, value in found.items() if name not in OWN}, rest


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} came to the framework")


@pytest.fixture
async def direct(service: Service) -> Direct:
    return Direct(service)


def seen(answer: httpx2.Response) -> tuple[int, Mapping[str, str], bytes]:
    """All of an answer that its client may rely on."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
async def test_a_download_is_the_same_by_both_ways(
    service: Service, framework: httpx2.AsyncClient, direct: Direct, method: str, conditions: dict[str, str]
) -> None:
    file_id = await service.file(b"hello", filename='a "b" ü.bin')
    for name in (file_id, "file-none", "%ff"):
        path = f"/v1/files/{name}/content"
        theirs = await framework.request(method, path, headers=conditions)
        assert await direct.ask(method, path, **conditions) == seen(theirs)


@pytest.mark.parametrize("key", [KEY, "nobody-has-this-key-at-all"], ids=["known", "unknown"])
async def test_what_clients_poll_is_the_same_by_both_ways(
    service: Service, framework: httpx2.AsyncClient, direct: Direct, key: str
) -> None:
    file = await service.file(b"hello", filename='a "b" ü.bin')
    upload = await service.upload(5)
    for path in (
        f"/v1/files/{file}",
        f"/v1/uploads/{upload}",
        "/v1/files/file-none",
        "/v1/uploads/%ff",
        "/v1/uploads/upload_x?y=1",
        "/healthz",
    ):
        authorization = f"Bearer {key}"
        theirs = await framework.get(path, headers={"Authorization": authorization})
        assert await direct.ask("GET", path, Authorization=authorization) == seen(theirs)


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n'
)
CREATION = b'{"filename": "a", "purpose": "user_data", "bytes": 3, "mime_type": "x"}'
SENT = [
    ("/v1/uploads", "application/json", CREATION),
    ("/v1/uploads", "application/json", b"{}"),
    ("/v1/uploads", "application/json", b"no JSON"),
    ("/v1/files", "multipart/form-data; boundary=b", FORM),
    ("/v1/files", "text/plain", b"abc"),
    ("/v1/uploads/UPLOAD/parts", "application/octet-stream", b"abc"),
    ("/v1/uploads/UPLOAD/parts", "text/plain", b"abc"),
    ("/v1/uploads/upload_none/parts", "application/octet-stream", b"abc"),
    ("/v1/uploads/UPLOAD/complete", "application/json", b'{"part_ids": []}'),
    ("/v1/uploads/UPLOAD/complete", "application/json", b'{"part_ids": 3}'),
]


@pytest.mark.parametrize("sent", SENT, ids=str)
async def test_what_clients_send_is_answered_the_same_by_both_ways(
    service: Service, framework: httpx2.AsyncClient, direct: Direct, sent: tuple[str, str, bytes]
) -> None:
    path, kind, body = sent
    path = path.replace("UPLOAD", await service.upload(5))
    theirs = await framework.post(path, content=body, headers={"Content-Type": kind})
    status, headers, ours = await direct.ask("POST", path, body, **{"Content-Type": kind})
    assert status == theirs.status_code
    assert set(headers) == {name for name in theirs.headers if name not in OWN}
    assert shape(ours) == shape(theirs.content)


def shape(body: bytes) -> Any:
    """An answer without its ids, which no two share."""
    found = json.loads(body)
    return {name: value for name, value in found.items() if name not in {"id", "created_at", "expires_at"}}


async def test_pages_of_other_origins_come_to_the_framework(start: Start) -> None:
    came = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope["path"])

    async with start(lane=False, cors_origins=["https://page.example"]) as service:
        spoken = Spoken(app, service.state)
        await spoken.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\nOrigin: https://page.example\r\n\r\n")
        await spoken.settle()
    assert came == ["/healthz"]


def cycles() -> list[Cycle]:
    return [one for one in gc.get_objects() if type(one) is Cycle]


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
async def test_no_request_is_left_to_the_garbage_collector(start: Start, method: str) -> None:
    """A request that holds itself keeps its body too, for as long as nobody looks for such."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    known = cycles()  # of other tests
    async with start(lane=True) as service:
        spoken = Spoken(app, service.state)
        upload = await service.upload(5)
        lines = f"Host: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {2 * (method == 'POST')}\r\n"
        for path in ("/healthz", f"/v1/uploads/{upload}", f"/v1/uploads/{upload}/parts", "/v1/files"):
            await spoken.say(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
            await spoken.say(b"{}" if method == "POST" else b"")
            await spoken.answer()
        await spoken.settle()
        assert [one for one in cycles() if one not in known] == []
