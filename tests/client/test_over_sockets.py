"""The SDK over real sockets, against a server that has no more than OpenAI's own operations."""

import asyncio
import gc
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift import AsyncHeavylift, BackoffStrategy, Heavylift, RequestOptions, RetryConfig, errors, funcs
from tests.ports import closed_port
from tests.support.stand_in import Handler, StandIn, stand_in_server

QUICK = RetryConfig(backoff=BackoffStrategy(initial_interval=1, max_interval=20, max_elapsed_time=20_000))
PART = 100_000


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as stand_in:
        yield stand_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.jsonl"
    file.write_bytes(random.Random(7).randbytes(1_050_000))
    return file


@pytest.fixture
def client(server: StandIn, tmp_path: Path) -> Iterator[Heavylift]:
    with Heavylift(
        api_key="sk", server_url=server.url, retry_config=QUICK, state_folder=tmp_path / "state"
    ) as made:
        yield made
    gc.collect()


def once(matching: str, deal: Callable[[Handler], Any]) -> Callable[[Handler], bool]:
    """A fault that strikes the first request of its kind."""
    struck = threading.Event()

    def fault(handler: Handler) -> bool:
        if matching not in handler.path or struck.is_set():
            return False
        struck.set()
        deal(handler)
        return True

    return fault


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def test_everything_works_without_extensions(client: Heavylift, server: StandIn, path: Path, tmp_path: Path):
    done = client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
    assert done.file is not None
    assert server.files[done.file.id][1] == path.read_bytes()
    assert server.completions[0]["md5"]
    small = client.files.create_file(file=b"abc", filename='odd "näme".txt', purpose="user_data")
    assert server.files[small.id][1] == b"abc"
    assert [file.id for file in client.files.list_files()] == [done.file.id, small.id]
    assert client.files.retrieve_file(file_id=small.id).bytes == 3
    assert client.files.download_file(file_id=small.id).read() == b"abc"
    assert client.files.download_file(file_id=small.id, start=1, end=2).read() == b"b"
    saved = client.files.download_file(file_id=done.file.id, to=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert not saved.verified
    assert client.files.delete_file(file_id=small.id).deleted
    with pytest.raises(errors.NotFoundError):
        client.files.retrieve_file(file_id=small.id)
    with pytest.raises(errors.NotFoundError):
        client.uploads.get_upload(upload_id=done.id)


async def test_the_asynchronous_client_does_the_same(server: StandIn, path: Path, tmp_path: Path):
    async with AsyncHeavylift(api_key="sk", server_url=server.url, state_folder=tmp_path / "state") as client:
        done = await client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
        assert done.file is not None
        assert server.files[done.file.id][1] == path.read_bytes()
        assert [file.id async for file in client.files.list_files()] == [done.file.id]
        assert await client.files.download_file(file_id=done.file.id).read() == path.read_bytes()
        part = client.files.download_file(file_id=done.file.id, start=10, end=20)
        assert await part.read() == path.read_bytes()[10:20]
        await client.files.download_file(file_id=done.file.id, to=tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == path.read_bytes()
        missing = await funcs.files_retrieve_file(client, file_id="file-none")
        assert isinstance(missing.error, errors.NotFoundError)


def test_429_and_503_are_obeyed_with_their_retry_after(client: Heavylift, server: StandIn, path: Path):
    server.faults = [
        once("/parts", lambda handler: handler.refuse(429, "slow down", Retry_After="0")),
        once("/parts", lambda handler: handler.refuse(503, "busy", retry_after_ms="1")),
        once("/complete", lambda handler: handler.refuse(503, "busy")),
    ]
    done = client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
    assert done.file is not None
    assert server.files[done.file.id][1] == path.read_bytes()
    assert server.count("POST /uploads/.*/parts") == 11 + 2
    assert server.count("POST /uploads/.*/complete") == 2


def test_a_connection_that_is_cut_costs_one_part(client: Heavylift, server: StandIn, path: Path):
    server.faults = [once("/parts", hang_up), once("/complete", hang_up)]
    done = client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
    assert done.status == "completed"
    assert server.count("POST /uploads/.*/parts") == 12


def test_a_hung_server_runs_into_the_time_out_and_is_asked_again(
    client: Heavylift, server: StandIn, path: Path
):
    server.faults = [once("/parts", lambda handler: server.released.wait(60))]
    options = RequestOptions(timeout_ms=3000)  # the other Parts must be done in that, on a busy machine too
    done = client.uploads.upload_file(file=path, purpose="batch", part_size=PART, options=options)
    assert done.status == "completed"
    assert server.count("POST /uploads/.*/parts") == 12


def test_a_hung_server_without_retries_is_a_time_out_error(client: Heavylift, server: StandIn):
    server.faults = [once("/files", lambda handler: server.released.wait(60))]
    options = RequestOptions(timeout_ms=300, retries=RetryConfig("none"))
    with pytest.raises(errors.RequestTimeoutError, match="timeout_ms"):
        client.files.retrieve_file(file_id="file-1", options=options)


def test_nobody_listening_is_a_connection_error_that_says_what_to_look_at(tmp_path: Path):
    with (
        closed_port() as port,
        Heavylift(
            api_key="sk", server_url=f"http://127.0.0.1:{port}/v1", retry_config=RetryConfig("none"),
            state_folder=tmp_path,
        ) as client,
    ):  # fmt: skip
        result = funcs.files_retrieve_file(client, file_id="file-1")
    assert isinstance(result.error, errors.ConnectionError)
    assert "Is the server running" in str(result.error)


def test_a_users_own_http_client_is_used_and_left_open(server: StandIn, tmp_path: Path):
    seen: list[str] = []
    with httpx2.Client(event_hooks={"request": [lambda request: seen.append(request.url.path)]}) as http:
        with Heavylift(
            api_key="sk", server_url=server.url, http_client=http, state_folder=tmp_path
        ) as client:
            client.files.create_file(file=b"abc", filename="a.txt", purpose="user_data")
        assert not http.is_closed
    assert seen == ["/v1/files"]


async def test_a_cancelled_upload_stops_and_the_next_call_goes_on(
    server: StandIn, path: Path, tmp_path: Path
):
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold_the_sixth(handler: Handler) -> bool:
        if "/parts" in handler.path and server.count("POST /uploads/.*/parts") == 6:
            loop.call_soon_threadsafe(reached.set)
            server.released.wait(60)
            handler.close_connection = True
            return True
        return False

    server.faults = [hold_the_sixth]
    async with AsyncHeavylift(api_key="sk", server_url=server.url, state_folder=tmp_path / "state") as client:
        wishes: dict[str, Any] = {"file": path, "purpose": "batch", "part_size": PART, "max_concurrency": 1}
        task = asyncio.create_task(client.uploads.upload_file(**wishes))
        await asyncio.wait_for(reached.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.faults = []
        server.released.set()
        done = await client.uploads.upload_file(**wishes)
    assert done.file is not None
    assert server.files[done.file.id][1] == path.read_bytes()
    assert server.count("POST /uploads") == 1
    assert server.count("POST /uploads/.*/parts") == 12


async def test_the_event_loop_stays_free_while_bytes_are_moving(server: StandIn, path: Path, tmp_path: Path):
    """A task of its own gets its turn again and again during an upload."""
    turns = 0
    done = asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with AsyncHeavylift(api_key="sk", server_url=server.url, state_folder=tmp_path / "state") as client:
        counting = asyncio.create_task(count())
        await client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
        done.set()
        await counting
    assert turns > 50


def test_the_window_never_has_more_in_flight_than_was_allowed(client: Heavylift, server: StandIn, path: Path):
    busy: list[int] = []
    inside = 0
    lock = threading.Lock()
    gate = threading.Barrier(2, timeout=60)

    def count(handler: Handler) -> bool:
        nonlocal inside
        if "/parts" not in handler.path:
            return False
        with lock:
            inside += 1
            busy.append(inside)
        if len(busy) <= 2:
            gate.wait()
        with lock:
            inside -= 1
        return False

    server.faults = [count]
    client.uploads.upload_file(file=path, purpose="batch", part_size=50_000, max_concurrency=2)
    assert max(busy) == 2


def test_nothing_is_left_running_after_an_upload(client: Heavylift, path: Path):
    client.uploads.upload_file(file=path, purpose="batch", part_size=PART)
    left = [thread for thread in threading.enumerate() if thread.name == "heavylift-part"]
    for thread in left:
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)
