"""What an earlier upload is worth: completed and there, given up, refused by a proxy, told by nobody."""

import itertools
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.operations.files import create_file
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Progress
from heavylift.client.retries import BackoffStrategy, RetryConfig
from heavylift.client.stories.upload import upload_file
from tests.client.rig import Rig, envelope
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PART, PARTS, Upload, journals, nth, stored
from tests.client.test_upload_resuming import interrupted

ONCE = RetryConfig("none")


def unheard(rig: Rig, upload: Upload, server: Scripted, content: bytes = CONTENT, **file: Any) -> str:
    """The Upload is completed, its File as given, and the client does not know; the Upload's id."""
    rig.set(retries=ONCE)
    server.tamper = nth(1, "/complete", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        upload()
    [upload_id] = server.uploads
    server.uploads[upload_id] |= {"status": "completed", "file": server.keep(content) | file}
    return upload_id


def test_a_completed_upload_whose_file_was_deleted_is_begun_anew(
    rig: Rig, upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    upload_id = unheard(rig, upload, server)
    server.files.clear()
    assert upload().id != upload_id
    assert stored(server) == CONTENT
    assert "was deleted since" in caplog.text
    assert server.count("POST /uploads/.*/cancel") == 0


def test_a_completed_upload_of_other_content_of_that_size_is_begun_anew(
    rig: Rig, upload: Upload, server: Scripted
) -> None:
    upload_id = unheard(rig, upload, server, CONTENT[::-1])
    assert upload().id != upload_id
    assert CONTENT in [content for _, content in server.files.values()]


def test_a_completed_upload_that_shows_no_checksum_is_begun_anew(
    rig: Rig, upload: Upload, server: Scripted
) -> None:
    upload_id = unheard(rig, upload, server)
    next(iter(server.files.values()))[0].pop("checksum")
    assert upload().id != upload_id


def test_checksums_of_another_case_are_the_same(rig: Rig, upload: Upload, server: Scripted) -> None:
    upload_id = unheard(rig, upload, server)
    file = next(iter(server.files.values()))[0]
    file["checksum"] = "crc64nvme:" + file["checksum"].partition(":")[2].upper()
    assert upload().id == upload_id


def test_a_file_that_is_not_what_was_sent_is_an_error(rig: Rig, upload: Upload, server: Scripted) -> None:
    def other(line: str, request: httpx2.Request) -> httpx2.Response | None:
        if not line.endswith("/complete"):
            return None
        upload_id = line.split("/")[2]
        done = {"status": "completed", "file": server.keep(CONTENT[::-1])}
        return httpx2.Response(200, json=server.uploads[upload_id] | done)

    server.tamper = other
    with pytest.raises(errors.CorruptedError, match="is not what was sent"):
        upload()


def test_an_upload_that_is_given_up_for_a_new_one_is_cancelled(
    upload: Upload, server: Scripted, path: Path
) -> None:
    interrupted(upload, 6)
    path.write_bytes(CONTENT + b"more")
    upload()
    assert [one["status"] for one in server.uploads.values()] == ["cancelled", "completed"]


STRANGE = [
    httpx2.Response(404, text="default backend - 404"),
    httpx2.Response(400, text="<html>Bad Request</html>"),
    httpx2.Response(405, json={"message": "Method Not Allowed"}),
    httpx2.Response(404, json={"error": "not found"}),
    httpx2.Response(404, json={"error": {"code": 404, "message": "no Route matched"}}),
]


@pytest.mark.parametrize("where", ["/parts", "/complete"])
@pytest.mark.parametrize("strange", STRANGE, ids=lambda answer: answer.text[:24])
def test_what_a_proxy_refuses_is_tried_again(
    upload: Upload, server: Scripted, where: str, strange: httpx2.Response
) -> None:
    server.tamper = nth(1, where, lambda: httpx2.Response(strange.status_code, content=strange.content))
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads") == 1
    assert server.count("POST /uploads/.*/cancel") == 0


def test_what_a_proxy_refuses_for_good_keeps_the_upload(rig: Rig, upload: Upload, server: Scripted) -> None:
    rig.set(retries=RetryConfig(backoff=BackoffStrategy(max_elapsed_time=5000)))
    server.tamper = lambda line, request: httpx2.Response(404, text="gone") if "/parts" in line else None
    with pytest.raises(errors.NotFoundError) as caught:
        upload(max_concurrency=1)
    assert "is kept" in caught.value.__notes__[0]
    server.tamper = lambda line, request: None
    upload()
    assert server.count("POST /uploads") == 1
    assert stored(server) == CONTENT


@pytest.mark.parametrize("extensions", [True, False])
def test_an_interrupted_upload_is_not_given_up_for_what_a_proxy_says(
    rig: Rig, upload: Upload, server: Scripted, *, extensions: bool
) -> None:
    server.extensions = extensions
    interrupted(upload, 6)
    rig.set(retries=RetryConfig(backoff=BackoffStrategy(max_elapsed_time=1000)))
    server.tamper = lambda line, request: httpx2.Response(404, text="default backend - 404")
    with pytest.raises(errors.NotFoundError):
        upload()
    server.tamper = lambda line, request: None
    upload()
    assert server.count("POST /uploads") == 1
    assert server.count("POST /uploads/.*/cancel") == 0
    assert len(server.parts) == PARTS


def test_a_list_of_parts_without_an_end_is_not_kept(upload: Upload, server: Scripted) -> None:
    interrupted(upload, 6)
    pages, ids = itertools.count(), itertools.count()

    def endless(line: str, request: httpx2.Request) -> httpx2.Response | None:
        if not line.startswith("GET /uploads/upload_1/parts"):
            return None
        if next(pages) > 50:
            raise AssertionError("it is read for ever")
        data = [
            {"id": f"part_{next(ids)}", "object": "upload.part", "created_at": 1,
             "upload_id": "upload_1", "bytes": 1}
            for _ in range(1000)
        ]  # fmt: skip
        return httpx2.Response(200, json={"object": "list", "data": data, "has_more": True})

    server.tamper = endless
    upload()
    assert server.count("POST /uploads") == 2  # begun anew
    assert next(pages) <= 12


def test_an_unknown_url_says_nothing_of_the_upload(rig: Rig, upload: Upload, server: Scripted) -> None:
    unknown = envelope(404, "Invalid URL (POST /parts)", code="unknown_url")
    server.tamper = nth(3, "/parts", lambda: unknown)
    with pytest.raises(errors.NotFoundError):
        upload(max_concurrency=1)
    assert [one["status"] for one in server.uploads.values()] == ["pending"]
    assert len(journals(rig)) == 1


LACKING = [
    lambda: envelope(401, "no route", type="gateway"),
    lambda: envelope(403, "Missing Authentication Token"),
    lambda: httpx2.Response(500, text="no such handler"),
    lambda: httpx2.Response(501),
    lambda: httpx2.Response(404, text="nothing here"),
    lambda: httpx2.Response(200, text="<html>Welcome</html>"),
    lambda: httpx2.Response(200, json={"hello": "world"}),
]


@pytest.mark.parametrize("what", ["GET /uploads/upload_1", "GET /uploads/upload_1/parts"])
@pytest.mark.parametrize("lacking", LACKING, ids=lambda make: str(make().status_code))
def test_a_route_that_a_gateway_lacks_leaves_the_journal_to_tell(
    upload: Upload, server: Scripted, what: str, lacking: Any
) -> None:
    interrupted(upload, 6)
    server.tamper = lambda line, request: lacking() if line == what else None
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads") == 1
    assert len(server.parts) == PARTS


def test_a_key_that_was_revoked_keeps_the_upload_and_says_so(upload: Upload, server: Scripted) -> None:
    interrupted(upload, 6)
    server.tamper = lambda line, request: envelope(401, "Incorrect API key", code="invalid_api_key")
    with pytest.raises(errors.AuthenticationError):
        upload()
    server.tamper = lambda line, request: None
    upload()
    assert server.count("POST /uploads") == 1


def test_a_journal_is_of_one_key_or_project(rig: Rig, upload: Upload, server: Scripted, path: Path) -> None:
    interrupted(upload, 6)
    mine = set(server.uploads)
    rig.set(api_key="sk-another")
    rig.run(upload_file(file=path, purpose="batch", part_size=PART))
    rig.set(api_key="sk-secret")
    in_project = RequestOptions(http_headers={"OpenAI-Project": "proj_1"})
    rig.run(upload_file(file=path, purpose="batch", part_size=PART, options=in_project))
    assert {id for id, one in server.uploads.items() if one["status"] == "pending"} == mine
    upload()
    assert server.count("POST /uploads") == 3
    assert all(one["status"] == "completed" for one in server.uploads.values())


def test_a_password_of_a_url_is_not_in_the_journal(rig: Rig, upload: Upload, server: Scripted) -> None:
    rig.set(server_url="http://user:sesame@server.test/v1")
    interrupted(upload, 6)
    [journal] = journals(rig)
    assert b"server.test" in journal.read_bytes()
    assert b"sesame" not in journal.read_bytes()


def test_a_failed_cancellation_is_told_as_it_is(rig: Rig, upload: Upload, server: Scripted) -> None:
    rig.set(retries=ONCE)
    server.tamper = lambda line, request: (
        httpx2.Response(503) if line.endswith(("/parts", "/cancel")) else None
    )
    with pytest.raises(errors.ServerError) as caught:
        upload(file=CONTENT, filename="made.jsonl")
    [note] = caught.value.__notes__
    assert "could not be cancelled" in note
    assert "stays pending" in note


def test_parts_too_small_to_carry_the_file_are_widened_with_a_word(
    rig: Rig, upload: Upload, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    reports: list[Progress] = []
    upload(part_size=1, on_progress=reports.append)
    assert stored(server) == CONTENT
    assert len(server.parts) == 1
    assert "Parts of 1 bytes cannot carry 10240" in caplog.text
    assert "cannot carry" in reports[0].note


def test_an_empty_file_is_refused_by_name_with_the_setting_that_allows_it(
    rig: Rig, upload: Upload, server: Scripted, path: Path
) -> None:
    path.write_bytes(b"")
    server.tamper = lambda line, request: envelope(400, "at least 1 byte") if "POST" in line else None
    for flow in (upload_file(file=path, purpose="batch"), create_file(file=path, purpose="batch")):
        with pytest.raises(errors.BadRequestError) as caught:
            rig.run(flow)
        [note] = caught.value.__notes__
        assert "corpus.jsonl holds no bytes" in note
        assert "HEAVYLIFT_EMPTY_FILES=true" in note
