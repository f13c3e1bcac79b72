"""A small body becomes a blob: gathered whole, then handed to the store in one piece."""

from collections.abc import Sequence

from heavylift.service.abilities import TakesWhole
from heavylift.service.meter import Meter
from heavylift.service.ports import Buffer, Pour


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
