"""A body becomes a blob: pulled through the event loop, or poured past it where both ends can."""

from collections.abc import Sequence

from heavylift.service.abilities import OpensSinks, Sink
from heavylift.service.meter import Meter, metered
from heavylift.service.ports import BlobStore, Buffer, Incoming, Take


async def store_blob(blobs: BlobStore, key: str, incoming: Incoming, meter: Meter) -> None:
    """Store the body under `key` while `meter` watches. Whole and durable on return, absent on a refusal."""
    if incoming.pour is None or not isinstance(blobs, OpensSinks):
        await blobs.write(key, metered(incoming.chunks, meter))
        return
    sink = blobs.open_sink(key)
    try:
        await incoming.pour(_into(sink, meter))
        meter.finish()
        await blobs.end_sink(sink.commit)
    except BaseException:
        await blobs.end_sink(sink.abort)
        raise


def _into(sink: Sink, meter: Meter) -> Take:
    def take(pieces: Sequence[Buffer]) -> None:
        for piece in pieces:
            meter.update(piece)
        if pieces:
            sink.write(pieces)

    return take
