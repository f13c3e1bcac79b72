"""Reading a file: its extents in a row, looked at as one stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice

from heavylift.domain.checksums import EMPTY, extend
from heavylift.domain.files import Extent, Place, Span
from heavylift.service.abilities import OpenBlob, OpensFiles
from heavylift.service.ports import BlobStore, StorageDown
from heavylift.service.waiting import ended

EARLY = 8 * 1024 * 1024
"""Bytes before an extent's end at which the next one is begun: what a far store sends in its latency."""


async def read_places(blobs: BlobStore, places: Iterable[Place]) -> AsyncGenerator[bytes]:
    """Their bytes in a row, each place begun before the one ahead of it ends.

    Raises BlobMissing when an extent's bytes are gone, StorageDown when there are fewer
    of them than the catalog knows, or others: a reader never mistakes a torso for the whole, and
    never gets to the end of an extent, read as a whole, whose bytes are not those that were stored.
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
                raise StorageDown(f"blob {reading.blob} is {reading.missing} bytes short")
            await readings.popleft().close()
    finally:
        for reading in readings:
            await reading.close()


class _Reading:
    """One extent's bytes, the first of them on their way. `missing`: bytes that have not come yet."""

    def __init__(self, blobs: BlobStore, extent: Extent, span: Span) -> None:
        assert span.stop is not None
        self.blob = extent.blob
        self.missing = span.stop - span.start
        self._expected = extent.checksum if self.missing == extent.bytes else None
        self._checksum = EMPTY
        self._source = blobs.read(extent.blob, span)
        self._first = asyncio.ensure_future(anext(self._source, b""))
        self._begun = False

    async def take(self) -> bytes:
        """The next chunk; empty at the end. Raises StorageDown for the last one, if the whole is not
        what was stored."""
        chunk = await (anext(self._source, b"") if self._begun else self._first)
        self._begun = True
        self.missing -= len(chunk)
        if self._expected is not None:
            self._checksum = extend(self._checksum, chunk)
            if not self.missing and self._checksum != self._expected:
                raise StorageDown(f"blob {self.blob} holds other bytes than were stored")
        return chunk

    async def close(self) -> None:
        """Free what it holds, whether or not anybody wanted it."""
        self._first.cancel()
        cancelled = await ended(self._first)
        await self._source.aclose()
        if not self._first.cancelled():
            self._first.exception()  # seen
        if cancelled is not None:
            raise cancelled


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
