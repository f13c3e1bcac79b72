"""What holds of blobs on a disk beyond the contract: files, room, memory, damage, sinks."""

import math
import os
import random
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.blobs.disk import DiskBlobs
from heavylift.blobs.diskfile import _drop
from heavylift.blobs.writeback import begin_writeback
from heavylift.domain.files import Span
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import BlobMissing, StorageDown, StorageFull
from tests.contract.blobs import all_keys, content, stream

MIB = 1024 * 1024


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[DiskBlobs]:
    blobs = DiskBlobs(tmp_path / "blobs", threads=2)
    yield blobs
    await blobs.close()


# room


@pytest.mark.parametrize("reserve", [0, MIB])
async def test_a_full_disk_refuses_and_keeps_nothing_and_goes_on(small_disk: Path, reserve: int) -> None:
    blobs = DiskBlobs(small_disk, reserve=reserve, threads=2)
    kept = new_blob_key()
    await blobs.write(kept, stream([bytes(2 * MIB)]))
    for chunks in ([bytes(3 * MIB)], [bytes(65536)] * 48, [bytes(1000)] * 3000):
        with pytest.raises(StorageFull):
            await blobs.write(new_blob_key(), stream(chunks))
        assert await all_keys(blobs) == [kept]
    assert len(await content(blobs, kept)) == 2 * MIB
    await blobs.delete([kept])
    await blobs.write(kept, stream([bytes(65536)] * 40))
    await blobs.close()


async def test_the_reserve_stays_free_and_fails_the_ping(small_disk: Path) -> None:
    blobs = DiskBlobs(small_disk, reserve=5 * MIB, threads=2)
    with pytest.raises(StorageFull, match="stay free"):
        await blobs.ping()
    with pytest.raises(StorageFull):
        await blobs.write(new_blob_key(), stream([b"x"]))
    with pytest.raises(StorageFull):
        await blobs.write(new_blob_key(), stream([]))
    assert await all_keys(blobs) == []
    await blobs.close()


async def test_blobs_never_eat_into_the_reserve(small_disk: Path) -> None:
    blobs = DiskBlobs(small_disk, reserve=MIB, threads=2)
    one = 256 * 1024
    for _ in range(3 * MIB // one):
        await blobs.write(new_blob_key(), stream([bytes(one)]))
    with pytest.raises(StorageFull):
        await blobs.write(new_blob_key(), stream([bytes(one)]))
    disk = os.statvfs(small_disk)
    assert disk.f_bavail * disk.f_frsize == MIB
    await blobs.close()


# damage


async def test_a_folder_that_is_gone_is_told(tmp_path: Path, blobs: DiskBlobs) -> None:
    (tmp_path / "blobs" / "00").rmdir()
    with pytest.raises(StorageDown):
        await blobs.write("00" * 16, stream([b"x"]))
    with pytest.raises(StorageDown):
        await all_keys(blobs)
    with pytest.raises(BlobMissing):
        await content(blobs, "00" * 16)
    await blobs.delete(["00" * 16])


async def test_a_file_that_lost_its_end_just_ends(tmp_path: Path, blobs: DiskBlobs) -> None:
    key = new_blob_key()
    await blobs.write(key, stream([b"x" * 600_000]))
    os.truncate(tmp_path / "blobs" / key[:2] / key, 300_000)
    assert len(await content(blobs, key, Span(0, 600_000))) == 300_000


async def test_a_key_that_is_taken_is_refused_and_its_bytes_stay(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    await blobs.write(key, stream([b"first"]))
    with pytest.raises(StorageDown):
        await blobs.write(key, stream([b"second"]))
    assert await content(blobs, key) == b"first"


async def test_strangers_in_the_folders_are_no_blobs(tmp_path: Path, blobs: DiskBlobs) -> None:
    folder = tmp_path / "blobs" / "ab"
    (folder / "notes.txt").write_text("x")
    (folder / ("cd" * 16)).write_text("in another's folder")
    (folder / ("ab" * 16)).mkdir()
    (folder / ("ab" * 15 + "cd")).symlink_to("/etc/hostname")
    assert await all_keys(blobs) == []


async def test_folders_that_cannot_be_listed_hide_none_of_the_others(
    tmp_path: Path, blobs: DiskBlobs
) -> None:
    keys = [f"{folder}{'0' * 30}" for folder in ("00", "02", "03", "ff")]
    for key in keys:
        await blobs.write(key, stream([b"x"]))
    for folder in ("01", "04"):
        (tmp_path / "blobs" / folder).rmdir()
        (tmp_path / "blobs" / folder).write_text("no folder")
    found = []

    async def look() -> None:
        async for key in blobs.older_than(math.inf):
            found.append(key)

    with pytest.raises(StorageDown, match="the folder 04 of the blobs cannot be listed"):
        await look()
    assert found == keys


async def test_a_closed_store_says_so(blobs: DiskBlobs) -> None:
    await blobs.close()
    with pytest.raises(StorageDown, match="closed"):
        await blobs.write(new_blob_key(), stream([b"x"]))
    with pytest.raises(StorageDown, match="closed"):
        await content(blobs, new_blob_key())


# files and memory


async def test_a_blob_is_a_file_that_nobody_else_may_read(tmp_path: Path, blobs: DiskBlobs) -> None:
    key = new_blob_key()
    await blobs.write(key, stream([b"x"]))
    path = tmp_path / "blobs" / key[:2] / key
    assert path.read_bytes() == b"x"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("size", [65536, 4 * MIB])
async def test_a_blob_in_flight_takes_little_memory(blobs: DiskBlobs, size: int) -> None:
    buffer = bytearray(size)
    key = new_blob_key()
    tracemalloc.start()
    try:
        await blobs.write(key, stream(buffer for _ in range(16 * MIB // size)))
        _, written = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        async for _ in blobs.read(key):
            pass
        _, read = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written < 700_000
    assert read < 1_500_000


# sinks


async def test_a_thread_may_write_a_blob_by_itself(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    sink = blobs.open_sink(key)
    pieces = [bytes([number % 256]) * (number % 3) for number in range(5000)]

    def receive() -> None:
        sink.write(pieces)
        sink.write([])
        sink.commit([b"end"])

    thread = threading.Thread(target=receive)
    thread.start()
    thread.join()
    assert await content(blobs, key) == b"".join(pieces) + b"end"


async def test_a_long_blob_is_whole_though_the_disk_begins_with_it_early(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    sink = blobs.open_sink(key)
    piece = random.Random(1).randbytes(MIB + 1)
    for _ in range(20):
        sink.write([piece])
    sink.commit()
    assert await content(blobs, key) == piece * 20


def test_writing_back_begins_where_the_system_can_and_is_not_missed_where_it_cannot(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb", buffering=0) as file:
        file.write(bytes(MIB))
        assert begin_writeback(file.fileno(), 0, MIB)
    assert not begin_writeback(-1, 0, MIB)


async def test_an_aborted_sink_leaves_nothing_whenever_that_is(blobs: DiskBlobs) -> None:
    for calls in ([], ["write"], ["write", "commit"], ["commit"]):
        sink = blobs.open_sink(new_blob_key())
        for call in calls:
            getattr(sink, call)([b"x"])
        sink.abort()
        sink.abort()
        assert await all_keys(blobs) == []


async def test_aborting_twice_leaves_alone_what_came_in_between(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    sink = blobs.open_sink(key)
    sink.commit([b"x"])
    sink.abort()
    await blobs.write(key, stream([b"y"]))
    sink.abort()
    assert await content(blobs, key) == b"y"


async def test_aborting_a_sink_that_never_opened_leaves_another_blob_alone(blobs: DiskBlobs) -> None:
    key = new_blob_key()
    await blobs.write(key, stream([b"x"]))
    sink = blobs.open_sink(key)
    with pytest.raises(StorageDown):
        sink.write([b"y"])
    sink.abort()
    assert await content(blobs, key) == b"x"


@given(st.lists(st.binary(min_size=1, max_size=5), min_size=1), st.data())
def test_a_short_write_goes_on_where_it_stopped(pieces: list[bytes], data: st.DataObject) -> None:
    left = [memoryview(piece) for piece in reversed(pieces)]
    total = b"".join(pieces)
    written = data.draw(st.integers(1, len(total)))
    _drop(left, written)
    assert b"".join(reversed(left)) == total[written:]


def test_a_write_of_nothing_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(OSError, match="nothing was written"):
        _drop([memoryview(b"x")], 0)
