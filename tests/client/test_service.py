"""The SDK against the real service, in a process of its own: resuming, damage, kills, memory."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift import (
    AsyncHeavylift,
    BackoffStrategy,
    FileSlice,
    Heavylift,
    Progress,
    RequestOptions,
    RetryConfig,
    errors,
    funcs,
)
from heavylift.client.calls import Answer
from heavylift.client.hooks import HookContext, Hooks
from tests import serving
from tests.client.corrupting import MARK, corrupting
from tests.ports import free_port
from tests.serving import Served

MIB = 1024 * 1024
PART = 256 * 1024
SIZE = 10 * PART + 77
QUICK = RetryConfig(backoff=BackoffStrategy(initial_interval=20, max_interval=200, max_elapsed_time=60_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving.serving(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture
def client(server: Served, tmp_path: Path) -> Iterator[Heavylift]:
    with Heavylift(
        server_url=server.url, api_key=server.key, retry_config=QUICK, state_folder=tmp_path / "state"
    ) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.jsonl"
    file.write_bytes(random.Random(11).randbytes(SIZE))
    return file


def content(client: Heavylift, upload: Any) -> bytes:
    return client.files.download_file(file_id=upload.file.id).read()


def test_the_whole_story_and_back(client: Heavylift, path: Path, tmp_path: Path):
    done = client.uploads.upload_file(file=path, purpose="batch", part_size=PART, expires_after=3600)
    assert (done.status, done.bytes, done.bytes_received) == ("completed", SIZE, SIZE)
    assert done.file is not None
    assert done.file.expires_at == done.file.created_at + 3600
    saved = client.files.download_file(file_id=done.file.id, to=tmp_path / "back", range_size=PART)
    assert saved.verified
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert (
        client.files.download_file(file_id=done.file.id, start=PART - 3, end=PART + 3).read()
        == (path.read_bytes()[PART - 3 : PART + 3])
    )


def test_the_low_level_four_and_the_extensions(client: Heavylift, path: Path):
    made = client.uploads.create_upload(
        filename="a.bin", purpose="user_data", bytes=PART + 3, mime_type="a/b"
    )
    first = client.uploads.add_upload_part(upload_id=made.id, data=b"abc")
    second = client.uploads.add_upload_part(upload_id=made.id, data=FileSlice(str(path), PART, PART))
    assert client.uploads.get_upload(upload_id=made.id).bytes_received == PART + 3
    assert {part.id for part in client.uploads.list_upload_parts(upload_id=made.id)} == {first.id, second.id}
    assert made.id in {upload.id for upload in client.uploads.list_uploads(status="pending", limit=1)}
    done = client.uploads.complete_upload(upload_id=made.id, part_ids=[second.id, first.id])
    assert content(client, done) == path.read_bytes()[PART : 2 * PART] + b"abc"
    again = client.uploads.complete_upload(upload_id=made.id, part_ids=[second.id, first.id])
    assert again == done
    assert isinstance(funcs.uploads_cancel_upload(client, upload_id=made.id).error, errors.BadRequestError)


def test_lists_are_paged_through(client: Heavylift):
    made = [
        client.files.create_file(file=bytes([n]), filename=f"{n}.txt", purpose="user_data").id
        for n in range(5)
    ]
    listed = [file.id for file in client.files.list(limit=2, order="desc")]  # openai's: two in a page
    assert listed[:5] == made[::-1]
    assert len(listed) == len(set(listed))
    assert [file.id for file in client.files.list_files(limit=2, order="desc")] == made[:2:-1]  # in all


def test_errors_carry_what_the_service_says(client: Heavylift, server: Served):
    error = funcs.uploads_get_upload(client, upload_id="upload_none").error
    assert isinstance(error, errors.NotFoundError)
    assert (error.code, error.param) == ("upload_not_found", "upload_id")
    assert error.request_id is not None
    with Heavylift(server_url=server.url, api_key="hl-wrong") as stranger:
        refused = funcs.files_retrieve_file(stranger, file_id="file-1").error
    assert isinstance(refused, errors.AuthenticationError)
    assert "hl-wrong" not in str(refused)


def test_another_machine_goes_on_and_sends_only_what_is_missing(
    client: Heavylift, server: Served, path: Path, tmp_path: Path
):
    made = client.uploads.create_upload(filename="a.jsonl", purpose="batch", bytes=SIZE, mime_type="a/b")
    for index in (3, 0, 10, 7):
        piece = FileSlice(str(path), index * PART, min(PART, SIZE - index * PART))
        client.uploads.add_upload_part(upload_id=made.id, data=piece)
    reports: list[Progress] = []
    with Heavylift(server_url=server.url, api_key=server.key, state_folder=tmp_path / "other") as other:
        done = other.uploads.resume_upload(upload_id=made.id, file=path, on_progress=reports.append)
    assert content(client, done) == path.read_bytes()
    assert done.parts_count == 11
    assert reports[-1].bytes_resumed == 3 * PART + 77


@pytest.mark.parametrize("form", ["path", "bytes"])
def test_what_is_damaged_on_its_way_is_noticed_and_sent_again(
    server: Served, tmp_path: Path, form: str, client: Heavylift
):
    """From a path the comparison notices it; from memory the service does, by the digest."""
    payload = MARK.join(random.Random(3).randbytes(PART) for _ in range(5))
    path = tmp_path / "marked.bin"
    path.write_bytes(payload)
    reports: list[Progress] = []
    with (
        corrupting("127.0.0.1", server.port) as proxy,
        Heavylift(server_url=proxy.url, api_key=server.key, state_folder=tmp_path / "state") as damaged,
    ):
        done = damaged.uploads.upload_file(
            file=path if form == "path" else payload,
            filename="marked.bin",
            purpose="user_data",
            part_size=PART,
            on_progress=reports.append,
        )
    assert proxy.flipped == 1
    assert reports[-1].retries == 1
    assert content(client, done) == payload


def test_a_server_that_is_killed_and_started_again_costs_what_was_in_flight(tmp_path: Path, path: Path):
    port = ("--port", str(free_port()))
    with serving.serving(tmp_path / "data", options=port) as first:
        restarted: list[Served] = []

        class KillOnce(Hooks):
            def __init__(self) -> None:
                self.parts, self.lock = 0, threading.Lock()

            def after_success(self, context: HookContext, answer: Answer) -> Answer:
                with self.lock:  # whoever comes meanwhile waits for the server that is started again
                    self.parts += context.operation == "addUploadPart"
                    if self.parts == 4 and not restarted:
                        first.kill()
                        restarted.append(serving.start(tmp_path / "data", options=port))
                return answer

        try:
            with Heavylift(
                server_url=first.url, api_key=first.key, retry_config=QUICK, state_folder=tmp_path / "state",
                hooks=[KillOnce()],
            ) as client:  # fmt: skip
                done = client.uploads.upload_file(
                    file=path, purpose="batch", part_size=PART, max_concurrency=2
                )
                assert restarted
                assert content(client, done) == path.read_bytes()
                assert done.bytes_received == SIZE
        finally:
            for served in restarted:
                served.close()


UPLOADER = """
import json, os, signal, sys
from heavylift import Heavylift, Hooks
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell runs in the background
url, key, state, path, part = sys.argv[1:]
class Stop(Hooks):
    parts = 0
    def before_request(self, context, request):
        self.parts += context.operation == "addUploadPart"
        if self.parts == 4 and os.environ.get("STOP"):
            print("[3]", flush=True)
            sys.stdin.readline()
        return request
with Heavylift(server_url=url, api_key=key, state_folder=state, hooks=[Stop()]) as client:
    def tell(progress):
        print(json.dumps([progress.parts_done, progress.bytes_resumed, progress.retries]), flush=True)
    try:
        client.uploads.upload_file(
            file=path, purpose="batch", part_size=int(part), max_concurrency=1, on_progress=tell)
    except KeyboardInterrupt as error:
        print(json.dumps(error.__notes__), flush=True)
        raise SystemExit(130)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_process_run_again_sends_only_what_is_missing(
    server: Served, path: Path, tmp_path: Path, client: Heavylift, how: signal.Signals
):
    """The first one stands still in the middle, until the signal; the second one counts what it sent."""
    command = [
        sys.executable,
        "-c",
        UPLOADER,
        server.url,
        server.key,
        str(tmp_path / "s"),
        str(path),
        str(PART),
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**environment, "STOP": "1"}
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        for line in first.stdout:
            if json.loads(line) == [3]:
                break
        first.send_signal(how)
        if how == signal.SIGINT:
            first.stdin.write("\n")
            first.stdin.flush()
        rest = first.stdout.read()
    assert first.returncode == {signal.SIGINT: 130, signal.SIGKILL: -9}[how]
    assert how == signal.SIGKILL or "is kept" in rest
    before = len(list(client.uploads.list_uploads()))
    second = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    _, resumed, retries = json.loads(second.stdout.splitlines()[-1])
    assert resumed >= 3 * PART
    assert retries == 0
    assert len(list(client.uploads.list_uploads())) == before
    newest = next(iter(client.uploads.list_uploads(status="completed")))
    assert content(client, client.uploads.get_upload(upload_id=newest.id)) == path.read_bytes()


MEASURED = """
import resource, sys
from heavylift import Heavylift
url, key, state, path = sys.argv[1:]
with Heavylift(server_url=url, api_key=key, state_folder=state) as client:
    client.files.create_file(file=b"warm up", filename="a.txt", purpose="user_data")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = client.uploads.upload_file(file=path, purpose="user_data", part_size=2**24, max_concurrency=16)
    client.files.download_file(file_id=done.file.id, to=path + ".back", max_concurrency=16)
    client.files.delete_file(file_id=done.file.id)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("mode", ["blocking", "asyncio"])
def test_memory_stays_flat_with_sixteen_in_flight(server: Served, tmp_path: Path, mode: str):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(400 * MIB)
    program = MEASURED if mode == "blocking" else awaited(MEASURED)
    command = [sys.executable, "-c", program, server.url, server.key, str(tmp_path / "state"), str(path)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) < 100 * 1024, "KiB above what the first call left"


def awaited(program: str) -> str:
    """The same program for the other client."""
    lines = program.strip().replace("Heavylift", "AsyncHeavylift").splitlines()
    body = "\n    ".join(lines[3:])
    body = body.replace("with Async", "async with Async").replace("client.uploads", "await client.uploads")
    body = body.replace("client.files", "await client.files")
    return "\n".join(
        [*lines[:3], "import asyncio", "async def main():", f"    {body}", "asyncio.run(main())"]
    )


async def test_many_asynchronous_uploads_at_once(server: Served, path: Path, tmp_path: Path):
    async with AsyncHeavylift(
        server_url=server.url, api_key=server.key, state_folder=tmp_path / "state"
    ) as client:
        names = [f"{n}.jsonl" for n in range(6)]
        done = await asyncio.gather(
            *(
                client.uploads.upload_file(file=path, filename=name, purpose="batch", part_size=PART)
                for name in names
            )
        )
        contents = [await client.files.download_file(file_id=one.file.id).read() for one in done if one.file]
    assert contents == [path.read_bytes()] * 6
    assert [one.filename for one in done] == names


def test_one_client_may_be_shared_by_threads(client: Heavylift, path: Path):
    done: list[Any] = []

    def run(number: int) -> None:
        done.append(
            client.uploads.upload_file(
                file=path, filename=f"t{number}.jsonl", purpose="batch", part_size=PART
            )
        )

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content(client, one) for one in done] == [path.read_bytes()] * 4


def test_a_time_out_leaves_no_half_part(client: Heavylift, path: Path):
    options = RequestOptions(timeout_ms=1, retries=RetryConfig("none"))
    made = client.uploads.create_upload(filename="a.bin", purpose="user_data", bytes=SIZE, mime_type="a/b")
    result = funcs.uploads_add_upload_part(client, upload_id=made.id, data=path, options=options)
    listed = [part.bytes for part in client.uploads.list_upload_parts(upload_id=made.id)]
    assert listed in ([], [SIZE])
    assert result.ok or isinstance(result.error, errors.RequestTimeoutError | errors.ConnectionError)


def test_completing_again_after_the_file_was_deleted_is_told_in_a_sentence(client: Heavylift, path: Path):
    made = client.uploads.create_upload(filename="a", purpose="evals", bytes=3, mime_type="a/b")
    part = client.uploads.add_upload_part(upload_id=made.id, data=b"abc")
    done = client.uploads.complete_upload(upload_id=made.id, part_ids=[part.id])
    client.files.delete_file(file_id=done.file.id)
    with pytest.raises(
        errors.BadRequestError, match=f"as File {done.file.id}, which has been deleted"
    ) as told:
        client.uploads.complete_upload(upload_id=made.id, part_ids=[part.id])
    assert told.value.code == "upload_completed"
    with pytest.raises(errors.ResumeError, match="has no File any more: it was deleted"):
        client.uploads.resume_upload(upload_id=made.id, file=path)
