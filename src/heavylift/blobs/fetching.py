"""Reading an object: range after range, a few of them ahead of the reader."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from heavylift.blobs.room import Shares
from heavylift.blobs.storeerrors import store_errors
from heavylift.domain.files import Span

T = TypeVar("T")

Store = S3Store | GCSStore | AzureStore

RANGE = 4 * 1024 * 1024
"""Bytes of one ranged GET. A whole object in one answer would have to be read within the time-out
of a request, however slow the client that it is for; a range is at hand at once."""

LEAST_RANGE = 512 * 1024
"""Bytes of one ranged GET where very many read at once."""

AHEAD = 2
"""Ranges under way while one is read: enough to hide the store's latency behind the transfer."""

CHUNK = 256 * 1024
"""Bytes of one chunk of a read, as from the disk."""

NOTHING_THERE = re.compile(r"\b416\b|InvalidRange|Wanted range")
"""How stores, and their client, say that an object has no byte in a range."""

NOT_PARTIAL = "non-partial response"
"""How the client says that a store answered a range as it would the whole."""


async def fetch(store: Store, path: str, span: Span, *, shares: Shares) -> AsyncGenerator[bytes, None]:
    """The object's bytes in that span. Raises BlobMissing before the first, StorageDown at any time."""
    with shares:
        async with aclosing(_fetched(store, path, span, shares)) as chunks:
            async for chunk in chunks:
                yield chunk


async def _fetched(store: Store, path: str, span: Span, shares: Shares) -> AsyncGenerator[bytes, None]:
    try:
        with store_errors():
            first = await _first_range(store, path, span, shares.size(1 + AHEAD))
    except NoRanges:
        async with aclosing(_skimmed(store, path, span)) as chunks:
            async for chunk in chunks:
                yield chunk
        return
    if first is None:
        return
    size = first.meta["size"]
    rest = _ranges(first.range[1], size if span.stop is None else min(span.stop, size), shares)
    under_way = deque([begun(first.bytes_async())])
    try:
        while under_way:
            while len(under_way) <= AHEAD and (one := next(rest, None)) is not None:
                under_way.append(begun(obstore.get_range_async(store, path, start=one.start, end=one.stop)))
            with store_errors():
                content = memoryview(await under_way[0])
            under_way.popleft()
            for begin in range(0, len(content), CHUNK):
                yield bytes(content[begin : begin + CHUNK])
    finally:
        for call in under_way:
            call.cancel()


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


def _ranges(start: int, stop: int, shares: Shares) -> Iterator[Span]:
    while start < stop:
        end = min(stop, start + shares.size(1 + AHEAD))
        yield Span(start, end)
        start = end


async def _skimmed(store: Store, path: str, span: Span) -> AsyncGenerator[bytes, None]:
    """The same out of the whole object, read from its beginning, within the time-out of one request."""
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
