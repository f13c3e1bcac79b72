"""The official OpenAI client for Python, unmodified. Conformance cases 121, 123 and 124."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.e2e.conftest import Project
from tests.e2e.faulty_proxy import How, faulty_proxy
from tests.installations import COMBINATIONS
from tests.serving import Served

pytestmark = pytest.mark.stores(*COMBINATIONS)


@pytest.fixture
def client(server: Served) -> Iterator[openai.OpenAI]:
    """The client as its documentation says."""
    with openai.OpenAI(base_url=server.url, api_key=server.key) as made:
        yield made


def strict(url: str, key: str) -> openai.OpenAI:
    """One that refuses an answer that does not fit its own types."""
    return openai.OpenAI(base_url=url, api_key=key, _strict_response_validation=True)


def open_upload(client: openai.OpenAI, size: int) -> str:
    upload = client.uploads.create(bytes=size, filename="x.txt", mime_type="text/plain", purpose="user_data")
    return upload.id


def test_case_121_every_answer_passes_the_clients_own_strict_validation(
    server: Served, new_project: Project
) -> None:
    with strict(server.url, new_project()) as client:
        upload = client.uploads.create(
            bytes=6, filename="x.jsonl", mime_type="text/jsonl", purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )  # fmt: skip
        assert (upload.object, upload.status, upload.file) == ("upload", "pending", None)
        parts = [client.uploads.parts.create(upload.id, data=data) for data in (b"abc", b"def")]
        assert [part.object for part in parts] == ["upload.part", "upload.part"]
        done = client.uploads.complete(
            upload.id, part_ids=[part.id for part in parts], md5=hashlib.md5(b"abcdef").hexdigest()
        )
        assert done.status == "completed"
        assert done.file is not None
        assert (done.file.status, done.file.status_details) == ("processed", None)
        assert client.uploads.cancel(open_upload(client, 3)).status == "cancelled"
        file = client.files.create(file=("a.txt", b"posted", "text/plain"), purpose="user_data")
        assert client.files.retrieve(file.id) == file
        assert [one.id for one in client.files.list(limit=1)] == [file.id, done.file.id]
        assert client.files.content(done.file.id).read() == b"abcdef"
        assert client.files.delete(file.id).deleted


@pytest.mark.parametrize("purpose", ["assistants", "batch", "fine-tune", "vision", "user_data"])
def test_case_121_strict_validation_takes_each_purpose(server: Served, purpose: str) -> None:
    """All but `evals`, which the client sends but does not know as the purpose of a File."""
    name, kind = {"vision": ("x.png", "image/png"), "assistants": ("x.txt", "text/plain")}.get(
        purpose, ("x.jsonl", "text/jsonl")
    )
    with strict(server.url, server.key) as client:
        upload = client.uploads.create(bytes=3, filename=name, mime_type=kind, purpose=purpose)  # type: ignore[arg-type]
        part = client.uploads.parts.create(upload.id, data=b"abc")
        done = client.uploads.complete(upload.id, part_ids=[part.id])
        assert done.file is not None
        assert done.file.purpose == purpose


def test_case_123_a_file_is_uploaded_in_chunks_from_a_path(client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"twenty-three bytes long")
    done = client.uploads.upload_file_chunked(
        file=path, mime_type="text/plain", purpose="user_data", part_size=5
    )
    assert done.status == "completed"
    assert done.file is not None
    assert done.file.filename == "corpus.txt"
    assert client.files.content(done.file.id).read() == path.read_bytes()


def test_case_123_bytes_are_uploaded_in_chunks_with_their_md5(client: openai.OpenAI) -> None:
    data = b"twenty-three bytes long"
    done = client.uploads.upload_file_chunked(
        file=data, filename="x.txt", bytes=len(data), mime_type="text/plain", purpose="user_data",
        part_size=5, md5=hashlib.md5(data).hexdigest(),
    )  # fmt: skip
    assert done.file is not None
    assert client.files.content(done.file.id).read() == data


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_case_124_a_connection_cut_in_the_middle_of_a_part_is_made_good(server: Served, how: How) -> None:
    data = os.urandom(900_000)
    with (
        faulty_proxy(server.port, after=450_000, how=how) as proxy,
        openai.OpenAI(
            base_url=f"http://127.0.0.1:{proxy.port}/v1", api_key=server.key, max_retries=2
        ) as client,
    ):
        done = client.uploads.upload_file_chunked(
            file=data, filename="x.bin", bytes=len(data), mime_type="text/plain", purpose="user_data",
            part_size=300_000, md5=hashlib.md5(data).hexdigest(),
        )  # fmt: skip
        assert done.file is not None
        assert client.files.content(done.file.id).read() == data
    assert proxy.cuts == 1
    assert proxy.connections == 2


async def test_the_asynchronous_client_does_the_whole_story(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(os.urandom(100_000))
    async with openai.AsyncOpenAI(base_url=server.url, api_key=server.key) as client:
        done = await client.uploads.upload_file_chunked(
            file=path, mime_type="text/plain", purpose="user_data", part_size=30_000
        )
        assert done.file is not None
        assert (await client.files.content(done.file.id)).read() == path.read_bytes()
        with pytest.raises(openai.BadRequestError):
            await client.uploads.cancel(done.id)
        assert (await client.files.delete(done.file.id)).deleted


def test_waiting_for_processing_ends_at_once(client: openai.OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    ready = client.files.wait_for_processing(file.id, poll_interval=0.01, max_wait_seconds=5)
    assert ready.status == "processed"


def test_paging_walks_over_every_file_once(server: Served, new_project: Project) -> None:
    with openai.OpenAI(base_url=server.url, api_key=new_project()) as client:
        made = [client.files.create(file=(f"{n}.txt", b"x"), purpose="user_data").id for n in range(7)]
        assert [file.id for file in client.files.list(limit=3)] == made[::-1]
        assert [file.id for file in client.files.list(limit=2, order="asc")] == made
        assert [len(page.data) for page in client.files.list(limit=3).iter_pages()] == [3, 3, 1]


def test_errors_arrive_as_the_clients_own_types(server: Served, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.files.retrieve("file-none")
    error = missing.value
    assert (error.param, error.code, error.type) == ("id", None, "invalid_request_error")
    assert error.request_id is not None
    assert error.request_id.startswith("req_")
    with pytest.raises(openai.BadRequestError, match="is not one of"):
        client.files.create(file=b"x", purpose="answers")  # type: ignore[arg-type]
    with (
        openai.OpenAI(base_url=server.url, api_key="hl-a-key-that-nobody-made") as stranger,
        pytest.raises(openai.AuthenticationError) as unknown,
    ):
        stranger.files.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.APIStatusError) as large:
        client.uploads.parts.create(open_upload(client, 10), data=bytes(67108865))
    assert (large.value.status_code, large.value.code) == (413, "part_too_large")
