"""A body becomes a blob: pulled through the event loop, or poured past it where both ends can."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from heavylift.service.abilities import OpensSinks, Sink
from heavylift.service.meter import Meter, metered
from heavylift.service.ports import BlobStore, Buffer, Incoming
from heavylift.service.waiting import settled

_committers: Final = ThreadPoolExecutor(16, thread_name_prefix="commit")
"""Threads that wait for the disk, and nothing waits for them. An SSD gains up to about so many at once."""


async def store_blob(blobs: BlobStore, key: str, incoming: Incoming, meter: Meter) -> None:
    """Store the body under `key` while `meter` watches. Whole and durable on return, absent on a refusal."""
    if incoming.pour is None or not isinstance(blobs, OpensSinks):
        await blobs.write(key, metered(incoming.chunks, meter))
        return
    sink = blobs.open_sink(key)
    try:
        await incoming.pour(_into(sink, meter))
        meter.finish()
        await _in_thread(sink.commit)
    except BaseException:
        await _in_thread(sink.abort)
        raise


def _into(sink: Sink, meter: Meter) -> Callable[[Sequence[Buffer]], None]:
    def take(pieces: Sequence[Buffer]) -> None:
        for piece in pieces:
            meter.update(piece)
        if pieces:
            sink.write(pieces)

    return take


async def _in_thread(work: Callable[[], None]) -> None:
    """Waited for to its end: no blob is half committed when the request is cancelled."""
    await settled(asyncio.get_running_loop().run_in_executor(_committers, work))
