"""What holds of blobs in memory beyond the contract: their capacity."""

import pytest

from heavylift.blobs.memory import MemoryBlobs
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import StorageDown, StorageFull
from tests.contract.blobs import Boom, all_keys, content, stream


async def test_the_capacity_holds_and_what_is_deleted_counts_no_more() -> None:
    blobs = MemoryBlobs(capacity=10)
    first = new_blob_key()
    await blobs.write(first, stream([b"12345", b"6"]))
    with pytest.raises(StorageFull):
        await blobs.write(new_blob_key(), stream([b"1234", b"5"]))
    with pytest.raises(Boom):
        await blobs.write(new_blob_key(), stream([b"1234"], error=Boom()))
    full = new_blob_key()
    await blobs.write(full, stream([b"1234"]))
    with pytest.raises(StorageFull):
        await blobs.ping()
    await blobs.delete([first, first])
    await blobs.ping()
    await blobs.write(first, stream([b"123456"]))
    assert await all_keys(blobs) == sorted([first, full])


async def test_a_key_that_is_taken_is_refused_and_its_bytes_stay() -> None:
    blobs = MemoryBlobs(capacity=10)
    key = new_blob_key()
    await blobs.write(key, stream([b"first"]))
    for _ in range(3):
        with pytest.raises(StorageDown):
            await blobs.write(key, stream([b"other"]))
    assert await content(blobs, key) == b"first"
