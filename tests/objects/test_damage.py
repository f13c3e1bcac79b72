"""A byte that changes on the way to an object store: the store finds out, and nothing is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from heavylift.blobs import open_blobs
from heavylift.blobs.objecturls import guarding
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import StorageDown
from tests.contract.blobs import all_keys, stream
from tests.objects.engines import BUCKET, ObjectStore

GOOD, BAD = b"Q" * 64, b"R" + b"Q" * 63
"""What is sent, over and over, and what becomes of some of it."""

SMALL = [GOOD * 1024]
LARGE = [GOOD * 4096] * 44
"""One PUT, and a multipart upload of three segments."""

PIECE = 64 * 1024


@asynccontextmanager
async def damaging(upstream: int) -> AsyncIterator[int]:
    """A port on the way to the store where one byte of each piece with content in it changes."""
    open_ways: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", upstream)
        ways = {asyncio.create_task(carry(reader, forth)), asyncio.create_task(carry(back, writer))}
        open_ways.update(ways)
        await asyncio.wait(ways)
        open_ways.difference_update(ways)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(PIECE):
                writer.write(piece.replace(GOOD, BAD, 1))
                await writer.drain()
        except ConnectionError:
            pass  # the store hangs up on what it refuses
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for way in open_ways:
            way.cancel()


@pytest.fixture
def environment(seaweed: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def write_through_damage(
    store: ObjectStore, environment: pytest.MonkeyPatch, chunks: list[bytes]
) -> tuple[str, list[str]]:
    """Write a blob that is damaged on its way: the prefix, and the keys there. Raises as the write does."""
    prefix = uuid4().hex
    async with damaging(store.port) as port:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        blobs = open_blobs(f"s3://{BUCKET}/{prefix}")
        try:
            await blobs.write(new_blob_key(), stream(chunks))
            return prefix, await all_keys(blobs)
        except StorageDown as error:
            error.add_note(prefix)
            raise
        finally:
            await blobs.close()


@pytest.mark.parametrize("unsigned", ["", "true"])
@pytest.mark.parametrize("chunks", [SMALL, LARGE], ids=["small", "large"])
async def test_what_is_damaged_on_the_way_in_is_refused_and_leaves_nothing(
    seaweed: ObjectStore, environment: pytest.MonkeyPatch, chunks: list[bytes], unsigned: str
) -> None:
    if unsigned:
        environment.setenv("AWS_UNSIGNED_PAYLOAD", unsigned)
    with pytest.raises(StorageDown) as refused:
        await write_through_damage(seaweed, environment, chunks)
    [prefix] = refused.value.__notes__
    assert seaweed.objects(prefix) == []
    assert seaweed.unfinished(prefix) == []


async def test_whoever_wants_no_checksum_is_not_told(
    seaweed: ObjectStore, environment: pytest.MonkeyPatch
) -> None:
    """Which shows that it is the checksum, and nothing else, that finds the damage above."""
    environment.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    prefix, keys = await write_through_damage(seaweed, environment, SMALL)
    assert len(keys) == 1
    environment.setenv("AWS_ENDPOINT_URL", seaweed.endpoint)
    blobs = open_blobs(f"s3://{BUCKET}/{prefix}")
    await blobs.delete(keys)
    await blobs.close()


def test_a_signature_holds_the_contents_digest_only_where_nothing_else_guards_the_way() -> None:
    crc = {"checksum_algorithm": "CRC64NVME"}
    assert guarding("", {}) == crc | {"unsigned_payload": True}
    assert guarding("https://store.internal", {}) == crc | {"unsigned_payload": True}
    assert guarding("http://store.internal", {}) == crc
    assert guarding("", {"AWS_UNSIGNED_PAYLOAD": "false"}) == crc
    assert guarding("", {"AWS_CHECKSUM_ALGORITHM": "SHA256"}) == {}
    assert guarding("", {"AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_REQUIRED"}) == {}
