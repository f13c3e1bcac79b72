"""The driver for object stores against the contract, on a good store and on a poor one."""

import asyncio
import os
import time
from typing import Any
from uuid import uuid4

import obstore
import pytest

from heavylift.blobs import open_blobs
from heavylift.domain.files import Span
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import BlobStore
from tests.contract.blobs import (
    BlobStoreContract,
    Boom,
    all_keys,
    cancelled_at,
    content,
    stream,
)
from tests.objects.engines import BUCKET, ObjectStore, connections

LARGE = 11 * 1024 * 1024 + 17
"""Bytes, of more than two segments of a multipart upload."""


class ObjectBlobsContract(BlobStoreContract):
    """What every driver promises, and what only a store behind a network can get wrong."""

    store: ObjectStore
    many = 1005
    """Blobs, of more than the store deletes at once."""

    @pytest.fixture(autouse=True)
    def environment(self, engine: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = engine
        for name, value in engine.environment().items():
            monkeypatch.setenv(name, value)

    @pytest.fixture(autouse=True)
    def clean(self, environment: None) -> Any:
        """Nothing is left in the store: no object, no unfinished upload, no connection to it."""
        self.prefix = uuid4().hex
        yield
        assert self.store.unfinished(self.prefix) == []
        leftovers = self.store.objects(self.prefix)
        obstore.delete(self.store.client(), leftovers)
        assert self.store.objects(self.prefix) == []

    async def open_store(self, tmp_path: Any) -> BlobStore:
        return open_blobs(f"{self.store.scheme}://{BUCKET}/{self.prefix}/blobs")

    def grow_old(self, blobs: Any, key: str, *, written: float) -> None:
        raise AssertionError("nobody can date an object back; the test waits instead")

    async def test_blobs_are_found_by_their_age(self, blobs: BlobStore) -> None:
        old, young = new_blob_key(), new_blob_key()
        await blobs.write(old, stream([b"x"]))
        written = [await self.written(old)]
        while time.time() < written[0] + 1.5:  # a store may date in whole seconds
            await asyncio.sleep(0.1)
        await blobs.write(young, stream([b"x"]))
        written.append(await self.written(young))
        assert written[0] < written[1]
        found = [[key async for key in blobs.older_than(moment)] for moment in written]
        assert found == [[], [old]]
        assert await all_keys(blobs) == sorted([old, young])

    async def written(self, key: str) -> float:
        """When the store says that the object was written (Unix seconds)."""
        pages = obstore.list(self.store.client(), f"{self.prefix}/blobs")
        [when] = [one["last_modified"] for page in pages for one in page if one["path"].endswith(key)]
        return when.timestamp()

    async def test_a_large_blob_is_one_object_and_any_span_of_it_is_read(self, blobs: BlobStore) -> None:
        key = new_blob_key()
        whole = os.urandom(LARGE)
        view = memoryview(whole)
        await blobs.write(key, stream([view[i : i + 100_000] for i in range(0, LARGE, 100_000)]))
        assert self.store.objects(self.prefix) == [f"{self.prefix}/blobs/{key}"]
        assert await content(blobs, key) == whole
        for start in (0, 1, 4 * 1024 * 1024 - 1, 4 * 1024 * 1024, LARGE - 1, LARGE):
            for stop in (start + 1, 8 * 1024 * 1024 + 1, LARGE, LARGE + 9, None):
                if stop is None or stop >= start:
                    assert await content(blobs, key, Span(start, stop)) == whole[start:stop]

    @pytest.mark.parametrize("error", [Boom(), asyncio.CancelledError()])
    @pytest.mark.parametrize("size", [5 * 1024 * 1024, LARGE])
    async def test_what_the_stream_of_a_large_blob_raises_leaves_nothing(
        self, blobs: BlobStore, size: int, error: BaseException
    ) -> None:
        chunks = [bytes(262_144)] * (size // 262_144 + 1)
        with pytest.raises(type(error)) as raised:
            await blobs.write(new_blob_key(), stream(chunks, error=error))
        assert raised.value is error
        assert self.store.objects(self.prefix) == []
        assert self.store.unfinished(self.prefix) == []

    @pytest.mark.parametrize("first", [1, 20, 25, 35, 44, 50, 90])
    async def test_a_large_write_may_be_cancelled_wherever_it_waits(
        self, blobs: BlobStore, first: int
    ) -> None:
        key = new_blob_key()
        chunks = [bytes(262_144)] * (LARGE // 262_144)
        if not await cancelled_at(blobs.write(key, stream(chunks)), first=first, last=first + 3):
            assert await all_keys(blobs) == [key]
            return
        assert self.store.objects(self.prefix) == []
        assert self.store.unfinished(self.prefix) == []

    async def test_connections_end_with_the_store(self, tmp_path: Any) -> None:
        before = connections(self.store.port)
        blobs = await self.open_store(tmp_path)
        await asyncio.gather(*(blobs.write(new_blob_key(), stream([b"x"])) for _ in range(10)))
        await blobs.close()
        del blobs
        deadline = time.monotonic() + 60
        while connections(self.store.port) > before:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    async def test_objects_that_are_no_blobs_are_left_alone(self, blobs: BlobStore) -> None:
        client = self.store.client()
        paths = [f"{self.prefix}/blobs/{name}" for name in ("notes.txt", "A" * 32, f"deep/{'a' * 32}")]
        for path in (*paths, f"{self.prefix}/blobs2/{'a' * 32}"):
            obstore.put(client, path, b"x")
        assert await all_keys(blobs) == []

    async def test_many_are_deleted_in_batches(self, blobs: BlobStore) -> None:
        keys = [new_blob_key() for _ in range(self.many)]
        for begin in range(0, len(keys), 67):
            await asyncio.gather(*(blobs.write(key, stream([b"x"])) for key in keys[begin : begin + 67]))
        assert await all_keys(blobs) == sorted(keys)
        await blobs.delete(keys)
        assert await all_keys(blobs) == []


class TestSeaweed(ObjectBlobsContract):
    @pytest.fixture
    def engine(self, seaweed: ObjectStore) -> ObjectStore:
        return seaweed


class TestPoorStore(ObjectBlobsContract):
    @pytest.fixture
    def engine(self, poor: ObjectStore) -> ObjectStore:
        return poor


class TestGoogle(ObjectBlobsContract):
    many = 260

    @pytest.fixture
    def engine(self, google: ObjectStore) -> ObjectStore:
        return google


class TestAzure(ObjectBlobsContract):
    many = 260

    @pytest.fixture
    def engine(self, azure: ObjectStore) -> ObjectStore:
        return azure
