"""JSON bodies, hostile and clumsy ones: each has an answer that names what is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from heavylift.api.body import ClientGone, Patience, chunks, read_all, too_slow
from heavylift.api.documents import parse_json
from heavylift.api.schemas import CompleteUpload, CreateUpload
from heavylift.api.shares import Place
from heavylift.domain.errors import BodyTooLarge, Refusal, TooSlow
from heavylift.domain.limits import Limits
from tests.api.conftest import Service, error_of

VALID = {"filename": "a.jsonl", "purpose": "batch", "bytes": 10, "mime_type": "text/jsonl"}


def changed(**fields: Any) -> bytes:
    return json.dumps(VALID | fields).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in VALID.items() if key != name}).encode()


MALFORMED = {
    "empty": b"",
    "blank": b" \n",
    "not JSON": b"filename=a",
    "cut": b'{"filename": "a',
    "array": b"[]",
    "text": b'"x"',
    "null": b"null",
    "number": b"1",
    "two documents": json.dumps(VALID).encode() * 2,
    "doubled key": b'{"bytes": 10, "bytes": 10}',
    "doubled key inside": b'{"expires_after": {"seconds": 3600, "seconds": 3600}}',
    "NaN": b'{"bytes": NaN}',
    "Infinity": b'{"bytes": Infinity}',
    "minus Infinity": b'{"bytes": -Infinity}',
    "a number of 5,000 digits": b'{"bytes": ' + b"9" * 5000 + b"}",
    "deep array": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "latin-1": '{"filename": "naïve"}'.encode("latin-1"),
    "cut UTF-8": b'{"filename": "\xe2\x82"}',
    "UTF-16 of odd length": '{"a": 1}'.encode("utf-16") + b"x",
    "control character in a text": b'{"filename": "a\nb"}',
    "single quotes": b"{'bytes': 10}",
    "trailing comma": b'{"bytes": 10,}',
    "NUL": b"\x00",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_json_object_is_malformed(service: Service, body: bytes) -> None:
    error = error_of(await service.client.post("/v1/uploads", content=body), 400)
    assert error["code"] == "malformed_body"
    assert len(error["message"]) < 300
    assert "sys." not in error["message"]


FIELDS = {
    "filename missing": (without("filename"), "filename"),
    "filename null": (changed(filename=None), "filename"),
    "filename number": (changed(filename=1), "filename"),
    "filename empty": (changed(filename=""), "filename"),
    "filename lone surrogate": (
        b'{"filename": "\\ud800.jsonl", "purpose": "batch", "bytes": 1, "mime_type": "x"}',
        "filename",
    ),
    "filename control": (changed(filename="a\x00.jsonl"), "filename"),
    "purpose missing": (without("purpose"), "purpose"),
    "purpose null": (changed(purpose=None), "purpose"),
    "purpose unknown": (changed(purpose="answers"), "purpose"),
    "purpose lone surrogate": (changed(purpose="\ud800"), "purpose"),
    "purpose list": (changed(purpose=["batch"]), "purpose"),
    "bytes missing": (without("bytes"), "bytes"),
    "bytes text": (changed(bytes="10"), "bytes"),
    "bytes fraction": (changed(bytes=1.5), "bytes"),
    "bytes whole fraction": (changed(bytes=10.0), "bytes"),
    "bytes true": (changed(bytes=True), "bytes"),
    "bytes negative": (changed(bytes=-1), "bytes"),
    "bytes zero": (changed(bytes=0), "bytes"),
    "bytes too many": (changed(bytes=8589934593), "bytes"),
    "bytes of 91 digits": (changed(bytes=10**90), "bytes"),
    "bytes 1e400": (
        b'{"filename": "a.jsonl", "purpose": "batch", "bytes": 1e400, "mime_type": "x"}',
        "bytes",
    ),
    "mime_type missing": (without("mime_type"), "mime_type"),
    "mime_type number": (changed(mime_type=3), "mime_type"),
    "mime_type lone surrogate": (changed(mime_type="\udfff"), "mime_type"),
    "mime_type control": (changed(mime_type="text/x\x00"), "mime_type"),
    "mime_type endless": (changed(mime_type="x" * 100_000), "mime_type"),
    "expires_after text": (changed(expires_after="3600"), "expires_after"),
    "expires_after without anchor": (changed(expires_after={"seconds": 3600}), "expires_after.anchor"),
    "expires_after other anchor": (
        changed(expires_after={"anchor": "last_active_at", "seconds": 3600}),
        "expires_after.anchor",
    ),
    "expires_after without seconds": (
        changed(expires_after={"anchor": "created_at"}),
        "expires_after.seconds",
    ),
    "expires_after seconds text": (
        changed(expires_after={"anchor": "created_at", "seconds": "3600"}),
        "expires_after.seconds",
    ),
    "expires_after too short": (
        changed(expires_after={"anchor": "created_at", "seconds": 3599}),
        "expires_after.seconds",
    ),
    "expires_after too long": (
        changed(expires_after={"anchor": "created_at", "seconds": 2592001}),
        "expires_after.seconds",
    ),
    "unknown field": (changed(extra=1), "extra"),
    "unknown field inside": (
        changed(expires_after={"anchor": "created_at", "seconds": 3600, "x": 1}),
        "expires_after.x",
    ),
    "unknown field of a lone surrogate": (changed(**{"\ud800": 1}), ""),
}


@pytest.mark.parametrize(("body", "param"), FIELDS.values(), ids=FIELDS)
async def test_a_wrong_field_is_named(service: Service, body: bytes, param: str) -> None:
    error = error_of(await service.client.post("/v1/uploads", content=body), 400)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    if param in ("extra", "expires_after.x"):
        assert error["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=x", ""]
)
async def test_json_is_read_whatever_the_content_type_says(service: Service, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await service.client.post("/v1/uploads", content=json.dumps(VALID), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["filename"] == "a.jsonl"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_the_other_encodings_of_json_are_read_too(service: Service, encoding: str) -> None:
    body = json.dumps(VALID).encode(encoding)
    assert (await service.client.post("/v1/uploads", content=body)).status_code == 200


async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_413(service: Service) -> None:
    body = json.dumps(VALID).encode().ljust(1024 * 1024)
    assert (await service.client.post("/v1/uploads", content=body)).status_code == 200
    error = error_of(await service.client.post("/v1/uploads", content=body + b" "), 413)
    assert error["code"] == "body_too_large"
    assert "1048576" in error["message"]


async def test_a_chunked_body_is_read_and_bounded_alike(service: Service) -> None:
    async def pieces(extra: int) -> AsyncIterator[bytes]:
        yield json.dumps(VALID).encode()
        for _ in range(extra):
            yield b" " * 65536

    assert (await service.client.post("/v1/uploads", content=pieces(2))).status_code == 200
    assert (
        error_of(await service.client.post("/v1/uploads", content=pieces(17)), 413)["code"]
        == "body_too_large"
    )


PART_IDS = {
    "missing": b"{}",
    "null": b'{"part_ids": null}',
    "text": b'{"part_ids": "part_x"}',
    "a number in it": b'{"part_ids": [1]}',
    "null in it": b'{"part_ids": [null]}',
    "a lone surrogate in it": b'{"part_ids": ["\\ud800"]}',
    "object": b'{"part_ids": {}}',
}


@pytest.mark.parametrize("body", PART_IDS.values(), ids=PART_IDS)
async def test_wrong_part_ids_are_named(service: Service, body: bytes) -> None:
    upload_id = await service.upload()
    answer = await service.client.post(f"/v1/uploads/{upload_id}/complete", content=body)
    assert error_of(answer, 400)["param"] == "part_ids"


@pytest.mark.parametrize("md5", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "٣" * 32, 5, ["0" * 32]])
async def test_a_wrong_md5_is_named(service: Service, md5: Any) -> None:
    upload_id = await service.upload()
    answer = await service.client.post(f"/v1/uploads/{upload_id}/complete", json={"part_ids": [], "md5": md5})
    assert error_of(answer, 400)["param"] == "md5"


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"not json"])
async def test_cancel_and_delete_do_not_mind_a_body(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    upload_id, file_id = await service.upload(), await service.file()
    cancelled = await service.client.post(f"/v1/uploads/{upload_id}/cancel", content=body, headers=headers)
    assert cancelled.json()["status"] == "cancelled"
    deleted = await service.client.request("DELETE", f"/v1/files/{file_id}", content=body, headers=headers)
    assert deleted.json() == {"id": file_id, "object": "file", "deleted": True}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "filename": JSON, "purpose": JSON, "bytes": JSON, "mime_type": JSON,
            "expires_after": JSON, "x": JSON,
        },
    )
    | JSON
)  # fmt: skip
def test_any_json_is_a_model_or_a_refusal(document: Any) -> None:
    for model in (CreateUpload, CompleteUpload):
        with suppress(Refusal):
            assert isinstance(parse_json(json.dumps(document).encode(), model, Limits()), model)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_model_or_a_refusal(body: bytes) -> None:
    with pytest.raises(Refusal):
        parse_json(body, CreateUpload, Limits())


def request_of(*messages: dict[str, Any], headers: dict[str, str] | None = None) -> Request:
    waiting = list(messages)

    async def receive() -> Any:
        if waiting:
            return waiting.pop(0)
        return await asyncio.Event().wait()

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


PATIENT = Patience(idle=20, total=20)


async def test_a_body_is_handed_on_as_it_arrives_without_empty_pieces() -> None:
    request = request_of(piece(b"a"), piece(b""), piece(b"b"), piece(b"", more=False))
    assert [chunk async for chunk in chunks(request, PATIENT)] == [b"a", b"b"]


async def test_a_client_that_leaves_is_told_apart_from_the_end() -> None:
    request = request_of(piece(b"a"), {"type": "http.disconnect"})
    with pytest.raises(ClientGone):
        [chunk async for chunk in chunks(request, PATIENT)]


@pytest.mark.parametrize("patience", [Patience(idle=0.01, total=20), Patience(idle=20, total=0.01)])
async def test_a_client_that_stops_sending_is_too_slow(patience: Patience) -> None:
    with pytest.raises(TooSlow, match=r"stood still|more than"):
        [chunk async for chunk in chunks(request_of(piece(b"a")), patience)]


async def test_a_declared_length_beyond_the_limit_is_refused_unread() -> None:
    request = request_of(headers={"content-length": "11"})
    with pytest.raises(BodyTooLarge):
        await read_all(request, limit=10, patience=PATIENT)


async def test_a_length_that_lies_does_not_widen_the_limit() -> None:
    request = request_of(piece(b"x" * 8), piece(b"x" * 8), headers={"content-length": "5"})
    with pytest.raises(BodyTooLarge):
        await read_all(request, limit=10, patience=PATIENT)


async def test_a_body_that_trickles_is_too_slow_long_before_its_time_is_over() -> None:
    patience = Patience(idle=60, total=3600, rate=1024)
    assert patience.left(0, 0) == 60
    assert patience.left(59, 59 * 1024) == 60
    assert patience.left(60, 6 * 60) < 1
    assert patience.left(61, 6 * 61) < 0
    assert patience.left(3599, 10**9) == 1
    with pytest.raises(TooSlow, match="1024 bytes a second"):
        raise too_slow(patience)


async def test_the_place_of_a_body_hears_how_far_it_has_come() -> None:
    place = Place("a")
    request = request_of(piece(b"abc"), piece(b"de", more=False))
    seen = [(len(chunk), place.received, place.whole) async for chunk in chunks(request, PATIENT, place)]
    assert seen == [(3, 3, False), (2, 5, True)]
