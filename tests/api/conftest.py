"""The service in this process, without a socket: its lifespan run by hand, asked through ASGI."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Message

from heavylift.api import opening
from heavylift.settings import Settings
from heavylift.wiring import build_app
from tests.fakes import PATIENCE, HandClock

KEY = "hl-test-key-of-the-default-project"
NOW = 1_795_000_000.5


@asynccontextmanager
async def lifespan(app: ASGIApp) -> AsyncIterator[dict[str, Any]]:
    """Start the application and stop it in the end. Its state, as a server would hold it."""
    state: dict[str, Any] = {}
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    running = asyncio.create_task(app(scope, inbox.get, outbox.put))  # type: ignore[arg-type]

    async def ask(question: str) -> None:
        await inbox.put({"type": question})
        async with asyncio.timeout(PATIENCE):
            answer = await outbox.get()
        assert answer["type"] == f"{question}.complete", answer

    await ask("lifespan.startup")
    try:
        yield state
    finally:
        await ask("lifespan.shutdown")
        await running


@dataclass
class Service:
    """A running service. `client` sends the first project's key, `stranger` sends none."""

    app: ASGIApp
    client: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    clock: HandClock
    state: dict[str, Any]

    async def upload(self, size: int = 3, **fields: Any) -> str:
        """A new Upload's id."""
        body = {"filename": "a.bin", "purpose": "user_data", "bytes": size, "mime_type": "x/y"}
        answer = await self.client.post("/v1/uploads", json=body | fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def file(self, content: bytes = b"hello", filename: str = "a.bin") -> str:
        """A new File's id."""
        answer = await self.client.post(
            "/v1/files", data={"purpose": "user_data"}, files={"file": (filename, content)}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


Start = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture(autouse=True, scope="package")
def patient() -> Iterator[None]:
    """A start waits for its stores, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "FIRST_SECONDS", PATIENCE)
        yield


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a service with the given settings, everything in memory."""

    @asynccontextmanager
    async def started(**given: Any) -> AsyncIterator[Service]:
        settings = Settings(
            **{
                "data": tmp_path / "data",
                "catalog": "sqlite://",
                "blobs": "memory:",
                "bootstrap_key": KEY,
                **given,
            }
        )
        clock = HandClock(NOW)
        app = build_app(settings, clock=clock)
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(lifespan(app))
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            clients = [
                await stack.enter_async_context(
                    httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers)
                )
                for headers in ({"Authorization": f"Bearer {KEY}"}, {})
            ]
            yield Service(app, *clients, clock, state)

    return started


@pytest.fixture
async def service(start: Start) -> AsyncIterator[Service]:
    """A service with the default settings."""
    async with start() as service:
        yield service


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error of an answer in OpenAI's envelope, all of its form checked. HEAD has no body to check."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert int(answer.headers["openai-processing-ms"]) >= 0
    if answer.request.method == "HEAD":
        return {}
    document = answer.json()
    assert set(document) == {"error"}
    error: dict[str, Any] = document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert "Traceback" not in answer.text
    return error


@pytest.fixture(params=[False, True], ids=["plain", "lane"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Starts a server on a free port of loopback, with the lane and without."""
    from tests.api.connections import server_over

    return server_over(tmp_path, lane=request.param)
