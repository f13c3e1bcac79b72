"""What holds of small blobs on a disk: whole or absent, room kept to the block, nobody forgotten."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heavylift.blobs.disk import DiskBlobs
from heavylift.domain.ids import new_blob_key
from heavylift.service.abilities import TakesWhole
from heavylift.service.ports import StorageDown, StorageFull
from tests.contract.blobs import all_keys, content

BLOCK = 4096


@pytest.fixture(params=[True, False], ids=["strict", "relaxed"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DiskBlobs]:
    blobs = DiskBlobs(tmp_path / "blobs", durable=request.param, reserve=0, threads=2)
    yield blobs
    await blobs.close()


async def test_many_small_blobs_at_once_are_each_what_was_put(blobs: DiskBlobs) -> None:
    assert isinstance(blobs, TakesWhole)
    put = {new_blob_key(): [os.urandom(number), b"", os.urandom(7)] for number in range(100)}
    await asyncio.gather(*(blobs.put(key, pieces) for key, pieces in put.items()))
    for key, pieces in put.items():
        assert await content(blobs, key) == b"".join(pieces)


async def test_a_blob_without_a_byte_is_there_all_the_same(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    await blobs.put(key, [])
    assert await content(blobs, key) == b""


async def test_a_name_that_is_taken_fails_alone_and_harms_neither(blobs: DiskBlobs) -> None:
    taken, free = new_blob_key(), new_blob_key()
    await blobs.put(taken, [b"first"])
    again, other = await asyncio.gather(
        blobs.put(taken, [b"second"]), blobs.put(free, [b"other"]), return_exceptions=True
    )
    assert isinstance(again, StorageDown)
    assert other is None
    assert await content(blobs, taken) == b"first"
    assert await content(blobs, free) == b"other"


async def test_one_that_is_given_up_leaves_no_trace_and_its_neighbours_are_kept(blobs: DiskBlobs) -> None:
    keys = [new_blob_key() for _ in range(8)]
    tasks = [asyncio.create_task(blobs.put(key, [b"bytes"])) for key in keys]
    await asyncio.sleep(0)  # all have begun
    for task in tasks[::2]:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(end, asyncio.CancelledError) for end in ended] == [True, False] * 4
    assert sorted(await all_keys(blobs)) == sorted(keys[1::2])


async def test_a_closed_store_refuses(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path / "blobs")
    await blobs.close()
    with pytest.raises(StorageDown, match="closed"):
        await blobs.put(new_blob_key(), [b"late"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_the_reserve_is_kept_to_the_block(small_disk: Path) -> None:
    """Blobs of one byte take a block each, and go in until the reserve is all that is left."""
    reserve = 1024 * 1024
    blobs = DiskBlobs(small_disk, durable=False, reserve=reserve, threads=2)
    disk = os.statvfs(small_disk)
    room = (disk.f_bavail * disk.f_frsize - reserve) // BLOCK
    ended = await asyncio.gather(
        *(blobs.put(new_blob_key(), [bytes(BLOCK)]) for _ in range(room + 20)), return_exceptions=True
    )
    refused = [end for end in ended if end is not None]
    assert len(refused) == 20
    assert all(isinstance(end, StorageFull) for end in refused)
    assert len(await all_keys(blobs)) == room
    await blobs.close()
