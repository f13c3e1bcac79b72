"""Conformance cases 1 to 24: creating an Upload."""

from typing import Any

import httpx2
import pytest

from tests.e2e.wire import Json, create, description, good, refused
from tests.installations import ENDS
from tests.serving import Served

pytestmark = pytest.mark.stores(*ENDS)

FITTING = {
    "assistants": ("notes.md", "text/markdown"),
    "batch": ("requests.jsonl", "application/jsonl"),
    "fine-tune": ("training.jsonl", "text/jsonl"),
    "vision": ("cat.webp", "image/webp"),
    "user_data": ("anything.xyz", "chemical/x-xyz"),
    "evals": ("rows.jsonl", "application/json"),
}


def posted(api: httpx2.Client, **changes: Any) -> httpx2.Response:
    return api.post("/uploads", json=description(10, **changes))


def posted_raw(api: httpx2.Client, body: Json) -> httpx2.Response:
    return api.post("/uploads", json=body)


def test_case_001_a_valid_upload_is_pending_for_an_hour_and_has_no_file(api: httpx2.Client) -> None:
    upload = create(api, 150994944, filename="corpus.jsonl", purpose="fine-tune", mime_type="text/jsonl")
    assert upload["object"] == "upload"
    assert upload["status"] == "pending"
    assert upload["id"].startswith("upload_")
    assert (upload["bytes"], upload["filename"]) == (150994944, "corpus.jsonl")
    assert upload["purpose"] == "fine-tune"
    assert upload["expires_at"] == upload["created_at"] + 3600
    assert "file" not in upload


@pytest.mark.parametrize("purpose", FITTING)
def test_case_002_each_of_the_six_purposes_is_taken_and_comes_back(api: httpx2.Client, purpose: str) -> None:
    filename, mime_type = FITTING[purpose]
    upload = create(api, 10, purpose=purpose, filename=filename, mime_type=mime_type)
    assert upload["purpose"] == purpose


def test_case_003_an_unknown_purpose_is_refused_with_the_list_of_purposes(api: httpx2.Client) -> None:
    message = refused(
        posted(api, purpose="answers"), 400, code=None, param="purpose", says="'answers' is not"
    )
    assert all(f"'{purpose}'" in message for purpose in FITTING)


@pytest.mark.parametrize("purpose", [None, 7, ["batch"], ...], ids=["null", "number", "list", "missing"])
def test_case_004_a_purpose_that_is_no_string_is_refused(api: httpx2.Client, purpose: Any) -> None:
    body = description(10) | {"purpose": purpose}
    if purpose is ...:
        del body["purpose"]
    refused(posted_raw(api, body), 400, code=None, param="purpose")


def test_case_005_a_missing_filename_is_refused(api: httpx2.Client) -> None:
    refused(posted(api, filename=None), 400, code=None, param="filename", says="Missing")


def test_case_006_an_empty_filename_is_refused(api: httpx2.Client) -> None:
    refused(posted(api, filename=""), 400, code=None, param="filename")


@pytest.mark.parametrize("path", ["../../x.jsonl", "/etc/x.jsonl", "..\\..\\x.jsonl", "a/b/../x.jsonl"])
def test_case_007_a_path_in_front_of_the_name_is_dropped_and_never_followed(
    api: httpx2.Client, server: Served, path: str
) -> None:
    before = {entry.name for entry in server.data.parent.iterdir()}
    assert create(api, 10, filename=path)["filename"] == "x.jsonl"
    assert {entry.name for entry in server.data.parent.iterdir()} == before
    refused(posted(api, filename=f"{path}/.."), 400, code=None, param="filename")


@pytest.mark.parametrize(
    "name", ["naïve résumé 文書.txt", "a \"quoted\" 'name'.txt", "🦆.txt", " spaced .txt"]
)
def test_case_008_unicode_spaces_and_quotes_come_back_unchanged(api: httpx2.Client, name: str) -> None:
    assert create(api, 10, filename=name)["filename"] == name


def test_case_009_a_missing_mime_type_is_refused(api: httpx2.Client) -> None:
    refused(posted(api, mime_type=None), 400, code=None, param="mime_type", says="Missing")


def test_case_010_missing_bytes_are_refused(api: httpx2.Client) -> None:
    refused(posted(api, bytes=None), 400, code=None, param="bytes", says="Missing")


@pytest.mark.parametrize("size", ["10", 1.5, True, [10]])
def test_case_011_bytes_that_are_no_integer_are_refused(api: httpx2.Client, size: Any) -> None:
    refused(posted(api, bytes=size), 400, code=None, param="bytes")


@pytest.mark.parametrize("size", [-1, -(10**30)])
def test_case_012_negative_bytes_are_refused(api: httpx2.Client, size: int) -> None:
    refused(posted(api, bytes=size), 400, code=None, param="bytes")


def test_case_013_an_upload_of_no_bytes_is_refused_unless_a_setting_allows_it(
    api: httpx2.Client, small_api: httpx2.Client
) -> None:
    refused(posted(api, bytes=0), 400, code=None, param="bytes", says="at least 1 byte")
    upload = create(small_api, 0)
    done = good(small_api.post(f"/uploads/{upload['id']}/complete", json={"part_ids": []}))
    assert done["file"]["bytes"] == 0


def test_case_014_eight_gib_may_be_declared(api: httpx2.Client) -> None:
    assert create(api, 8589934592)["bytes"] == 8589934592


@pytest.mark.parametrize("size", [8589934593, 10**40])
def test_case_015_more_than_eight_gib_are_refused(api: httpx2.Client, size: int) -> None:
    refused(posted(api, bytes=size), 400, code="upload_too_large", param="bytes", says="8589934592")


def test_case_016_an_unknown_key_is_refused_by_name(api: httpx2.Client) -> None:
    refused(posted(api, colour="red"), 400, code="unknown_parameter", param="colour", says="'colour'")
    nested = {"anchor": "created_at", "seconds": 3600, "minutes": 1}
    refused(posted(api, expires_after=nested), 400, code="unknown_parameter", param="expires_after.minutes")


@pytest.mark.parametrize("seconds", [3600, 2592000])
def test_case_017_a_lifetime_within_the_range_is_taken(api: httpx2.Client, seconds: int) -> None:
    assert create(api, 10, expires_after={"anchor": "created_at", "seconds": seconds})["status"] == "pending"


@pytest.mark.parametrize("seconds", [3599, 2592001, "3600", 3600.5, True, -1, 10**30])
def test_case_018_a_lifetime_outside_the_range_or_in_a_string_is_refused(
    api: httpx2.Client, seconds: Any
) -> None:
    answer = posted(api, expires_after={"anchor": "created_at", "seconds": seconds})
    refused(answer, 400, code=None, param="expires_after.seconds")


@pytest.mark.parametrize(
    ("expires_after", "param"),
    [
        ({"anchor": "last_active_at", "seconds": 3600}, "expires_after.anchor"),
        ({"seconds": 3600}, "expires_after.anchor"),
        ({"anchor": "created_at"}, "expires_after.seconds"),
        ("created_at", "expires_after"),
    ],
)
def test_case_019_any_other_anchor_or_half_an_object_is_refused(
    api: httpx2.Client, expires_after: Any, param: str
) -> None:
    refused(posted(api, expires_after=expires_after), 400, code=None, param=param)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not json", b"[]", b'"text"', b"null", b"{", b'{"bytes": NaN}', b'{"bytes": 1e999',
        b"\xff\xfe\x00", b'{"bytes": 1, "bytes": 2}', b"[" * 100_000, b"\x00",
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_case_020_a_body_that_is_not_one_json_object_is_refused(api: httpx2.Client, body: bytes) -> None:
    answer = api.post("/uploads", content=body, headers={"Content-Type": "application/json"})
    refused(answer, 400, code="malformed_body", param=None, says="JSON")


def test_case_020_a_json_body_over_its_limit_is_refused_without_being_parsed(api: httpx2.Client) -> None:
    body = b'{"filename": "' + b"x" * 2**20 + b'"}'
    refused(api.post("/uploads", content=body), 413, code="body_too_large", param=None, says="1048576")
    refused(api.post("/uploads", content=iter([body])), 413, code="body_too_large", param=None)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", None])
def test_case_021_json_is_parsed_whatever_the_content_type_says(api: httpx2.Client, kind: str | None) -> None:
    body = b'{"filename": "a.txt", "purpose": "user_data", "bytes": 3, "mime_type": "text/plain"}'
    headers = {"Content-Type": kind} if kind else {}
    assert good(api.post("/uploads", content=body, headers=headers))["bytes"] == 3


@pytest.mark.parametrize(
    ("purpose", "words"),
    [
        ("batch", "Invalid file format for Batch API. Must be .jsonl"),
        ("fine-tune", "Invalid file format for Fine-Tuning API. Must be .jsonl"),
    ],
)
def test_case_022_batch_and_fine_tune_want_jsonl_and_say_so_in_openais_words(
    api: httpx2.Client, purpose: str, words: str
) -> None:
    assert refused(posted(api, purpose=purpose, filename="x.txt"), 400, code=None, param="filename") == words
    for filename in ("jsonl", ".jsonl"):
        answer = posted(api, purpose=purpose, filename=filename)
        seen = f"{words}. The file's name is '{filename}', which has no extension."
        assert refused(answer, 400, code=None, param="filename") == seen
    assert create(api, 10, purpose=purpose, filename="X.JSONL", mime_type="txt")["filename"] == "X.JSONL"


@pytest.mark.parametrize(
    ("filename", "mime_type"),
    [
        ("a.go", "text/x-golang"),
        ("a.cs", "text/x-csharp"),
        ("a.sh", "application/x-sh"),
        ("a.doc", "application/msword"),
        ("a.webp", "image/webp"),
        ("a.txt", "Text/Plain; charset=utf-8"),
    ],
)
def test_case_023_assistants_takes_the_union_of_the_tables(
    api: httpx2.Client, filename: str, mime_type: str
) -> None:
    assert (
        create(api, 10, purpose="assistants", filename=filename, mime_type=mime_type)["status"] == "pending"
    )


def test_case_023_assistants_refuses_what_no_table_names(api: httpx2.Client) -> None:
    answer = posted(api, purpose="assistants", filename="module.vb")
    refused(answer, 400, code=None, param="filename", says="Invalid extension vb. Supported formats: c, cpp")
    answer = posted(api, purpose="assistants", filename="a.md", mime_type="chemical/x-xyz")
    refused(answer, 400, code=None, param="mime_type", says="For .md use text/markdown")


def test_case_024_a_tiny_json_file_for_assistants_is_not_judged_by_its_content(api: httpx2.Client) -> None:
    upload = create(api, 10, purpose="assistants", filename="tiny.json", mime_type="application/json")
    part = good(api.post(f"/uploads/{upload['id']}/parts", files={"data": b"not json!!"}))
    done = good(api.post(f"/uploads/{upload['id']}/complete", json={"part_ids": [part["id"]]}))
    assert done["file"]["filename"] == "tiny.json"
