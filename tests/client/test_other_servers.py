"""What other servers leave out, or send as null, is taken where a transfer does not need it."""

import io
import itertools
import json
from pathlib import Path

import httpx2
import pytest

from heavylift import FileSlice, Heavylift
from heavylift.client import errors
from heavylift.client.models import File, Page, Upload, UploadPart
from heavylift.client.operations.files import retrieve_file
from heavylift.client.options import NO_OPTIONS
from heavylift.client.retries import RetryConfig
from heavylift.client.stories.resuming import parts_on_server
from tests.client.rig import URL, Rig
from tests.support.answers import Answer
from tests.support.stand_in import keep, stand_in_server


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (File, {"id": "f"}),
        (
            File,
            {"id": "f", "bytes": None, "created_at": None, "filename": None, "purpose": None, "object": None},
        ),
        (File, {"id": "f", "status_details": {"reason": "odd"}, "created_at": 1.75, "expires_at": 2.5}),
        (Upload, {"id": "u", "status": "pending"}),
        (Upload, {"id": "u", "status": "completed", "expires_at": None, "file": {"id": "f", "bytes": None}}),
        (UploadPart, {"id": "p"}),
        (UploadPart, {"id": "p", "upload_id": None, "object": None, "created_at": None}),
        (Page[File], {"data": None}),
        (Page[File], {"data": [{"id": "f", "bytes": None}], "has_more": None, "object": None}),
    ],
)
def test_what_is_not_needed_may_be_missing(kind, answer):
    assert isinstance(kind.model_validate(answer), kind)  # an empty page is false, and is one


def test_moments_are_whole_seconds_and_nulls_are_known_as_left_out():
    file = File.model_validate({"id": "f", "created_at": 1.75, "bytes": None, "theirs": None})
    assert (file.created_at, file.bytes, file.theirs) == (1, 0, None)
    assert "bytes" not in file.model_fields_set


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"bytes": 3}])
def test_what_is_needed_may_not(rig: Rig, answer: dict[str, object]):
    rig.handle = lambda request: httpx2.Response(200, json=answer)
    with pytest.raises(errors.SDKValidationError, match="id"):
        rig.run(retrieve_file(file_id="file-1"))


def listed(handle) -> list[str]:
    with (
        httpx2.Client(transport=httpx2.MockTransport(handle)) as http,
        Heavylift(server_url=URL, api_key="k", http_client=http, retry_config=RetryConfig("none")) as client,
    ):
        return [file.id for file in itertools.islice(client.files.list_files(), 100)]


def page(*ids: str) -> httpx2.Response:
    return httpx2.Response(200, json={"data": [{"id": one} for one in ids], "has_more": True})


def test_a_list_ends_at_a_page_with_nothing_new():
    assert listed(lambda request: page("a", "b")) == ["a", "b"]


def test_a_list_that_goes_in_circles_ends():
    circle = itertools.cycle([page("a", "b"), page("c"), page("d", "e")])

    def handle(request: httpx2.Request) -> httpx2.Response:
        known = next(circle)
        return httpx2.Response(200, content=known.content, headers=known.headers)

    assert listed(handle) == ["a", "b", "c", "d", "e"]


def test_an_empty_page_that_promises_more_ends_the_list():
    assert listed(lambda request: page()) == []


def test_a_size_that_is_not_told_is_not_nothing(tmp_path: Path):
    content = bytes(range(256)) * 100
    with stand_in_server() as server:
        server.extensions = True
        file = keep(server, "a.bin", "user_data", content)
        del file["bytes"]
        with Heavylift(server_url=server.url, api_key="k", state_folder=tmp_path / "state") as client:
            saved = client.files.download_file(file_id=file["id"], to=tmp_path / "a.bin")
            into = io.BytesIO()
            client.files.download_file(file_id=file["id"], to=into)
    assert (saved.bytes, saved.verified) == (len(content), True)
    assert (tmp_path / "a.bin").read_bytes() == into.getvalue() == content


@pytest.mark.parametrize("completed", [False, True])
def test_an_upload_whose_size_is_not_told_is_gone_on_with(tmp_path: Path, completed: bool):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 100)
    piece = FileSlice(path=str(path), offset=0, length=20_000)
    about = {"filename": "a.bin", "purpose": "user_data", "bytes": 25_600, "mime_type": "text/plain"}
    with (
        stand_in_server() as server,
        Heavylift(server_url=server.url, api_key="k", state_folder=tmp_path / "state") as client,
    ):
        server.extensions = True
        upload = client.uploads.create_upload(**about)
        client.uploads.add_upload_part(upload_id=upload.id, data=piece)
        if completed:
            client.uploads.resume_upload(upload_id=upload.id, file=path, part_size=20_000)
            server.files[server.uploads[upload.id]["file"]["id"]][0].pop("bytes")
        sizeless = {name: value for name, value in server.uploads[upload.id].items() if name != "bytes"}
        server.answers(f"GET /uploads/{upload.id}", Answer(body=json.dumps(sizeless).encode()))
        done = client.uploads.resume_upload(upload_id=upload.id, file=path, part_size=20_000)
        assert server.count("POST .*/parts") == 2
    assert (done.id, done.status) == (upload.id, "completed")


def test_parts_that_are_listed_in_circles_are_listed_once(rig: Rig):
    part = {"bytes": 1, "checksum": "crc64nvme:0000000000000000"}
    pages = [[{"id": "a", **part}, {"id": "b", **part}], [{"id": "c", **part}]]
    circle = itertools.islice(itertools.cycle(pages), 20)
    rig.handle = lambda request: httpx2.Response(200, json={"data": next(circle), "has_more": True})
    found = rig.run(parts_on_server("upload_1", NO_OPTIONS))
    assert [arrived.part_id for arrived in found] == ["a", "b", "c"]
