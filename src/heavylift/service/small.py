"""A small body becomes a blob: gathered whole, then handed to the store in one piece."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from heavylift.service.meter import Meter
from heavylift.service.ports import Buffer, Pour


@runtime_checkable
class TakesWhole(Protocol):
    """What a BlobStore may offer besides: to store a small blob without the detour of a stream."""

    async def put(self, key: str, pieces: Sequence[Buffer]) -> None:
        """As BlobStore.write, for bytes that are all here. They must not change before it returns."""
        ...


async def store_small(blobs: TakesWhole, key: str, gather: Pour, meter: Meter) -> None:
    """As `intake.store_blob`, where nothing is stored before the whole body is there and found good."""
    pieces: list[Buffer] = []

    def take(more: Sequence[Buffer]) -> None:
        for piece in more:
            meter.update(piece)
        pieces.extend(more)

    await gather(take)
    meter.finish()
    await blobs.put(key, pieces)
