"""Blobs in the process's memory: for tests, and for tries that nothing need remain of."""

import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Collection

from heavylift.blobs.keys import checked
from heavylift.domain.files import WHOLE, Span
from heavylift.service.ports import BlobMissing, Buffer, Clock, StorageDown, StorageFull

CHUNK = 256 * 1024
"""Bytes of one chunk of a read, as from the disk."""


class MemoryBlobs:
    """A dictionary with a BlobStore's promises. `capacity` in bytes; None is as much as there is."""

    def __init__(self, *, clock: Clock = time.time, capacity: int | None = None) -> None:
        self._clock = clock
        self._capacity = capacity
        self._used = 0
        self._blobs: dict[str, tuple[bytes, float]] = {}

    async def write(self, key: str, chunks: AsyncIterable[Buffer]) -> None:
        checked(key)
        gathered = bytearray()
        try:
            async for chunk in chunks:
                self._claim(len(chunk))
                gathered += chunk
            if key in self._blobs:
                raise StorageDown(f"there is a blob {key} already")
        except BaseException:
            self._used -= len(gathered)
            raise
        self._blobs[key] = bytes(gathered), self._clock()

    async def read(self, key: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        if checked(key) not in self._blobs:
            raise BlobMissing(key)
        content = memoryview(self._blobs[key][0])[span.start : span.stop]
        for start in range(0, len(content), CHUNK):
            yield bytes(content[start : start + CHUNK])

    async def delete(self, keys: Collection[str]) -> None:
        for key in [checked(key) for key in keys]:
            content, _ = self._blobs.pop(key, (b"", 0.0))
            self._used -= len(content)

    async def older_than(self, moment: float) -> AsyncIterator[str]:
        for key in [key for key, (_, written) in self._blobs.items() if written < moment]:
            yield key

    async def ping(self) -> None:
        self._claim(1)
        self._used -= 1

    async def close(self) -> None:
        self._blobs.clear()
        self._used = 0

    def _claim(self, size: int) -> None:
        if self._capacity is not None and self._used + size > self._capacity:
            raise StorageFull(f"the {self._capacity} bytes for blobs are used up")
        self._used += size
