"""No answer that is read whole fills the memory: by its bytes, and a page of a list by its values too."""

import json

import pytest

from heavylift.client import errors
from tests.client.both import Both, first
from tests.support.answers import Answer

LISTS = {
    "files": lambda client: first(client.files.list_files(limit=10_000)),
    "uploads": lambda client: first(client.uploads.list_uploads()),
    "parts": lambda client: first(client.uploads.list_upload_parts(upload_id="upload_1")),
}
FLOODS = {
    "entries": b'{"id":"a"},' * 300_000 + b'{"id":"a"}',
    "empty": b"{}," * 600_000 + b"{}",
    "numbers": b"1," * 600_000 + b"1",
    "nested": b"[]," * 600_000 + b"[]",
}


def listing(entries: bytes) -> Answer:
    return Answer(
        headers={"content-type": "application/json"}, body=b'{"has_more":false,"data":[%s]}' % entries
    )


@pytest.mark.parametrize(
    ("what", "flood"), [*((what, "empty") for what in LISTS), *(("files", flood) for flood in FLOODS)]
)
def test_a_page_of_very_many_small_things_is_refused_before_it_is_parsed(
    both: Both, what: str, flood: str
) -> None:
    both.server.answers("GET .*", listing(FLOODS[flood]))
    with pytest.raises(errors.SDKError, match="more than 500000 values"):
        both.do(LISTS[what])


@pytest.mark.parametrize("what", LISTS)
def test_a_page_that_is_too_long_is_given_up(both: Both, what: str) -> None:
    both.server.answers("GET .*", listing(b'{"id":"%s"}' % (b"a" * (33 << 20))))
    with pytest.raises(errors.SDKError, match="holds more than 33554432 bytes"):
        both.do(LISTS[what])


def test_a_page_of_the_largest_entries_is_read(both: Both) -> None:
    name = '\U0001f600,{["' * 51  # 255 characters, and much that looks like values
    entries = [
        {"id": f"file-{number:024}", "object": "file", "bytes": 5 << 40, "created_at": 1790000002,
         "expires_at": 1790003602, "filename": name, "purpose": "user_data", "status": "processed",
         "status_details": None, "checksum": "crc64nvme:0123456789abcdef"}
        for number in range(10_000)
    ]  # fmt: skip
    both.server.answers("GET .*", listing(json.dumps(entries).encode()[1:-1]))
    page = both.do(LISTS["files"])
    assert (len(page), page[-1].filename) == (10_000, name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.files.retrieve_file(file_id="file-1"),
        lambda client: client.uploads.get_upload(upload_id="upload_1"),
        lambda client: client.files.delete_file(file_id="file-1"),
        lambda client: client.uploads.cancel_upload(upload_id="upload_1"),
        lambda client: client.uploads.complete_upload(upload_id="upload_1", part_ids=["part_1"]),
        lambda client: client.uploads.add_upload_part(upload_id="upload_1", data=b"abc"),
        lambda client: client.files.create_file(file=("a.bin", b"abc"), purpose="user_data"),
        lambda client: client.uploads.create_upload(
            bytes=3, filename="a.bin", mime_type="text/plain", purpose="user_data"
        ),
    ],
)
def test_an_answer_about_one_thing_is_small(both: Both, ask: object) -> None:
    both.server.answers(".*", Answer(body=b'{"id":"a","status":"' + b"x" * (1 << 20) + b'"}'), forever=True)
    with pytest.raises(errors.SDKError, match="holds more than 1048576 bytes"):
        both.do(ask)  # type: ignore[arg-type]
