"""What every BlobStore promises, sentence by sentence of its port. Drivers are in `test_blobs.py`."""

import asyncio
import os
import threading
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from contextlib import aclosing, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heavylift.domain.files import WHOLE, Span
from heavylift.domain.ids import new_blob_key
from heavylift.service.ports import BlobMissing, BlobStore, Buffer

FAR = 1e11
"""A moment (Unix seconds) before which everything was written."""

BIG = 700_001
"""Bytes, of more than two batches and of no round number."""

PATTERN = bytes(range(256)) * (BIG // 256 + 1)


class Boom(Exception):
    """What a test's own stream raises."""


async def stream(chunks: Iterable[Buffer], *, error: BaseException | None = None) -> AsyncIterator[Buffer]:
    """The chunks, with the event loop getting a turn before each, and at their end perhaps an error."""
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk
    if error is not None:
        raise error


async def content(blobs: BlobStore, key: str, span: Span = WHOLE) -> bytes:
    async with aclosing(blobs.read(key, span)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def all_keys(blobs: BlobStore) -> list[str]:
    return sorted([key async for key in blobs.older_than(FAR)])


def descriptors() -> int:
    """How many files are open. Sockets are not counted: a store's client keeps its connections a while."""
    files = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the folder itself, while it was listed
            files += not os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    return files


class Interrupted:
    """A coroutine whose task is cancelled each time that it waits for the `first`th to `last`th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], *, first: int, last: int) -> None:
        self._coroutine = coroutine
        self._numbers = range(first, last + 1)
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[Any], Any] = self._coroutine.send
        argument: Any = None
        while True:
            try:
                future = step(argument)
            except StopIteration as stop:
                return stop.value
            self.waits += 1
            if self.waits in self._numbers:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                argument = yield future
                step = self._coroutine.send
            except BaseException as error:  # handed on to the coroutine
                argument = error
                step = self._coroutine.throw


async def cancelled_at(coroutine: Coroutine[Any, Any, Any], *, first: int, last: int) -> bool:
    """Whether the coroutine ended as cancelled; False if it was through before its `first` wait."""
    interrupted = Interrupted(coroutine, first=first, last=last)

    async def run() -> None:
        await interrupted

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if interrupted.waits < first:
        task.result()
        return False
    assert task.cancelled()
    return True


class BlobStoreContract:
    """Subclass it, say how a store is opened and how a blob grows old, and every promise is checked."""

    @abstractmethod
    async def open_store(self, tmp_path: Any) -> BlobStore: ...

    @abstractmethod
    def grow_old(self, blobs: Any, key: str, *, written: float) -> None:
        """Make the blob one that was last written to at `written` (Unix seconds)."""

    @pytest.fixture
    async def blobs(self, tmp_path: Any) -> AsyncIterator[BlobStore]:
        threads, files = set(threading.enumerate()), descriptors()
        blobs = await self.open_store(tmp_path)
        yield blobs
        await blobs.close()
        await blobs.close()
        assert set(threading.enumerate()) <= threads
        assert descriptors() == files

    # write

    @pytest.mark.parametrize(
        "sizes",
        [
            [],
            [0],
            [1],
            [0, 5, 0, 0, 7, 0],
            [65536] * 11,
            [262144],
            [262143, 2],
            [262145],
            [1000, BIG],
            [1] * 3000,
        ],
        ids=str,
    )
    async def test_what_is_written_is_read_whatever_the_chunks(
        self, blobs: BlobStore, sizes: list[int]
    ) -> None:
        key = new_blob_key()
        chunks = [os.urandom(size) for size in sizes]
        await blobs.write(key, stream(chunks))
        assert await content(blobs, key) == b"".join(chunks)
        assert await all_keys(blobs) == [key]

    @pytest.mark.parametrize("size", [1000, 65536, 262144, 300_000])
    async def test_a_chunk_may_be_overwritten_after_the_next_pull(self, blobs: BlobStore, size: int) -> None:
        async def reusing() -> AsyncIterator[Buffer]:
            buffer = bytearray(size)
            for number in range(1, 12):
                buffer[:] = bytes([number]) * size
                yield memoryview(buffer)[: size - number]
            buffer[:] = b"\xff" * size

        key = new_blob_key()
        await blobs.write(key, reusing())
        assert await content(blobs, key) == b"".join(bytes([n]) * (size - n) for n in range(1, 12))

    @pytest.mark.parametrize(
        "error", [Boom(), asyncio.CancelledError(), OSError(5, "of the stream"), KeyError()]
    )
    @pytest.mark.parametrize("sizes", [[], [10], [262144], [BIG], [65536] * 5, [200_000] * 4], ids=str)
    async def test_what_the_stream_raises_passes_unchanged_and_nothing_stays(
        self, blobs: BlobStore, sizes: list[int], error: BaseException
    ) -> None:
        key = new_blob_key()
        before = descriptors()
        with pytest.raises(type(error)) as raised:
            await blobs.write(key, stream([bytes(size) for size in sizes], error=error))
        assert raised.value is error
        assert await all_keys(blobs) == []
        assert descriptors() == before
        with pytest.raises(BlobMissing):
            await content(blobs, key)

    @pytest.mark.parametrize("repeated", [0, 1, 5])
    async def test_a_write_may_be_cancelled_wherever_it_waits(self, blobs: BlobStore, repeated: int) -> None:
        chunks = [PATTERN[:200_000]] * 4 + [PATTERN[:300_000]]
        before = descriptors()
        wait = 1
        while True:
            key = new_blob_key()
            write = blobs.write(key, stream(chunks))
            if not await cancelled_at(write, first=wait, last=wait + repeated):
                break
            assert await all_keys(blobs) == []
            assert descriptors() == before
            wait += 1
        assert wait > len(chunks)
        assert await content(blobs, key) == b"".join(chunks)

    async def test_many_write_and_read_at_once(self, blobs: BlobStore) -> None:
        async def there_and_back(number: int) -> str:
            key = new_blob_key()
            chunks = [bytes([number]) * 50_000] * 9
            await blobs.write(key, stream(chunks))
            assert await content(blobs, key) == b"".join(chunks)
            return key

        keys = await asyncio.gather(*map(there_and_back, range(40)))
        assert await all_keys(blobs) == sorted(keys)

    # read

    async def test_every_span_of_a_small_blob(self, blobs: BlobStore) -> None:
        key = new_blob_key()
        await blobs.write(key, stream([b"01234567"]))
        for start in range(11):
            for stop in [None, *range(start, 11)]:
                assert await content(blobs, key, Span(start, stop)) == b"01234567"[start:stop]

    # The same property for each driver, and one store for all examples, are what is meant here.
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(start=st.integers(0, BIG + 10), length=st.none() | st.integers(0, BIG + 10))
    async def test_any_span_of_a_large_blob(self, blobs: BlobStore, start: int, length: int | None) -> None:
        key = new_blob_key()
        await blobs.write(key, stream([PATTERN[:BIG]]))
        stop = None if length is None else start + length
        assert await content(blobs, key, Span(start, stop)) == PATTERN[:BIG][start:stop]
        await blobs.delete([key])

    @pytest.mark.parametrize("span", [WHOLE, Span(0, 5), Span(3, 3), Span(5)])
    async def test_a_missing_blob_is_told_before_the_first_byte(self, blobs: BlobStore, span: Span) -> None:
        with pytest.raises(BlobMissing):
            await anext(blobs.read(new_blob_key(), span))

    async def test_closing_a_read_early_frees_what_it_held(self, blobs: BlobStore) -> None:
        key = new_blob_key()
        await blobs.write(key, stream([PATTERN]))
        before = descriptors()
        for _ in range(20):
            reading = blobs.read(key)
            first = await anext(reading)
            assert PATTERN.startswith(first)
            await reading.aclose()
        assert descriptors() == before

    async def test_a_read_may_be_cancelled_wherever_it_waits(self, blobs: BlobStore) -> None:
        key = new_blob_key()
        await blobs.write(key, stream([PATTERN]))
        before = descriptors()
        wait = 1
        while await cancelled_at(content(blobs, key), first=wait, last=wait + 2):
            assert descriptors() == before
            wait += 1
        assert descriptors() == before

    async def test_a_blob_that_is_deleted_while_read_gives_no_wrong_byte(self, blobs: BlobStore) -> None:
        key = new_blob_key()
        await blobs.write(key, stream([PATTERN]))
        async with aclosing(blobs.read(key)) as reading:
            seen = await anext(reading)
            await blobs.delete([key])
            try:
                async for chunk in reading:
                    seen += chunk
            except BlobMissing:
                assert len(seen) < len(PATTERN)
        assert PATTERN.startswith(seen)
        assert await all_keys(blobs) == []

    # delete

    async def test_deleting_removes_those_blobs_alone_and_is_repeatable(self, blobs: BlobStore) -> None:
        keys = [new_blob_key() for _ in range(5)]
        for key in keys:
            await blobs.write(key, stream([key.encode()]))
        for _ in range(2):
            await blobs.delete([*keys[:3], new_blob_key()])
            assert await all_keys(blobs) == sorted(keys[3:])
        await blobs.delete([])
        assert await content(blobs, keys[4]) == keys[4].encode()

    # older_than

    async def test_blobs_are_found_by_their_age(self, blobs: BlobStore) -> None:
        old, young = new_blob_key(), new_blob_key()
        for key, written in ((old, 1000.0), (young, 2000.0)):
            await blobs.write(key, stream([b"x"]))
            self.grow_old(blobs, key, written=written)
        found = [[key async for key in blobs.older_than(moment)] for moment in (1000, 1001, 2000)]
        assert found == [[], [old], [old]]
        assert await all_keys(blobs) == sorted([old, young])

    async def test_blobs_may_be_deleted_while_they_are_listed(self, blobs: BlobStore) -> None:
        keys = [new_blob_key() for _ in range(30)]
        for key in keys:
            await blobs.write(key, stream([b"x"]))
        found = []
        async for key in blobs.older_than(FAR):
            found.append(key)
            await blobs.delete([key])
        assert sorted(found) == sorted(keys)
        assert await all_keys(blobs) == []

    # keys, ping

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "a" * 31,
            "a" * 33,
            "A" * 32,
            "g" * 32,
            "a" * 32 + "\n",
            "../" * 10 + "aa",
            "٣" * 32,
            "a" * 31 + "/",
        ],
    )
    async def test_what_is_no_key_reaches_nothing(self, blobs: BlobStore, key: str) -> None:
        with pytest.raises(ValueError, match="not a blob's key"):
            await blobs.write(key, stream([b"x"]))
        with pytest.raises(ValueError, match="not a blob's key"):
            await content(blobs, key)
        with pytest.raises(ValueError, match="not a blob's key"):
            await blobs.delete([new_blob_key(), key])
        assert await all_keys(blobs) == []

    async def test_a_ping_leaves_nothing_behind(self, blobs: BlobStore) -> None:
        await blobs.ping()
        assert await all_keys(blobs) == []
