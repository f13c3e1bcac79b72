"""Small blobs that are here whole: several files made in one turn of a thread, when several wait."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from heavylift.blobs.diskfile import DiskSink
from heavylift.service.batching import Batcher, Outcome
from heavylift.service.pool import started_pool
from heavylift.service.ports import Buffer, StorageDown, StorageFull

MOST = 64
"""Files of one turn."""

DURABLE_TURNS = 2
"""While one waits for the disk, the next is prepared."""

DURABLE_MOST = 8
"""Files of one turn where it waits for the disk: the first waits for the last."""

SYNCING = 4
"""Threads that wait for the disk, which serves as many syncs at once in little more than the time of one."""


@dataclass(frozen=True, slots=True)
class SmallBlob:
    """A blob's bytes and the path that is to hold them."""

    path: str
    pieces: Sequence[Buffer]


class SmallBlobs:
    """Writes small blobs below `root`. The other parameters are those of DiskBlobs."""

    def __init__(self, root: str, *, durable: bool, reserve: int) -> None:
        self._root = root
        self._durable = durable
        self._reserve = reserve
        self._syncing = started_pool(SYNCING, name="blobs-sync")
        self._batcher: Batcher[SmallBlob] = Batcher(
            self._write_all,
            name="blobs-small",
            closed="the blob store is closed",
            threads=DURABLE_TURNS if durable else 1,
            most=DURABLE_MOST if durable else MOST,
        )

    def start(self, path: str, pieces: Sequence[Buffer]) -> asyncio.Future[None]:
        """Begin to write a blob, to be waited for by `settled`; if it fails there is no trace of it.

        Raises StorageDown when closed.
        """
        return self._batcher.submit(SmallBlob(path, pieces))

    def close(self) -> None:
        """Finish what has begun. Blocks. Repeatable."""
        self._batcher.close()
        self._syncing.shutdown()

    def _write_all(self, blobs: Sequence[SmallBlob]) -> list[Outcome]:
        reserve = 0 if self._all_fit(blobs) else self._reserve
        sinks = [DiskSink(blob.path, durable=self._durable, reserve=reserve) for blob in blobs]
        begun = [
            (sink, _tried(sink, partial(sink.write, blob.pieces)))
            for sink, blob in zip(sinks, blobs, strict=True)
        ]
        if not self._durable:
            return _commit(begun)
        share = -(-len(begun) // SYNCING)
        shares = [begun[start : start + share] for start in range(0, len(begun), share)]
        return [outcome for outcomes in self._syncing.map(_commit, shares) for outcome in outcomes]

    def _all_fit(self, blobs: Sequence[SmallBlob]) -> bool:
        """Whether there is room for all of them. One question to the disk, where each would ask its own."""
        try:
            disk = os.statvfs(self._root)
        except OSError:
            return False  # each asks for itself, and is answered with the reason
        block = disk.f_frsize
        wanted = sum(-(-sum(map(len, blob.pieces)) // block) * block for blob in blobs)
        return disk.f_bavail * block >= self._reserve + wanted


def _commit(begun: Sequence[tuple[DiskSink, Outcome]]) -> list[Outcome]:
    """How each ended that has been written, or was not."""
    return [written if written.error else _tried(sink, sink.commit) for sink, written in begun]


def _tried(sink: DiskSink, step: Callable[[], None]) -> Outcome:
    """How that step went. If it failed there is no trace of the blob."""
    try:
        step()
    except Exception as error:
        try:
            sink.abort()
        except (StorageDown, StorageFull) as left:
            error.add_note(f"What was written is still there, for the sweeper to find: {left}")
        return Outcome(error=error)
    return Outcome()
