"""Small blobs that are here whole: several files made in one turn of a thread, when several wait."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from heavylift.blobs.diskfile import DiskSink
from heavylift.service.batching import Batcher, Outcome
from heavylift.service.ports import Buffer, StorageDown, StorageFull

DURABLE_THREADS = 4
"""They wait for the disk, which serves that many syncs in about the time of one."""

MOST = 64
"""Files of one turn."""

DURABLE_MOST = 2
"""When each waits for the disk, a long turn keeps the first of it waiting for the last."""


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
        self._batcher: Batcher[SmallBlob] = Batcher(
            self._write_all,
            name="blobs-small",
            closed="the blob store is closed",
            threads=DURABLE_THREADS if durable else 1,
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

    def _write_all(self, blobs: Sequence[SmallBlob]) -> list[Outcome]:
        reserve = 0 if self._all_fit(blobs) else self._reserve
        return [self._write(blob, reserve) for blob in blobs]

    def _write(self, blob: SmallBlob, reserve: int) -> Outcome:
        sink = DiskSink(blob.path, durable=self._durable, reserve=reserve)
        try:
            sink.commit(blob.pieces)
        except Exception as error:
            try:
                sink.abort()
            except (StorageDown, StorageFull) as left:
                error.add_note(f"What was written is still there, for the sweeper to find: {left}")
            return Outcome(error=error)
        return Outcome()

    def _all_fit(self, blobs: Sequence[SmallBlob]) -> bool:
        """Whether there is room for all of them. One question to the disk, where each would ask its own."""
        try:
            disk = os.statvfs(self._root)
        except OSError:
            return False  # each asks for itself, and is answered with the reason
        block = disk.f_frsize
        wanted = sum(-(-sum(map(len, blob.pieces)) // block) * block for blob in blobs)
        return disk.f_bavail * block >= self._reserve + wanted
