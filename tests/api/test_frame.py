"""The frame around every request: headers, envelope, the last resort, the line in the log."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from heavylift.api.body import ClientGone
from heavylift.api.download import AnswerCut
from heavylift.api.frame import Frame
from heavylift.service.ports import BlobMissing, StorageDown, StorageFull
from heavylift.service.uploads import Uploads
from tests.api.conftest import KEY, Service, error_of

ASKED = [
    ("GET", "/v1/files", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/v1/files/file-none", 404),
    ("GET", "/nowhere", 404),
    ("GET", "/", 404),
    ("GET", "/v1", 404),
    ("PUT", "/v1/files", 405),
    ("POST", "/v1/uploads", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ASKED)
async def test_every_answer_carries_the_headers(
    service: Service, method: str, path: str, status: int
) -> None:
    answers = [await service.client.request(method, path) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == status
        assert answer.headers["x-request-id"].startswith("req_")
        assert int(answer.headers["openai-processing-ms"]) >= 0
        assert answer.headers["openai-version"] == "2020-10-01"
        if status >= 400:
            error_of(answer, status)
    one, other = answers
    assert one.headers["x-request-id"] != other.headers["x-request-id"]


async def test_a_bug_in_a_route_is_an_envelope_with_the_request_id_and_no_trace(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def buggy(*_: Any, **__: Any) -> None:
        raise LookupError("secret detail")

    monkeypatch.setattr(Uploads, "retrieve", buggy)
    answer = await service.client.get("/v1/uploads/upload_x")
    error = error_of(answer, 500)
    assert (error["type"], error["code"]) == ("server_error", "internal_error")
    assert answer.headers["x-request-id"] in error["message"]
    assert "secret detail" not in answer.text
    assert "LookupError" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageFull("path /x"), 507, "insufficient_storage"),
        (StorageDown("path /x"), 503, "storage_unavailable"),
        (BlobMissing("path /x"), 503, "storage_unavailable"),
    ],
)
async def test_what_the_stores_raise_is_told_without_their_words(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    async def failing(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Uploads, "retrieve", failing)
    answer = await service.client.get("/v1/uploads/upload_x")
    told = error_of(answer, status)
    assert (told["code"], told["type"]) == (code, "server_error")
    assert "/x" not in told["message"]
    assert ("retry-after" in answer.headers) == (status == 503)


async def talk(app: Any, *, access_log: bool = True) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"abc", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"authorization", KEY.encode())]}
    await Frame(app, access_log=access_log, clock=lambda: 1.0)(scope, receive, send)
    return sent


async def test_a_failure_in_the_middle_of_an_answer_adds_nothing_to_it() -> None:
    async def torn(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("boom")

    sent = await talk(torn)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_a_client_that_left_is_answered_nothing_and_logged_as_499() -> None:
    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise ClientGone

    with structlog.testing.capture_logs() as lines:
        assert await talk(left) == []
    [line] = lines
    assert (line["status"], line["bytes_in"], line["bytes_out"]) == (499, 3, 0)


async def test_a_cancelled_request_stays_cancelled() -> None:
    async def cancelled(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await talk(cancelled)


async def test_other_scopes_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return None

    await Frame(app)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]


async def test_the_log_line_tells_what_happened_and_never_a_key(service: Service) -> None:
    upload_id = await service.upload()
    with structlog.testing.capture_logs() as lines:
        answer = await service.client.post(f"/v1/uploads/{upload_id}/parts", files={"data": b"abc"})
        await service.client.get("/v1/files", headers={"Authorization": "Bearer hl-wrong-wrong-wrong"})
        await service.client.get("/nowhere?key=" + KEY)
    assert len(lines) == 3
    part, wrong, nowhere = lines
    assert part["event"] == "request"
    assert part["request_id"] == answer.headers["x-request-id"]
    assert (part["method"], part["status"], part["project"]) == ("POST", 200, "default")
    assert part["route"].endswith("/uploads/{upload_id}/parts")
    assert part["path"] == f"/v1/uploads/{upload_id}/parts"
    assert part["bytes_in"] == int(answer.request.headers["content-length"])
    assert part["bytes_out"] == len(answer.content)
    assert part["ms"] >= 0
    assert (wrong["status"], wrong["project"]) == (401, None)
    assert (nowhere["status"], nowhere["route"]) == (404, None)
    told = json.dumps(lines, default=str)
    assert KEY not in told
    assert "hl-wrong" not in told


async def test_a_bug_is_logged_with_its_request_id(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def buggy(*_: Any, **__: Any) -> None:
        raise LookupError("detail")

    monkeypatch.setattr(Uploads, "retrieve", buggy)
    with structlog.testing.capture_logs() as lines:
        answer: httpx2.Response = await service.client.get("/v1/uploads/upload_x")
    failed = [line for line in lines if line["event"] == "request.failed"]
    assert [line["request_id"] for line in failed] == [answer.headers["x-request-id"]]
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]


async def test_probes_are_logged_at_debug_alone(service: Service) -> None:
    with structlog.testing.capture_logs() as lines:
        for path in ("/healthz", "/readyz", "/v1/files"):
            await service.client.get(path)
    assert [line["log_level"] for line in lines] == ["debug", "debug", "info"]


async def test_without_an_access_log_only_what_was_cut_is_told() -> None:
    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        raise AnswerCut from StorageDown("gone")

    with structlog.testing.capture_logs() as lines:
        await talk(whole, access_log=False)
        assert lines == []
        await talk(cut, access_log=False)
    assert [line["event"] for line in lines] == ["storage.failed", "request"]
