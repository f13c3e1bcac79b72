"""The story of an upload on both drivers: parts in parallel, damage, failure, resuming, changes, progress."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift.client import errors
from heavylift.client.operations.uploads import add_upload_part
from heavylift.client.progress import Progress
from heavylift.client.retries import RetryConfig
from heavylift.client.sources import FileSlice
from heavylift.client.stories.upload import upload_file
from tests.client.rig import Rig, envelope
from tests.client.scripted import Scripted
from tests.client.story import CONTENT, PART, PARTS, Upload, journals, nth, stored


@pytest.mark.parametrize("most", [1, 2, 8])
def test_a_file_arrives_whole_however_many_parts_are_in_flight(upload: Upload, server: Scripted, most: int):
    done = upload(max_concurrency=most)
    assert stored(server) == CONTENT
    assert done.status == "completed"
    assert done.file.bytes == len(CONTENT)
    assert server.count("POST /uploads/.*/parts") == PARTS


def test_name_and_type_are_taken_from_the_path(upload: Upload, server: Scripted):
    upload(expires_after=3600)
    [created] = server.uploads.values()
    assert (created["filename"], created["mime_type"]) == ("corpus.jsonl", "application/jsonl")
    assert created["expires_after"] == {"anchor": "created_at", "seconds": 3600}


def plain() -> Iterator[bytes]:
    yield CONTENT[:1500]
    yield b""
    yield CONTENT[1500:]


async def awaited() -> AsyncIterator[bytes]:
    for block in plain():
        yield block


@pytest.mark.parametrize(
    "make", [lambda: CONTENT, lambda: memoryview(CONTENT), lambda: BytesIO(CONTENT), plain]
)
def test_bytes_open_files_and_iterators_are_uploaded_too(upload: Upload, server: Scripted, make: Any):
    upload(file=make(), filename="made.jsonl")
    assert stored(server) == CONTENT


def test_an_asynchronous_iterator_needs_the_asynchronous_client(rig: Rig, upload: Upload, server: Scripted):
    if rig.driver == "blocking":
        with pytest.raises(errors.InvalidRequestError, match="AsyncHeavylift"):
            upload(file=awaited(), filename="made.jsonl")
        assert server.asked == []
    else:
        upload(file=awaited(), filename="made.jsonl")
        assert stored(server) == CONTENT


def test_an_open_file_is_read_from_where_it_stands(upload: Upload, server: Scripted, path: Path):
    with path.open("rb") as file:
        file.seek(100)
        upload(file=file)
    assert stored(server) == CONTENT[100:]


def test_a_named_pipe_is_read_once_and_uploaded(rig: Rig, server: Scripted, tmp_path: Path):
    read, write = os.pipe()
    os.write(write, b"through a pipe")
    os.close(write)
    try:
        rig.run(upload_file(file=f"/dev/fd/{read}", filename="x.bin", purpose="user_data"))
    finally:
        os.close(read)
    assert stored(server) == b"through a pipe"


def test_bytes_without_a_name_are_refused_with_what_to_do(upload: Upload, server: Scripted):
    with pytest.raises(errors.InvalidRequestError, match="filename="):
        upload(file=b"abc")


@pytest.mark.parametrize("odd", [["text"], 7, None])
def test_what_is_no_bytes_is_refused_with_what_to_do(upload: Upload, server: Scripted, odd: Any):
    with pytest.raises(errors.InvalidRequestError, match=r"binary mode|neither a path"):
        upload(file=odd, filename="x.bin")
    assert server.asked == []


def test_a_missing_file_and_a_directory_are_the_systems_own_errors(
    upload: Upload, server: Scripted, path: Path
):
    with pytest.raises(FileNotFoundError):
        upload(file=path.with_name("missing.jsonl"))
    with pytest.raises(IsADirectoryError):
        upload(file=path.parent)
    assert server.asked == []


@pytest.mark.parametrize(
    "odd",
    [
        {"part_size": 0},
        {"part_size": 2**26 + 1},
        {"max_concurrency": 0},
        {"md5": "abc"},
        {"purpose": ""},
        {"on_failure": "explode"},
    ],
)
def test_odd_wishes_are_refused_before_anything_is_sent(
    upload: Upload, server: Scripted, odd: dict[str, Any]
):
    with pytest.raises(errors.SDKValidationError, match=next(iter(odd))):
        upload(**odd)
    assert server.asked == []


def test_a_part_that_fails_is_sent_again_alone(rig: Rig, upload: Upload, server: Scripted):
    server.tamper = nth(3, "/parts", lambda: httpx2.Response(503, headers={"retry-after": "1"}))
    upload()
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS + 1
    assert rig.pauses == [1.0]


def test_a_part_that_arrived_damaged_is_sent_again(upload: Upload, server: Scripted, path: Path):
    damaged = {
        "id": "part_bad",
        "created_at": 1,
        "upload_id": "u",
        "bytes": PART,
        "checksum": "crc64nvme:" + "0" * 16,
    }
    server.tamper = nth(2, "/parts", lambda: httpx2.Response(200, json=damaged))
    reports: list[Progress] = []
    upload(on_progress=reports.append)
    assert stored(server) == CONTENT
    assert "part_bad" not in server.completions[0]["part_ids"]
    assert reports[-1].retries == 1
    assert reports[-1].bytes_done == len(CONTENT)


def test_bytes_in_memory_carry_a_digest_for_the_server_to_check(upload: Upload, server: Scripted):
    refused = envelope(400, "damaged", code="digest_mismatch")
    server.tamper = nth(2, "/parts", lambda: refused)
    upload(file=CONTENT, filename="made.jsonl")
    assert stored(server) == CONTENT
    assert server.count("POST /uploads/.*/parts") == PARTS + 1


def test_what_always_arrives_damaged_is_given_up(upload: Upload, server: Scripted):
    server.tamper = lambda line, request: (
        envelope(400, "damaged", code="digest_mismatch") if "/parts" in line else None
    )
    with pytest.raises(errors.CorruptedError, match="3 times"):
        upload(max_concurrency=1)
    assert server.count("POST /uploads/.*/parts") == 3


def test_a_refusal_cancels_the_upload_and_leaves_no_journal(rig: Rig, upload: Upload, server: Scripted):
    server.tamper = nth(4, "/parts", lambda: envelope(400, "No more.", code="upload_too_large"))
    with pytest.raises(errors.BadRequestError, match="No more"):
        upload()
    assert [one["status"] for one in server.uploads.values()] == ["cancelled"]
    assert journals(rig) == []


def test_an_upload_that_was_never_begun_leaves_no_journal(rig: Rig, upload: Upload, server: Scripted):
    server.tamper = nth(1, "POST /uploads", lambda: envelope(400, "Must be .jsonl"))
    with pytest.raises(errors.BadRequestError, match="Must be"):
        upload()
    assert journals(rig) == []


def test_a_dead_server_keeps_the_upload_for_the_next_run(rig: Rig, upload: Upload, server: Scripted):
    rig.set(retries=RetryConfig("none"))
    server.tamper = nth(5, "/parts", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError) as caught:
        upload(max_concurrency=1)
    assert "is kept" in caught.value.__notes__[0]
    server.asked.clear()
    reports: list[Progress] = []
    upload(max_concurrency=1, on_progress=reports.append)
    assert stored(server) == CONTENT
    assert server.count("POST /uploads") == 0
    assert server.count("POST /uploads/.*/parts") == PARTS - 4
    assert reports[-1].bytes_resumed == 4 * PART
    assert reports[-1].bytes_done == len(CONTENT)
    assert reports[-1].parts_done == PARTS
    assert journals(rig) == []


@pytest.mark.parametrize("wish", ["cancel", "keep"])
def test_what_becomes_of_a_failed_upload_can_be_said(rig: Rig, upload: Upload, server: Scripted, wish: str):
    rig.set(retries=RetryConfig("none"))
    server.tamper = nth(5, "/parts", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        upload(file=CONTENT, filename="made.jsonl", on_failure=wish)
    [created] = server.uploads.values()
    assert created["status"] == {"cancel": "cancelled", "keep": "pending"}[wish]


def test_bytes_cannot_be_resumed_so_their_failed_upload_is_cancelled(
    rig: Rig, upload: Upload, server: Scripted
):
    rig.set(retries=RetryConfig("none"))
    server.tamper = nth(5, "/parts", lambda: httpx2.Response(503))
    with pytest.raises(errors.ServerError):
        upload(file=CONTENT, filename="made.jsonl")
    assert [one["status"] for one in server.uploads.values()] == ["cancelled"]


@pytest.mark.parametrize("how", ["written", "cut", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_read_fails_and_cancels(
    upload: Upload, server: Scripted, path: Path, how: str
):
    def change(line: str, request: httpx2.Request) -> None:
        if line.endswith("/parts") and server.count("POST /uploads/.*/parts") == 3:
            match how:
                case "written":
                    path.write_bytes(CONTENT[::-1])
                case "cut":
                    os.truncate(path, 10)
                case "replaced":
                    other = path.with_name("other")
                    other.write_bytes(CONTENT)
                    other.replace(path)
                case "removed":
                    path.unlink()

    server.tamper = change
    with pytest.raises(errors.FileChangedError if how != "removed" else (errors.FileChangedError, OSError)):
        upload(max_concurrency=2)
    assert [one["status"] for one in server.uploads.values()] == ["cancelled"]


def test_an_md5_is_sent_only_where_the_server_checks_nothing_itself(upload: Upload, server: Scripted):
    upload()
    server.extensions = False
    upload()
    upload(md5="off")
    digest = hashlib.md5(CONTENT).hexdigest()
    assert [sent.get("md5") for sent in server.completions] == [None, digest, None]


def test_a_known_md5_is_passed_on(upload: Upload, server: Scripted):
    upload(md5="9E107D9D372BB6826BD81D3542A419D6")
    assert server.completions[0]["md5"] == "9E107D9D372BB6826BD81D3542A419D6"


def test_progress_ends_with_all_bytes_and_all_parts(upload: Upload, server: Scripted):
    server.tamper = nth(3, "/parts", lambda: httpx2.Response(503))
    reports: list[Progress] = []
    upload(on_progress=reports.append)
    last = reports[-1]
    assert {report.id for report in reports} == set(server.uploads)
    assert (last.phase, last.bytes_done, last.bytes_total) == ("done", len(CONTENT), len(CONTENT))
    assert (last.parts_done, last.parts_total, last.parts_in_flight) == (PARTS, PARTS, 0)
    assert last.retries == 1
    assert all(0 <= report.bytes_done <= len(CONTENT) for report in reports)
    assert [report.phase for report in reports if report.phase != "transferring"] == [
        "starting",
        "finishing",
        "done",
    ]


def test_what_the_progress_function_raises_comes_through(upload: Upload, server: Scripted):
    def broken(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        upload(on_progress=broken)


def test_an_empty_file_is_left_for_the_server_to_judge(upload: Upload, server: Scripted, path: Path):
    path.write_bytes(b"")
    server.tamper = nth(1, "POST /uploads", lambda: envelope(400, "bytes must be positive", param="bytes"))
    with pytest.raises(errors.BadRequestError, match="positive"):
        upload()


@pytest.mark.parametrize("form", ["bytes", "path", "slice", "file", "iterator"])
def test_a_single_part_may_come_in_any_form(rig: Rig, server: Scripted, path: Path, form: str):
    server.uploads["upload_1"] = {"id": "upload_1", "status": "pending", "bytes": 9}
    with path.open("rb") as file:
        data = {
            "bytes": CONTENT,
            "path": path,
            "slice": FileSlice(str(path), 1000, 240),
            "file": file,
            "iterator": plain(),
        }[form]
        part = rig.run(add_upload_part(upload_id="upload_1", data=data))
    assert server.parts[part.id][1] == (CONTENT[1000:1240] if form == "slice" else CONTENT)


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "pending"},
        {"file": None},
        {"file": {"id": "file-9", "bytes": 3}},
    ],
    ids=["pending", "no file", "another size"],
)
def test_a_completion_that_made_nothing_of_it_is_no_success(
    upload: Upload, server: Scripted, lie: dict[str, Any]
):
    def answer(line: str, request: httpx2.Request) -> httpx2.Response | None:
        if not line.endswith("/complete"):
            return None
        whole = {"id": "file-9", "bytes": len(CONTENT), "filename": "a", "purpose": "batch", "created_at": 1}
        done = {**next(iter(server.uploads.values())), "status": "completed", "file": whole, **lie}
        return httpx2.Response(200, json=done)

    server.tamper = answer
    with pytest.raises(errors.CorruptedError):
        upload()


def test_an_answer_with_an_empty_id_is_no_answer(upload: Upload, server: Scripted):
    server.tamper = lambda line, request: (
        httpx2.Response(200, json={"id": "", "status": "pending"}) if line == "POST /uploads" else None
    )
    with pytest.raises(errors.SDKValidationError, match="id"):
        upload()
