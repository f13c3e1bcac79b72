"""Speaks the protocol to a server under test and judges its answers."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx2
import pytest

Json = dict[str, Any]

BOUND = 60.0
"""Seconds that a condition may take to come true. A bound, not a wait."""


class Witness:
    """Looks at every answer that a test receives: each has its own request id and its time."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, answer: httpx2.Response) -> None:
        request_id = answer.headers["x-request-id"]
        assert request_id.startswith("req_")
        assert request_id not in self.seen
        self.seen.add(request_id)
        assert answer.headers["openai-processing-ms"].isdigit()


WITNESS = Witness()
"""One for all clients of a process: no id may ever come twice."""


@contextmanager
def speaking(url: str, key: str | None) -> Iterator[httpx2.Client]:
    """A client of the server at `url`, with or without a key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    hooks = {"response": [WITNESS]}
    with httpx2.Client(base_url=url, headers=headers, timeout=60.0, event_hooks=hooks) as client:
        yield client


def description(size: int, **changes: Any) -> Json:
    """What an Upload of `size` bytes is created with; a change to None leaves a field out."""
    body = {"filename": "notes.txt", "purpose": "user_data", "bytes": size, "mime_type": "text/plain"}
    return {name: value for name, value in (body | changes).items() if value is not None}


def good(answer: httpx2.Response) -> Json:
    """The JSON object of a 200."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert isinstance(body, dict)
    return body


def refused(
    answer: httpx2.Response, status: int, *, code: str | None, param: str | None, says: str = ""
) -> str:
    """Judge a refusal: the whole envelope. Returns its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    kind = {429: "requests", 503: "server_error", 507: "server_error"}.get(status, "invalid_request_error")
    assert (error["type"], error["code"], error["param"]) == (kind, code, param), error
    assert isinstance(error["message"], str)
    assert len(error["message"]) > 10
    assert says in error["message"]
    assert status < 500 or "x-should-retry" not in answer.headers
    return str(error["message"])


def create(api: httpx2.Client, size: int, **changes: Any) -> Json:
    """A new Upload."""
    return good(api.post("/uploads", json=description(size, **changes)))


def send_part(api: httpx2.Client, upload_id: str, data: bytes) -> httpx2.Response:
    """One Part, as a form."""
    return api.post(f"/uploads/{upload_id}/parts", files={"data": ("piece", data)})


def add_part(api: httpx2.Client, upload_id: str, data: bytes) -> str:
    """The id of one more Part."""
    return str(good(send_part(api, upload_id, data))["id"])


def begun(api: httpx2.Client, *pieces: bytes, **changes: Any) -> tuple[str, list[str]]:
    """The ids of an Upload and of its Parts, all bytes there, not yet completed."""
    upload = create(api, sum(map(len, pieces)), **changes)["id"]
    return upload, [add_part(api, upload, piece) for piece in pieces]


def send_complete(api: httpx2.Client, upload_id: str, part_ids: list[str], **more: Any) -> httpx2.Response:
    """Complete an Upload."""
    return api.post(f"/uploads/{upload_id}/complete", json={"part_ids": part_ids, **more})


def completed(api: httpx2.Client, *pieces: bytes, **changes: Any) -> Json:
    """A completed Upload of those pieces."""
    upload, parts = begun(api, *pieces, **changes)
    return good(send_complete(api, upload, parts))


def status_of(api: httpx2.Client, upload_id: str) -> str:
    """The Upload's status now."""
    return str(good(api.get(f"/uploads/{upload_id}"))["status"])


def send_file(
    api: httpx2.Client, data: Any = b"posted", *, filename: str = "notes.txt", **fields: str
) -> httpx2.Response:
    """POST /files. `fields` replace or add text fields; double underscores become brackets."""
    texts = {"purpose": "user_data"} | {
        name.replace("__", "[") + "]" * ("__" in name): value for name, value in fields.items()
    }
    return api.post("/files", data=texts, files={"file": (filename, data)})


def add_file(api: httpx2.Client, data: bytes = b"posted", **fields: str) -> Json:
    """A posted File."""
    return good(send_file(api, data, **fields))


def content_of(api: httpx2.Client, file_id: str) -> bytes:
    """A File's bytes."""
    answer = api.get(f"/files/{file_id}/content")
    assert answer.status_code == 200, answer.text
    return answer.content


def eventually(condition: Callable[[], bool], *, seconds: float = BOUND) -> None:
    """Wait until the condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {condition}"
        time.sleep(0.01)


def not_tested(what: str) -> NoReturn:
    """Skip loudly what cannot be tested on this machine. With CI=true it must be."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
