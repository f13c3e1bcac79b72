"""Conformance cases 86 to 99: Files."""

import os
from collections.abc import Iterator

import httpx2
import psutil
import pytest

from tests.e2e.clocked import Clocked
from tests.e2e.sockets import FORM, form
from tests.e2e.wire import (
    add_file,
    add_part,
    completed,
    content_of,
    create,
    good,
    refused,
    send_complete,
    send_file,
)
from tests.installations import COMBINATIONS, SQLITE_DISK, Installation
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)

MIB = 1024 * 1024
MOST = 512 * MIB
BATCH_MOST = 200 * MIB


def post_sized(api: httpx2.Client, size: int, *, filename: str, purpose: str) -> httpx2.Response:
    """A form with a file of that many zero bytes, made while it is sent."""
    start = form(('name="purpose"', purpose.encode()), closed=False)
    start += (
        f'--cut-here\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
    )
    end = b"\r\n--cut-here--\r\n"
    block = bytes(4 * MIB)

    def body() -> Iterator[bytes]:
        yield start
        for left in range(size, 0, -len(block)):
            yield block[:left]
        yield end

    headers = {"Content-Type": FORM, "Content-Length": str(len(start) + size + len(end))}
    return api.post("/files", content=body(), headers=headers)


def test_case_086_a_posted_file_is_processed_at_once(api: httpx2.Client) -> None:
    file = add_file(api, b"posted", filename="notes.md")
    assert file["id"].startswith("file-")
    assert (file["object"], file["status"]) == ("file", "processed")
    assert (file["bytes"], file["filename"], file["purpose"]) == (6, "notes.md", "user_data")
    assert "expires_at" not in file
    assert "status_details" not in file
    assert content_of(api, file["id"]) == b"posted"


def test_case_087_the_file_may_come_before_or_after_its_purpose(api: httpx2.Client) -> None:
    file, purpose = ('name="file"; filename="x.txt"', b"bytes"), ('name="purpose"', b"evals")
    for fields in ((file, purpose), (purpose, file)):
        found = good(api.post("/files", content=form(*fields), headers={"Content-Type": FORM}))
        assert found["purpose"] == "evals"
        assert content_of(api, found["id"]) == b"bytes"


@pytest.mark.stores(SQLITE_DISK)
def test_case_088_512_mib_may_be_posted_and_not_one_byte_more(api: httpx2.Client) -> None:
    file = good(post_sized(api, MOST, filename="x.bin", purpose="user_data"))
    assert file["bytes"] == MOST
    good(api.delete(f"/files/{file['id']}"))
    found = post_sized(api, MOST + 1, filename="x.bin", purpose="user_data")
    refused(found, 413, code="file_too_large", param="file", says="POST /v1/uploads")


@pytest.mark.stores(SQLITE_DISK)
def test_case_089_a_batch_file_over_200_mib_is_refused(api: httpx2.Client) -> None:
    found = post_sized(api, BATCH_MOST + 1, filename="x.jsonl", purpose="batch")
    refused(found, 400, code=None, param="file", says="File is too large. It has")
    file = good(post_sized(api, BATCH_MOST, filename="x.jsonl", purpose="batch"))
    good(api.delete(f"/files/{file['id']}"))


def test_case_090_an_empty_file_is_refused_unless_a_setting_allows_it(
    api: httpx2.Client, small_api: httpx2.Client
) -> None:
    refused(send_file(api, b""), 400, code=None, param="file", says="File is empty.")
    assert good(send_file(small_api, b""))["bytes"] == 0


def test_case_091_an_unknown_form_field_is_refused(api: httpx2.Client) -> None:
    found = send_file(api, filename="x.txt", colour="red")
    refused(found, 400, code="unknown_parameter", param="colour", says="('colour' was unexpected)")
    nested = send_file(api, expires_after__days="1")
    refused(nested, 400, code="unknown_parameter", param="expires_after[days]")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ((('name="purpose"', b"evals"),), "malformed_body", "file"),
        ((('name="file"; filename="x"', b"abc"),), None, "purpose"),
        ((('name="file"', b"abc"), ('name="purpose"', b"evals")), "malformed_body", "file"),
        ((('name="file"; filename="x"', b"abc"), ('name="purpose"', b"answers")), None, "purpose"),
        ((('name="file"; filename="x"', b"abc"), ('name="purpose"', b"batch")), None, "filename"),
        ((('name="file"; filename="x"', b"a"),) * 2, "malformed_body", "file"),
        ((('name="purpose"', b"evals"),) * 2, "malformed_body", "purpose"),
        ((('name="purpose"', b"\xff"),), "malformed_body", "purpose"),
        ((('name="file"; filename="/"', b"abc"), ('name="purpose"', b"evals")), None, "file"),
    ],
)  # fmt: skip
def test_case_091_a_form_that_is_not_one_file_and_its_purpose_is_refused(
    api: httpx2.Client, fields: tuple[tuple[str, bytes], ...], code: str | None, param: str
) -> None:
    found = api.post("/files", content=form(*fields), headers={"Content-Type": FORM})
    refused(found, 400, code=code, param=param)


def test_case_092_a_lifetime_comes_as_two_fields(api: httpx2.Client) -> None:
    both = {"expires_after__anchor": "created_at", "expires_after__seconds": "3600"}
    file = add_file(api, **both)
    assert file["expires_at"] == file["created_at"] + 3600
    wrong: list[tuple[dict[str, str], str]] = [
        ({"expires_after__anchor": "created_at"}, "expires_after.seconds"),
        ({"expires_after__seconds": "3600"}, "expires_after.anchor"),
        (both | {"expires_after__seconds": "3599"}, "expires_after.seconds"),
        (both | {"expires_after__seconds": "soon"}, "expires_after.seconds"),
        (both | {"expires_after__anchor": "now"}, "expires_after.anchor"),
    ]
    for fields, param in wrong:
        refused(send_file(api, b"posted", **fields), 400, code=None, param=param)


def test_case_093_the_file_of_an_upload_is_a_file_like_any_other(api: httpx2.Client) -> None:
    nested = completed(api, b"abc")["file"]
    assert good(api.get(f"/files/{nested['id']}")) == nested


@pytest.mark.parametrize("file_id", ["file-none", "file-" + "0" * 22, "upload_x", "file-" + "x" * 3000])
def test_case_094_an_unknown_file_is_refused_in_openais_words(api: httpx2.Client, file_id: str) -> None:
    for found in (
        api.get(f"/files/{file_id}"),
        api.delete(f"/files/{file_id}"),
        api.get(f"/files/{file_id}/content"),
    ):
        assert refused(found, 404, code=None, param="id") == f"No such File object: {file_id}"


def test_case_095_a_deleted_file_is_gone_everywhere(api: httpx2.Client) -> None:
    file = add_file(api)["id"]
    assert good(api.delete(f"/files/{file}")) == {"id": file, "object": "file", "deleted": True}
    for found in (api.delete(f"/files/{file}"), api.get(f"/files/{file}"), api.get(f"/files/{file}/content")):
        refused(found, 404, code=None, param="id")


def test_case_096_delete_with_a_json_content_type_and_no_body_is_fine(api: httpx2.Client) -> None:
    file = add_file(api)["id"]
    found = api.request("DELETE", f"/files/{file}", headers={"Content-Type": "application/json"})
    assert good(found)["deleted"] is True


@pytest.mark.parametrize("accept", ["application/binary", "application/json", "*/*", "", "nonsense"])
def test_case_097_content_is_the_exact_bytes_whatever_is_accepted(api: httpx2.Client, accept: str) -> None:
    data = bytes(range(256)) * 17
    file = add_file(api, data, filename="größe.bin")
    found = api.get(f"/files/{file['id']}/content", headers={"Accept": accept})
    assert found.status_code == 200
    assert found.content == data
    headers = found.headers
    assert headers["content-length"] == str(len(data))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["accept-ranges"] == "bytes"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"].startswith("attachment;")
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.bin" in headers["content-disposition"]


def test_case_097_head_answers_as_get_does_without_the_bytes(api: httpx2.Client) -> None:
    file = add_file(api, b"abcdef")["id"]
    got, head = api.get(f"/files/{file}/content"), api.head(f"/files/{file}/content")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type", "last-modified", "accept-ranges"):
        assert head.headers[name] == got.headers[name]


def test_case_097_purposes_that_openai_closes_can_be_closed(small_api: httpx2.Client) -> None:
    file = add_file(small_api, purpose="assistants")["id"]
    found = small_api.get(f"/files/{file}/content")
    message = refused(found, 400, code=None, param=None)
    assert message.startswith("Not allowed to download files of purpose: assistants")
    assert content_of(small_api, add_file(small_api, b"open", purpose="batch")["id"]) == b"open"


def test_case_098_a_large_file_streams_with_flat_memory(
    api: httpx2.Client, server: Served, installed: Installation
) -> None:
    piece = os.urandom(MIB) * 64
    upload = create(api, 3 * len(piece))["id"]
    parts = [add_part(api, upload, piece) for _ in range(3)]
    file = good(send_complete(api, upload, parts))["file"]["id"]
    process = psutil.Process(server.pid)
    resting, most, received = process.memory_info().rss, 0, 0
    with api.stream("GET", f"/files/{file}/content") as found:
        for chunk in found.iter_bytes(MIB):
            assert chunk == piece[:MIB]
            received += len(chunk)
            most = max(most, process.memory_info().rss)
    assert received == 3 * len(piece)
    assert most - resting < (64 if installed.store else 32) * MIB  # an object store is read ahead
    good(api.delete(f"/files/{file}"))


@pytest.mark.parametrize(
    ("wanted", "status", "content_range", "data"),
    [
        ("bytes=0-0", 206, "bytes 0-0/9", b"a"),
        ("bytes=2-6", 206, "bytes 2-6/9", b"cdefg"),
        ("bytes=4-", 206, "bytes 4-8/9", b"efghi"),
        ("bytes=-2", 206, "bytes 7-8/9", b"hi"),
        ("bytes=-99", 206, "bytes 0-8/9", b"abcdefghi"),
        ("bytes=3-99999999999999999999999", 206, "bytes 3-8/9", b"defghi"),
        ("bytes=0-1,7-8", 200, None, b"abcdefghi"),
        ("items=0-1", 200, None, b"abcdefghi"),
        ("bytes=6-2", 200, None, b"abcdefghi"),
    ],
)
def test_case_098_a_range_goes_across_the_parts(
    api: httpx2.Client, wanted: str, status: int, content_range: str | None, data: bytes
) -> None:
    file = completed(api, b"abc", b"def", b"ghi")["file"]["id"]
    found = api.get(f"/files/{file}/content", headers={"Range": wanted})
    assert (found.status_code, found.content) == (status, data)
    assert found.headers.get("content-range") == content_range
    assert found.headers["content-length"] == str(len(data))


def test_case_098_ranges_beyond_the_end_and_conditions_are_answered_by_the_standard(
    api: httpx2.Client,
) -> None:
    file = completed(api, b"abc", b"def")["file"]["id"]
    path = f"/files/{file}/content"
    etag = api.head(path).headers["etag"]
    beyond = api.get(path, headers={"Range": "bytes=6-"})
    refused(beyond, 416, code="range_not_satisfiable", param="Range", says="6 bytes")
    assert beyond.headers["content-range"] == "bytes */6"
    assert api.get(path, headers={"Range": "bytes=1-2", "If-Range": etag}).content == b"bc"
    assert api.get(path, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).content == b"abcdef"
    unchanged = api.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    changed = api.get(path, headers={"If-Match": '"other"'})
    refused(changed, 412, code="precondition_failed", param="If-Match")


def test_case_099_an_expired_file_is_gone_everywhere(timed: tuple[Clocked, httpx2.Client]) -> None:
    service, api = timed
    brief = add_file(api, expires_after__anchor="created_at", expires_after__seconds="3600")["id"]
    lasting = add_file(api)["id"]
    service.clock.now += 3599
    assert content_of(api, brief) == b"posted"
    service.clock.now += 1
    for found in (
        api.get(f"/files/{brief}"),
        api.get(f"/files/{brief}/content"),
        api.delete(f"/files/{brief}"),
    ):
        refused(found, 404, code=None, param="id")
    assert [file["id"] for file in good(api.get("/files"))["data"]] == [lasting]
