"""An asynchronous operation that is cancelled at any of its requests leaves no descriptor, thread or file."""

import asyncio
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heavylift import AsyncHeavylift, RetryConfig
from tests.support.answers import Asked
from tests.support.stand_in import StandIn, keep, stand_in_server

CONTENT = b"0123456789" * 20

OPERATIONS: dict[str, Callable[[AsyncHeavylift, Path], Any]] = {
    "create_file": lambda client, folder: client.files.create_file(file=folder / "a", purpose="user_data"),
    "retrieve_file": lambda client, folder: client.files.retrieve_file(file_id="file-1"),
    "list_files": lambda client, folder: listed(client.files.list_files()),
    "delete_file": lambda client, folder: client.files.delete_file(file_id="file-1"),
    "download_file": lambda client, folder: read(client.files.download_file(file_id="file-1")),
    "save_file": lambda client, folder: client.files.save_file(
        file_id="file-1", to=folder / "saved", range_size=64, resume=False
    ),
    "download_files": lambda client, folder: client.files.download_files(
        ["file-1", "file-2"], to=folder, resume=False
    ),
    "upload_files": lambda client, folder: client.files.upload_files([folder / "a"], purpose="user_data"),
    "wait_for_processing": lambda client, folder: client.files.wait_for_processing("file-1"),
    "create_upload": lambda client, folder: client.uploads.create_upload(
        bytes=3, filename="a", mime_type="text/plain", purpose="user_data"
    ),
    "add_upload_part": lambda client, folder: client.uploads.add_upload_part(
        upload_id="upload_0", data=folder / "a"
    ),
    "get_upload": lambda client, folder: client.uploads.get_upload(upload_id="upload_0"),
    "list_upload_parts": lambda client, folder: listed(
        client.uploads.list_upload_parts(upload_id="upload_0")
    ),
    "complete_upload": lambda client, folder: client.uploads.complete_upload(
        upload_id="upload_0", part_ids=["part_0"]
    ),
    "cancel_upload": lambda client, folder: client.uploads.cancel_upload(upload_id="upload_0"),
    "upload_file of bytes": lambda client, folder: client.uploads.upload_file(
        file=CONTENT, filename="a", purpose="user_data", part_size=64
    ),
    "upload_file of a path": lambda client, folder: client.uploads.upload_file(
        file=folder / "a", purpose="user_data", part_size=64, resume=False
    ),
    "resume_upload": lambda client, folder: client.uploads.resume_upload(
        upload_id="upload_0", file=folder / "a", part_size=64
    ),
}


async def listed(pages: Any) -> list[Any]:
    return [one async for one in pages]


async def read(content: Any) -> bytes:
    whole: bytes = await content.read()
    return whole


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as running:
        running.extensions = True
        yield running


def stock(server: StandIn) -> None:
    """Two Files, and an Upload that waits for its Parts: the same before each round."""
    server.files.clear()
    server.uploads.clear()
    for number in (1, 2):
        file = keep(server, f"kept{number}", "user_data", CONTENT)
        file["id"] = f"file-{number}"
    server.files = {file["id"]: (file, content) for file, content in server.files.values()}
    server.parts["part_0"] = CONTENT
    server.uploads["upload_0"] = {
        "id": "upload_0", "object": "upload", "bytes": len(CONTENT), "created_at": 1,
        "expires_at": 9999999999, "filename": "a", "purpose": "user_data", "status": "pending",
    }  # fmt: skip


def one_round(server: StandIn, folder: Path, operation: str, at: int | None) -> bool:
    """Whether the operation came to its end. `at`: its request that the cancellation comes before."""
    stock(server)
    server.faults.clear()
    server.requests.clear()
    number = itertools.count(1)

    async def run() -> bool:
        loop = asyncio.get_running_loop()
        async with AsyncHeavylift(
            server_url=server.url, api_key="", state_folder=folder.parent / "state",
            retry_config=RetryConfig("none"),
        ) as client:  # fmt: skip
            task = asyncio.ensure_future(OPERATIONS[operation](client, folder))

            def strike(asked: Asked) -> None:
                if next(number) == at:
                    loop.call_soon_threadsafe(task.cancel)

            server.answers(".*", strike, forever=True)
            try:
                await task
            except asyncio.CancelledError:
                return False
            return True

    return asyncio.run(run())


def alive() -> set[threading.Thread]:
    """Threads, but for the pool for disks, which stays."""
    return {one for one in threading.enumerate() if not one.name.startswith("heavylift-disk")}


def descriptors(before: set[threading.Thread]) -> int:
    """How many are open once every later thread has ended: the server's end with their connections."""
    for one in alive() - before:
        one.join(20)
    assert alive() <= before
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_is_left_of_what_was_cancelled(server: StandIn, tmp_path: Path, operation: str) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a").write_bytes(CONTENT)
    threads = alive()
    assert one_round(server, folder, operation, None)
    requests = len(server.requests)
    for path in folder.iterdir():
        if path.name != "a":
            path.unlink()
    before = descriptors(threads)
    for at in range(1, requests + 1):
        assert not one_round(server, folder, operation, at)
        assert descriptors(threads) <= before
        assert [path.name for path in folder.iterdir()] == ["a"]
