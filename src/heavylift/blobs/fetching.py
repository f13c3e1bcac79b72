"""Reading an object: range after range, a few of them ahead of the reader."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from heavylift.blobs.room import Loans
from heavylift.blobs.storeerrors import store_errors
from heavylift.domain.files import Span

T = TypeVar("T")

Store = S3Store | GCSStore | AzureStore

RANGE = 4 * 1024 * 1024
"""Bytes of one ranged GET. A whole object in one answer would have to be read within the timeout
of a request, however slow the client that it is for; a range is at hand at once."""

LEAST_RANGE = 512 * 1024
"""Bytes of the first ranged GET of each reader, and of any where many read at once."""

OWN = 32 * 1024
"""Bytes of one ranged GET where so many read that there is nothing to be lent: that much each may hold."""

AHEAD = 2
"""Ranges under way while one is read: enough to hide the store's latency behind the transfer."""

CHUNK = 256 * 1024
"""Bytes of one chunk of a read, as from the disk."""

NOTHING_THERE = re.compile(r"\b416\b|InvalidRange|Wanted range")
"""How stores, and their client, say that an object has no byte in a range."""

NOT_PARTIAL = "non-partial response"
"""How the client says that a store answered a range as it would the whole."""


async def fetch(store: Store, path: str, span: Span, *, loans: Loans) -> AsyncGenerator[bytes, None]:
    """The object's bytes in that span. Raises BlobMissing before the first, StorageDown at any time."""
    reading = _Reading(loans)
    try:
        try:
            with store_errors():
                first = await _first_range(store, path, span, reading.borrow())
        except NoRanges:
            reading.close()
            async with aclosing(_skimmed(store, path, span)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        if first is None:
            return
        size = first.meta["size"]
        at, stop = first.range[1], size if span.stop is None else min(span.stop, size)
        reading.add(first.bytes_async())
        while reading.ranges or at < stop:
            while at < stop and reading.wants_more and (count := reading.borrow()):
                end = min(stop, at + count)
                reading.add(obstore.get_range_async(store, path, start=at, end=end))
                at = end
            with store_errors():
                content = memoryview(await reading.ranges[0][0])
            count = len(content)
            if count <= OWN:  # what waits for a reader who takes nothing is held once
                chunk = bytes(content)
                del content
                reading.taken(count)
                yield chunk
                continue
            for begin in range(0, count, CHUNK):
                yield bytes(content[begin : begin + CHUNK])
            del content
            reading.taken(count)
    finally:
        reading.close()


class _Reading:
    """The ranges of one reader, and what it has been lent for them. It begins with little: who takes
    nothing is to hold little, and whoever takes much shows it soon."""

    def __init__(self, loans: Loans) -> None:
        self._loans = loans
        self._given = 0
        self._lent = 0
        self.ranges: deque[tuple[asyncio.Future[Any], int]] = deque()

    @property
    def wants_more(self) -> bool:
        """Whether another range should be under way."""
        return len(self.ranges) <= (AHEAD if self._given else 0)

    def borrow(self) -> int:
        """Bytes of the next range; none if there should be none now."""
        self._lent = self._loans.lend(max(LEAST_RANGE, self._given))
        return self._lent or (0 if self.ranges else OWN)

    def add(self, call: Awaitable[Any]) -> None:
        """It is under way, with what was borrowed for it."""
        self.ranges.append((begun(call), self._lent))
        self._lent = 0

    def taken(self, count: int) -> None:
        """All of the first range has been taken."""
        self._given += count
        _, lent = self.ranges.popleft()
        self._loans.give_back(lent)

    def close(self) -> None:
        """Give up what is under way. Repeatable."""
        self._loans.give_back(self._lent + sum(lent for _, lent in self.ranges))
        self._lent = 0
        for call, _ in self.ranges:
            call.cancel()
        self.ranges.clear()


def begun(call: Awaitable[T]) -> asyncio.Future[T]:
    """The call under way. obstore's calls are futures already, whatever their annotations say."""
    future = asyncio.ensure_future(call)
    future.add_done_callback(_seen)
    return future


class NoRanges(Exception):
    """The store does not answer ranges as HTTP has it."""


async def _first_range(store: Store, path: str, span: Span, count: int) -> Any:
    """The answer that begins the span; None if the object has no byte in it. Raises what the store's
    client raises, and NoRanges."""
    stop = span.start + count if span.stop is None else min(span.stop, span.start + count)
    if span.start < stop:
        try:
            return await obstore.get_async(store, path, options={"range": (span.start, stop)})
        except BaseError as error:
            if NOT_PARTIAL in str(error):
                raise NoRanges from error
            if not NOTHING_THERE.search(str(error)):
                raise
    await obstore.head_async(store, path)
    return None


async def _skimmed(store: Store, path: str, span: Span) -> AsyncGenerator[bytes, None]:
    """The same out of the whole object, read from its beginning, within the timeout of one request."""
    with store_errors():
        chunks = (await obstore.get_async(store, path)).stream(min_chunk_size=CHUNK)
    begin = 0
    while span.stop is None or begin < span.stop:
        with store_errors():
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        wanted = chunk[max(span.start - begin, 0) : None if span.stop is None else span.stop - begin]
        begin += len(chunk)
        if wanted:
            yield wanted


def _seen(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
