"""How the operations may be called: in order, by name, or with one request object."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from heavylift import Heavylift, InvalidRequestError, RequestOptions, SDKValidationError, errors, funcs
from tests.client.both import Both
from tests.support.answers import Answer
from tests.support.forms import read_form
from tests.support.stand_in import keep

CONTENT = b'{"a": 1}\n' * 50


@pytest.fixture
def file_id(both: Both) -> str:
    both.server.extensions = True
    return str(keep(both.server, "kept.bin", "user_data", CONTENT)["id"])


def sent_file(both: Both) -> tuple[str, bytes]:
    """Name and content of the File of the one form that was sent."""
    (asked,) = both.server.matching("POST /files")
    return read_form(asked.headers["content-type"], asked.body)["file"]


def sent_type(both: Both) -> str:
    """The MIME type of the one Upload that was announced."""
    (asked,) = both.server.matching("POST /uploads")
    return str(json.loads(asked.body)["mime_type"])


def test_what_is_obvious_comes_first_without_a_name(both: Both, file_id: str, tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(CONTENT)
    done = both.do(lambda client: client.uploads.upload_file(path, purpose="batch"))
    assert both.do(lambda client: client.uploads.get_upload(done.id)).status == "completed"
    assert both.do(lambda client: client.uploads.resume_upload(done.id, path)).file.id == done.file.id
    assert both.do(lambda client: client.files.create_file(path, purpose="batch")).filename == "big.jsonl"
    assert both.do(lambda client: client.files.retrieve_file(file_id)).id == file_id
    assert both.do(lambda client: client.files.download_file(file_id, start=3, end=9).read()) == CONTENT[3:9]
    saved = both.do(lambda client: client.files.download_file(file_id, to=tmp_path / "to"))
    assert Path(saved.path).read_bytes() == CONTENT
    assert both.do(lambda client: funcs.files_retrieve_file(client, file_id)).unwrap().id == file_id
    assert both.do(lambda client: client.files.delete_file(file_id)).deleted


def test_the_four_operations_in_order(both: Both) -> None:
    begun = both.do(
        lambda client: client.uploads.create_upload(
            filename="a", purpose="batch", bytes=3, mime_type="text/plain"
        )
    )
    part = both.do(lambda client: client.uploads.add_upload_part(begun.id, b"abc"))
    assert both.do(lambda client: client.uploads.complete_upload(begun.id, [part.id])).file.bytes == 3
    assert both.server.completions[-1]["part_ids"] == [part.id]


def test_one_request_object_in_the_manner_of_the_typescript_sdk(both: Both, file_id: str) -> None:
    begun = both.do(
        lambda client: client.uploads.create_upload(
            {"filename": "a", "purpose": "batch", "bytes": 3, "mimeType": "text/plain"}
        )
    )
    added = {"uploadId": begun.id, "addUploadPartRequest": {"data": b"abc"}}
    part = both.do(lambda client: client.uploads.add_upload_part(added))
    md5 = hashlib.md5(b"abc").hexdigest()
    completed = {"uploadId": begun.id, "completeUploadRequest": {"partIds": [part.id], "md5": md5}}
    assert both.do(lambda client: funcs.uploads_complete_upload(client, completed)).unwrap().file.bytes == 3
    assert both.server.completions[-1] == {"part_ids": [part.id], "md5": md5}
    created = {"file": {"fileName": "b.txt", "content": b"x"}, "purpose": "batch"}
    assert both.do(lambda client: client.files.create_file(created)).filename == "b.txt"
    assert both.do(lambda client: client.files.download_file({"fileId": file_id}).read()) == CONTENT


def test_options_may_follow_the_request_object(both: Both, file_id: str, tmp_path: Path) -> None:
    traced = RequestOptions(http_headers={"X-Trace": "42"})
    both.do(lambda client: client.files.retrieve_file({"file_id": file_id}, traced))
    both.do(lambda client: client.files.download_file({"fileId": file_id, "to": tmp_path / "to"}, traced))
    assert {asked.headers.get("x-trace") for asked in both.server.requests} == {"42"}
    assert (tmp_path / "to").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "request_object", [{}, {"fileId": "a", "colour": "red"}, {"file_id": "a", "to": "b"}]
)
def test_a_request_object_that_does_not_fit_is_a_known_error(both: Both, request_object: Any) -> None:
    with pytest.raises(SDKValidationError, match="request"):
        both.do(lambda client: client.files.retrieve_file(request_object))
    assert not both.do(lambda client: funcs.files_retrieve_file(client, request_object)).ok
    assert both.server.requests == []


def test_nothing_but_options_follows_a_request_object() -> None:
    with Heavylift(api_key="") as client, pytest.raises(SDKValidationError, match="nothing but"):
        client.files.retrieve_file({"fileId": "a"}, RequestOptions(), 3)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "content", [CONTENT, [CONTENT[:5], CONTENT[5:]], "path"], ids=["bytes", "list", "path"]
)
@pytest.mark.parametrize(
    ("rest", "form_type", "upload_type"),
    [
        ((), "application/octet-stream", "text/plain"),
        ((None,), "application/octet-stream", "text/plain"),
        (("text/x-c",), "text/x-c", "text/x-c"),
    ],
)
def test_a_tuple_is_a_file_with_its_name(
    both: Both,
    tmp_path: Path,
    content: Any,
    *,
    rest: tuple[str | None, ...],
    form_type: str,
    upload_type: str,
) -> None:
    if content == "path":
        content = tmp_path / "other.bin"
        content.write_bytes(CONTENT)
    both.do(lambda client: client.files.create_file(("a b.txt", content, *rest), purpose="batch"))
    assert sent_file(both) == ("a b.txt", CONTENT)
    assert f"Content-Type: {form_type}\r\n".encode() in both.server.matching("POST /files")[0].body
    done = both.do(lambda client: client.uploads.upload_file(("a b.txt", content, *rest), purpose="batch"))
    assert (done.filename, done.file.bytes, sent_type(both)) == ("a b.txt", len(CONTENT), upload_type)


def test_what_is_said_by_name_wins_over_the_tuple(both: Both) -> None:
    given = ("a.txt", b"x", "text/plain")
    done = both.do(
        lambda client: client.uploads.upload_file(given, purpose="batch", filename="b", mime_type="image/png")
    )
    assert (done.filename, sent_type(both)) == ("b", "image/png")


@pytest.mark.parametrize(
    "wrong",
    [
        ("a",),
        ("a", b"x", "text/plain", {"X-Own": "1"}),
        ("a", b"x", "text/plain\r\nX-Evil: 1"),
        ("a", b"x", 3),
        ("a", 3),
    ],
)
def test_a_tuple_that_is_no_file_is_refused(both: Both, wrong: Any) -> None:
    with pytest.raises(InvalidRequestError):
        both.do(lambda client: client.files.create_file(wrong, purpose="batch"))
    assert both.server.requests == []


def test_a_tuple_of_blocks_is_still_what_it_was(both: Both) -> None:
    both.do(lambda client: client.files.create_file((b"ab", b"cd"), filename="a", purpose="batch"))
    assert sent_file(both)[1] == b"abcd"


def test_a_completion_without_a_file_is_an_error_and_not_none(both: Both) -> None:
    begun = both.do(
        lambda client: client.uploads.create_upload(filename="a", purpose="b", bytes=1, mime_type="a/b")
    )
    body = json.dumps({"id": begun.id, "status": "completed"}).encode()
    answer = Answer(headers={"content-type": "application/json"}, body=body)
    both.server.answers("POST /uploads/.*/complete", answer)
    with pytest.raises(errors.CorruptedError, match="made no File"):
        both.do(lambda client: client.uploads.complete_upload(begun.id, []))
