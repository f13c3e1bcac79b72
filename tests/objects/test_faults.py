"""An object store that hangs, refuses, fails or breaks off: an answer in bounded time, and nothing left."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from heavylift.blobs import open_blobs
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import BlobStore, StorageDown
from tests.contract.blobs import all_keys, content, stream
from tests.e2e.faulty_proxy import faulty_proxy
from tests.frozen import frozen
from tests.objects.engines import BUCKET, ObjectStore
from tests.ports import closed_port
from tests.serving import serving

BOUND = 60.0
"""Seconds: a request's time-out, the patience after it, and a slow machine."""

SEGMENTS = 3 * 5 * 1024 * 1024
"""Bytes of a blob that goes as a multipart upload."""

PIECES = [bytes([number]) * 262_144 for number in range(SEGMENTS // 262_144)]


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def environment(seaweed: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
async def blobs(environment: pytest.MonkeyPatch, prefix: str) -> AsyncIterator[BlobStore]:
    blobs = open_blobs(f"s3://{BUCKET}/{prefix}")
    yield blobs
    await blobs.close()


def through(port: int, environment: pytest.MonkeyPatch, prefix: str) -> BlobStore:
    """The same store, reached through another port."""
    environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    return open_blobs(f"s3://{BUCKET}/{prefix}")


async def failing(blobs: BlobStore, key: str) -> None:
    """Every verb raises StorageDown in bounded time; a deletion, too, and blames no blob for it."""

    async def listing() -> None:
        await all_keys(blobs)

    verbs = [
        blobs.write(new_blob_key(), stream([b"small"])),
        blobs.write(new_blob_key(), stream(PIECES)),
        content(blobs, key),
        blobs.delete([key]),
        listing(),
        blobs.ping(),
    ]
    begun = time.monotonic()
    outcomes = await asyncio.gather(*verbs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageDown] * len(verbs)
    assert time.monotonic() - begun < BOUND


async def test_a_store_that_refuses_connections(environment: pytest.MonkeyPatch, prefix: str) -> None:
    with closed_port() as port:
        blobs = through(port, environment, prefix)
        await failing(blobs, new_blob_key())
        await blobs.close()


class Failing(threading.Thread):
    """A server that answers every request with status 500 and hangs up."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                try:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(60)


@pytest.fixture
def failing_store() -> Iterator[Failing]:
    server = Failing()
    server.start()
    yield server
    server.close()


async def test_a_store_that_answers_500(
    failing_store: Failing, environment: pytest.MonkeyPatch, prefix: str
) -> None:
    blobs = through(failing_store.port, environment, prefix)
    await failing(blobs, new_blob_key())
    await blobs.close()


async def test_a_store_that_hangs_and_comes_back(seaweed: ObjectStore, blobs: BlobStore, prefix: str) -> None:
    key = new_blob_key()
    await blobs.write(key, stream(PIECES))
    with frozen(seaweed.processes["weed"].pid):
        await failing(blobs, key)
    again = new_blob_key()
    await until_works(blobs, again)
    assert await content(blobs, again) == b"".join(PIECES)
    # What was under way when it hung may have come about after all: the sweeper finds every trace.
    await blobs.delete([one for one in await all_keys(blobs) if one != again])
    await blobs.close()
    assert seaweed.objects(prefix) == [f"{prefix}/{again}"]
    assert seaweed.unfinished(prefix) == []


async def until_works(blobs: BlobStore, key: str) -> None:
    """Write the blob; a store that has just come back may need a moment."""
    deadline = time.monotonic() + BOUND
    while True:
        try:
            return await blobs.write(key, stream(PIECES))
        except StorageDown:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("how", ["rst", "fin"])
async def test_a_connection_cut_mid_object_costs_at_most_a_retry(
    seaweed: ObjectStore, environment: pytest.MonkeyPatch, prefix: str, how: str
) -> None:
    key = new_blob_key()
    with faulty_proxy(seaweed.port, after=2_000_000, how=how) as proxy:  # type: ignore[arg-type]
        blobs = through(proxy.port, environment, prefix)
        try:
            await blobs.write(key, stream(PIECES))
        except StorageDown:
            await until_works(blobs, key)
        assert proxy.cuts == 1
        assert await content(blobs, key) == b"".join(PIECES)
        await blobs.close()
    assert seaweed.objects(prefix) == [f"{prefix}/{key}"]
    assert seaweed.unfinished(prefix) == []


async def test_what_a_crash_left_unfinished_is_found_and_aborted(
    seaweed: ObjectStore, blobs: BlobStore, prefix: str
) -> None:
    """A cancelled put of the store's client leaves what a kill would."""
    import obstore

    key = new_blob_key()
    stuck = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(6 * 1024 * 1024)
        stuck.set()
        await asyncio.Event().wait()

    put = asyncio.ensure_future(
        obstore.put_async(seaweed.client(), f"{prefix}/{key}", endless(), chunk_size=5 * 1024 * 1024)
    )
    await stuck.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert seaweed.unfinished(prefix) == [f"{prefix}/{key}"]
    assert [one async for one in blobs.older_than(time.time() - 3600)] == []
    assert await all_keys(blobs) == [key]
    await blobs.delete([key])
    assert seaweed.unfinished(prefix) == []
    await blobs.delete([key])


def test_a_hung_store_is_a_503_and_the_upload_is_still_usable(
    seaweed: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    env = {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"}
    with serving(tmp_path, env=env) as served:
        headers = {"Authorization": f"Bearer {served.key}"}
        with httpx2.Client(base_url=served.url, headers=headers, timeout=2 * BOUND) as client:
            whole = b"".join(PIECES)
            asked = {"filename": "a.bin", "purpose": "user_data", "bytes": len(whole),
                     "mime_type": "application/octet-stream"}  # fmt: skip
            upload = client.post("/uploads", json=asked).json()["id"]
            path = f"/uploads/{upload}/parts"
            with frozen(seaweed.processes["weed"].pid):
                begun = time.monotonic()
                hung = client.post(path, files={"data": whole})
                assert time.monotonic() - begun < BOUND
            assert hung.status_code == 503
            assert hung.json()["error"]["message"]
            deadline = time.monotonic() + BOUND
            while (sent := client.post(path, files={"data": whole})).status_code == 503:
                assert time.monotonic() < deadline
            done = client.post(f"/uploads/{upload}/complete", json={"part_ids": [sent.json()["id"]]})
            file = done.json()["file"]["id"]
            assert client.get(f"/files/{file}/content").content == whole
