"""The ways around the framework answer word for word as the framework's own routes do."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from heavylift.api.frame import Frame
from heavylift.api.shortcut import Shortcut
from tests.api.conftest import KEY, Service

OWN = {"x-request-id", "openai-processing-ms"}
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
        app = app._app
    return app


@pytest.fixture
async def framework(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that comes to the framework's own routes."""
    transport = httpx2.ASGITransport(app=Frame(inside(service.app)), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


def seen(answer: httpx2.Response) -> tuple[int, Mapping[str, str], bytes]:
    """All of an answer that its client may rely on."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    return answer.status_code, headers, answer.content


def test_the_service_has_a_shortcut(service: Service) -> None:
    app: Any = service.app
    while not isinstance(app, Shortcut):
        app = app._app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
async def test_a_download_is_the_same_by_both_ways(
    service: Service, framework: httpx2.AsyncClient, method: str, conditions: dict[str, str]
) -> None:
    file_id = await service.file(b"hello", filename='a "b" ü.bin')
    for name in (file_id, "file-none", "%ff"):
        path = f"/v1/files/{name}/content"
        ours = await service.client.request(method, path, headers=conditions)
        theirs = await framework.request(method, path, headers=conditions)
        assert seen(ours) == seen(theirs)
        assert ours.headers["x-request-id"] != theirs.headers["x-request-id"]


@pytest.mark.parametrize("key", [KEY, "nobody-has-this-key-at-all"], ids=["known", "unknown"])
async def test_what_clients_poll_is_the_same_by_both_ways(
    service: Service, framework: httpx2.AsyncClient, key: str
) -> None:
    file = await service.file(b"hello", filename='a "b" ü.bin')
    upload = await service.upload(5)
    for path in (
        f"files/{file}",
        f"uploads/{upload}",
        "files/file-none",
        "uploads/%ff",
        "uploads/upload_x?y=1",
    ):
        headers = {"Authorization": f"Bearer {key}"}
        ours = await service.client.get(f"/v1/{path}", headers=headers)
        theirs = await framework.get(f"/v1/{path}", headers=headers)
        assert seen(ours) == seen(theirs)
