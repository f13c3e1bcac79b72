"""MD5s of whole files: read once for all who ask, remembered, a few at a time, for nobody who left."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from heavylift.domain import files as file_rules
from heavylift.domain.errors import Overloaded
from heavylift.domain.files import WHOLE, Extent
from heavylift.domain.uploads import Upload
from heavylift.service.content import read_places
from heavylift.service.ports import BlobStore

OF_A_PROCESS: Final = 4
"""Files that are read at once. MD5 makes 0.7 GB/s a core: more would only take turns."""

OF_A_PROJECT: Final = 2
"""Of those, one project's."""

WAITING: Final = 64
"""Of one project, those that wait for their turn included. Each is a request that holds its connection."""

REMEMBERED: Final = 1024

RETRY_AFTER: Final = 10
"""Seconds. A file of 8 GiB takes about so long."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One file that is being read, and how many wait for it."""

    key: str
    task: asyncio.Task[str]
    readers: int = 0


class Digesting:
    """Counts, shares and remembers what costs seconds of a core for a request of 500 bytes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._found: dict[str, str] = {}
        self._readings: dict[str, _Reading] = {}
        self._process = asyncio.Semaphore(OF_A_PROCESS)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._asked: Counter[str] = Counter()

    async def md5(self, upload: Upload, extents: Sequence[Extent]) -> str:
        """The MD5 of these extents of the Upload in a row, in hex. One at a time for an Upload.

        Whoever is cancelled leaves the reading to those who still wait, and ends it if nobody does.
        Raises what reading raises, and Overloaded.
        """
        key = hashlib.sha256("".join(extent.blob for extent in extents).encode()).hexdigest()
        while key not in self._found:
            reading = self._readings.get(upload.id) or self._begin(upload, key, extents)
            if reading.key == key and not reading.task.cancelling():
                await self._wait(reading)
            else:  # of another order of the Parts, or one that everybody has left
                await asyncio.wait([reading.task])
        return self._found[key]

    def _begin(self, upload: Upload, key: str, extents: Sequence[Extent]) -> _Reading:
        if self._asked[upload.project] >= WAITING:
            raise Overloaded(
                f"{WAITING} files of this project wait for their MD5 already. Complete fewer at once, or"
                " without `md5`: every Part has a checksum. Send it again in a moment.",
                retry_after=RETRY_AFTER,
            )
        self._asked[upload.project] += 1
        task = asyncio.create_task(self._read(upload.project, key, extents))
        reading = self._readings[upload.id] = _Reading(key=key, task=task)
        task.add_done_callback(lambda task: self._ended(upload, task))
        return reading

    def _ended(self, upload: Upload, task: asyncio.Task[str]) -> None:
        del self._readings[upload.id]
        self._asked[upload.project] -= 1
        if not self._asked[upload.project]:
            del self._asked[upload.project]
            self._turns.pop(upload.project, None)
        if not task.cancelled():
            task.exception()  # seen, also when everybody has left

    async def _wait(self, reading: _Reading) -> None:
        reading.readers += 1
        try:
            await asyncio.wait([reading.task])
        finally:
            reading.readers -= 1
            if not reading.readers:
                reading.task.cancel()
        if not reading.task.cancelled():
            reading.task.result()

    async def _read(self, project: str, key: str, extents: Sequence[Extent]) -> str:
        turns = self._turns.setdefault(project, asyncio.Semaphore(OF_A_PROJECT))
        async with turns, self._process:
            hasher = hashlib.md5(usedforsecurity=False)
            async for chunk in read_places(self._blobs, file_rules.touched(extents, WHOLE)):
                await asyncio.to_thread(hasher.update, chunk)
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[key] = hasher.hexdigest()
        return self._found[key]
