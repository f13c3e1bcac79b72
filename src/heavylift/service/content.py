"""Reading a file: its extents in a row, looked at as one stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice

from heavylift.domain.checksums import EMPTY, extend
from heavylift.domain.files import Extent, Place, Span
from heavylift.service.abilities import OpenBlob, OpensFiles
from heavylift.service.ports import BlobMissing, BlobStore, StorageDown
from heavylift.service.waiting import ended

EARLY = 8 * 1024 * 1024
"""Bytes before an extent's end at which the next one is begun: what a far store sends in its latency."""


CHECKED = 64 * 1024 * 1024
"""Bytes of the largest extent that is read as a whole for the sake of a range of more than half of it."""


async def read_places(blobs: BlobStore, places: Iterable[Place]) -> AsyncGenerator[bytes]:
    """Their bytes in a row, each place begun before the one ahead of it ends.

    Raises BlobMissing when an extent's bytes are gone, StorageDown when there are fewer
    of them than the catalog knows, or others: a reader never mistakes a torso for the whole, and
    never gets the last of what `is_checked` if its extent's bytes are not those that were stored.
    The errors name the blob.
    """
    ahead = iter(places)
    readings: deque[_Reading] = deque()
    try:
        while readings or (readings := _begun(blobs, ahead)):
            reading = readings[0]
            while chunk := await reading.take():
                if reading.missing <= EARLY and len(readings) == 1:
                    readings += _begun(blobs, ahead)
                yield chunk
            if reading.missing:
                raise _short(reading)
            await readings.popleft().close()
    finally:
        for reading in readings:
            await reading.close()


def is_checked(place: Place) -> bool:
    """Whether the bytes there are compared with what was stored before the last of them is given."""
    extent, span = place
    assert span.stop is not None
    size = span.stop - span.start
    return size == extent.bytes or (extent.bytes <= CHECKED and 2 * size >= extent.bytes)


class _Reading:
    """One extent's bytes, the first of them on their way. `missing`: wanted bytes that have not come yet.

    A span that is checked, and not all of its extent, is cut out of the whole.
    """

    def __init__(self, blobs: BlobStore, extent: Extent, span: Span) -> None:
        assert span.stop is not None
        self.blob = extent.blob
        self.missing = span.stop - span.start
        self._expected = extent.checksum if is_checked((extent, span)) else None
        whole = span if self._expected is None else Span(0, extent.bytes)
        assert whole.stop is not None
        self._span = span
        self._at, self._unread = whole.start, whole.stop - whole.start
        self._checksum = EMPTY
        self._source = blobs.read(extent.blob, whole)
        self._first: asyncio.Future[bytes] | None = asyncio.ensure_future(anext(self._source, b""))

    async def take(self) -> bytes:
        """The next chunk; empty at the end. Raises StorageDown for the last one, if the extent is not
        what was stored."""
        try:
            while self.missing and (chunk := await self._read()):
                begin = max(self._span.start - self._at, 0)
                self._at += len(chunk)
                chunk = chunk[begin : begin + self.missing] if begin or len(chunk) > self.missing else chunk
                if len(chunk) == self.missing and self._expected is not None:
                    await self._check()
                self.missing -= len(chunk)
                if chunk:
                    return chunk
        except (BlobMissing, StorageDown) as error:
            error.blob = self.blob
            raise
        return b""

    async def _read(self) -> bytes:
        if self._first is None:
            chunk = await anext(self._source, b"")
        else:
            chunk = await self._first
            self._first = None  # which would keep it for as long as the extent is read
        self._unread -= len(chunk)
        if self._expected is not None:
            self._checksum = extend(self._checksum, chunk)
        return chunk

    async def _check(self) -> None:
        """Read to the end of the extent. Raises StorageDown."""
        while self._unread and await self._read():
            pass
        if self._unread or self._checksum != self._expected:
            raise StorageDown(f"blob {self.blob} holds other bytes than were stored")

    async def close(self) -> None:
        """Free what it holds, whether or not anybody wanted it."""
        cancelled = None
        if self._first is not None:
            self._first.cancel()
            cancelled = await ended(self._first)
        await self._source.aclose()
        if self._first is not None and not self._first.cancelled():
            self._first.exception()  # seen
        if cancelled is not None:
            raise cancelled


def _short(reading: _Reading) -> StorageDown:
    error = StorageDown(f"blob {reading.blob} is {reading.missing} bytes short")
    error.blob = reading.blob
    return error


def _begun(blobs: BlobStore, places: Iterator[Place]) -> deque[_Reading]:
    """The next of the places, if there is one more."""
    return deque(_Reading(blobs, extent, span) for extent, span in islice(places, 1))


def open_places(blobs: OpensFiles, places: Iterable[Place]) -> Generator[tuple[OpenBlob, Span]]:
    """The same as open files, each with the stretch of it to send and closed behind it. Blocks.

    Raises BlobMissing when a blob's bytes are gone.
    """
    for extent, span in places:
        with closing(blobs.open_file(extent.blob)) as blob:
            yield blob, span
