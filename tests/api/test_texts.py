"""Text that no database takes is refused where it comes in."""

import json

import pytest

from heavylift.api.documents import parse_json
from heavylift.api.schemas import CreateUpload
from heavylift.domain.errors import InvalidRequest
from heavylift.domain.limits import Limits

GOOD = {"filename": "a.jsonl", "purpose": "batch", "bytes": 1, "mime_type": "text/jsonl"}


@pytest.mark.parametrize("field", ["filename", "purpose", "mime_type"])
@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x7fb", "\ud800", "a\udfff"])
def test_control_characters_and_halves_of_characters_are_refused_by_name(field: str, text: str) -> None:
    body = json.dumps(GOOD | {field: text}).encode()
    with pytest.raises(InvalidRequest) as refused:
        parse_json(body, CreateUpload, Limits())
    assert refused.value.param == field


@pytest.mark.parametrize("text", ["ü", "文件.jsonl", "a b", "\U0001f680"])
def test_all_other_text_is_taken_as_it_is(text: str) -> None:
    body = json.dumps(GOOD | {"mime_type": text}).encode()
    assert parse_json(body, CreateUpload, Limits()).mime_type == text
