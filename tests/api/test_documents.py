"""JSON that is long or wrong in very many places: refused at the first, and bounded before that."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heavylift.api import documents
from heavylift.api.documents import parse_json
from heavylift.api.schemas import CompleteUpload, CreateUpload
from heavylift.domain.errors import Refusal
from heavylift.domain.limits import MIB, Limits
from tests.api.conftest import Service, error_of

LIMITS = Limits()


def calls_of(work: Callable[[], Any]) -> int:
    """How many functions written in Python are called in it: the same on every machine."""
    count = 0

    def seen(frame: Any, event: str, _: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def full(item: bytes, before: bytes = b'{"part_ids": [', after: bytes = b"]}") -> bytes:
    """A body of 1 MiB that repeats one thing."""
    return before + b",".join([item] * ((MIB - len(before) - len(after)) // (len(item) + 1))) + after


WRONG = {
    "numbers for ids": (full(b"1"), CompleteUpload),
    "objects for ids": (full(b"{}"), CompleteUpload),
    "lists for ids": (full(b"[]"), CompleteUpload),
    "empty ids": (full(b'""'), CompleteUpload),
    "numbers for a name": (full(b"1", b'{"filename": ['), CreateUpload),
    "the same name": (full(b'"a":1', b"{", b"}"), CreateUpload),
    "unknown names": (json.dumps({f"k{i}": 1 for i in range(80_000)}).encode(), CreateUpload),
    "unknown names further in": (
        json.dumps({"expires_after": {f"k{i}": 1 for i in range(80_000)}}).encode(),
        CreateUpload,
    ),
    "as many wrong ids as Parts": (b'{"part_ids": [%s]}' % b",".join([b"{}"] * 10_000), CompleteUpload),
}


@pytest.mark.parametrize(("body", "model"), WRONG.values(), ids=WRONG)
def test_a_mebibyte_of_errors_is_refused_at_the_first(body: bytes, model: Any) -> None:
    refused: list[Refusal] = []

    def parse() -> None:
        try:
            parse_json(body, model, LIMITS)
        except Refusal as refusal:
            refused.append(refusal)

    assert calls_of(parse) < 45_000  # four for each of the things that are let in
    assert len(refused[0].message) < 300


async def test_more_ids_than_an_upload_has_parts_are_too_many(service: Service) -> None:
    body = json.dumps({"part_ids": ["part_1"] * 10_001})
    error = error_of(await service.client.post("/v1/uploads/upload_x/complete", content=body), 400)
    assert (error["code"], error["param"]) == ("too_many_parts", "part_ids")
    assert "10001" in error["message"]
    assert "10000" in error["message"]


async def test_as_many_ids_as_an_upload_has_parts_are_looked_at(service: Service) -> None:
    body = json.dumps({"part_ids": [f"part_{number}" for number in range(10_000)]})
    assert len(body) > documents.SMALL
    upload = await service.upload()
    error = error_of(await service.client.post(f"/v1/uploads/{upload}/complete", content=body), 400)
    assert error["code"] == "part_not_found"


VALUES = st.one_of(
    st.sampled_from(["1", "-0", "1.0", "1e2", "true", "null", "NaN", "[]", "{}", "01", "9" * 30, "9" * 101]),
    st.sampled_from(['""', '"3"', '"a\\u0022b"', '"\\ud800"', '"\u00e9"', '"user_data"', '"a\tb"']),
    st.sampled_from(['{"anchor": "created_at", "seconds": 3600}', '{"seconds": 3600, "seconds": 7200}']),
    st.text(max_size=6).map(json.dumps),
    st.integers().map(str),
)  # fmt: skip
NAMES = st.sampled_from(
    ["filename", "purpose", "bytes", "mime_type", "expires_after", "file\\u006eame", "other"]
)
USUAL = {"filename": '"a.txt"', "purpose": '"user_data"', "bytes": "3", "mime_type": '"text/plain"'}
EXPIRES = ("expires_after", '{"anchor": "created_at", "seconds": 3600}')


def outcome(body: bytes) -> object:
    try:
        return parse_json(body, CreateUpload, LIMITS)
    except Refusal as refusal:
        return type(refusal), refusal.message, refusal.param


@given(st.lists(st.tuples(NAMES, VALUES), max_size=3), st.sampled_from(["", "\ufeff", " ", "["]))
@example([], "")
@example([EXPIRES], "")
@example([EXPIRES, ("bytes", "3")], "")
def test_the_quick_way_of_a_small_body_differs_in_nothing(more: list[tuple[str, str]], before: str) -> None:
    fields = [*USUAL.items(), *more]
    body = (before + "{" + ", ".join(f'"{name}": {value}' for name, value in fields) + "}").encode()
    quick = outcome(body)
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(documents, "QUICK", 0)
        assert outcome(body) == quick


def test_the_quick_way_is_taken_by_what_clients_send_and_not_by_equal_keys() -> None:
    body = b'{"filename": "a", "purpose": "user_data", "bytes": 3, "mime_type": "x"}'
    assert documents._quickly(body, CreateUpload, LIMITS) == parse_json(body, CreateUpload, LIMITS)
    twice = body.replace(b'"bytes": 3', b'"bytes": 3, "bytes": 3')
    assert documents._quickly(twice, CreateUpload, LIMITS) is None
    with pytest.raises(Refusal, match="a key occurs twice"):
        parse_json(twice, CreateUpload, LIMITS)
