"""A refusal shows what it refuses as far as somebody would read it, and does not grow with what was sent."""

from typing import Any

import pytest

from tests.api.conftest import Service

LONG = "x" * 20_000
MOST = 1_000
DESCRIBED = {"filename": "a.txt", "purpose": "user_data", "bytes": 1, "mime_type": "text/plain"}


def described(**changes: Any) -> dict[str, Any]:
    return {"method": "POST", "url": "/v1/uploads", "json": DESCRIBED | changes}


def form(**fields: str) -> dict[str, Any]:
    texts = {"purpose": "user_data"} | fields
    return {"method": "POST", "url": "/v1/files", "data": texts, "files": {"file": ("a.txt", b"a")}}


def listed(**query: str) -> dict[str, Any]:
    return {"method": "GET", "url": "/v1/uploads", "params": query}


REQUESTS: dict[str, dict[str, Any]] = {
    "a purpose": described(purpose=LONG),
    "a MIME type": described(mime_type=LONG),
    "a name": described(filename=LONG),
    "a field": described(**{LONG: 1}),
    "an anchor": described(expires_after={"anchor": LONG, "seconds": 3600}),
    "an extension": described(purpose="batch", filename="a." + "y" * 200),
    "a number": described(bytes=int("9" * 4000)),
    "a key": {**described(), "headers": {"Idempotency-Key": LONG}},
    "a purpose in a form": form(purpose=LONG),
    "an anchor in a form": form(**{"expires_after[anchor]": LONG}),
    "a field of a form": form(**{LONG[:3000]: "x"}),
    "an order": listed(order=LONG),
    "a limit": listed(limit=LONG),
    "a status": listed(status=LONG),
    "a cursor": listed(after=LONG),
    "a File's id": {"method": "GET", "url": f"/v1/files/{LONG}"},
    "an Upload's id": {"method": "GET", "url": f"/v1/uploads/{LONG}"},
    "a path": {"method": "GET", "url": f"/{LONG}"},
    "a method": {"method": LONG[:5000], "url": "/v1/files"},
    "an origin": {"method": "OPTIONS", "url": "/v1/files",
                  "headers": {"Origin": LONG, "Access-Control-Request-Method": LONG}},
    "an API key": {"method": "GET", "url": "/v1/files", "headers": {"Authorization": f"Bearer {LONG}"}},
    "a coding": {"method": "POST", "url": "/v1/uploads", "headers": {"Content-Encoding": LONG}},
}  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_what_is_refused_is_shown_in_short(service: Service, request_: dict[str, Any]) -> None:
    answer = await service.client.request(**request_)
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < MOST
    assert all(len(value) < MOST for value in answer.headers.values())
