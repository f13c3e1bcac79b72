"""Moving house: everything from one pair of stores into another, bytes first, facts second.

May be broken off at any time and begun again: what has arrived is not sent twice. Blobs keep
their keys. Both services are stopped meanwhile; what was handed to the garbage stays behind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from heavylift.domain import checksums
from heavylift.domain.ids import new_blob_key
from heavylift.service.facts import Fact, MovesFacts, Table
from heavylift.service.ownership import claim, hand_over
from heavylift.service.ports import BlobMissing, BlobStore, Buffer, Catalog, StorageDown

STEP = 500
"""Rows at a time."""

TOGETHER = 4
"""Blobs under way at once: they hide each other's latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A pair of stores that facts can move from and to."""

    catalog: Catalog
    blobs: BlobStore


class NameTaken(Exception):
    """The new catalog has another project of the same name. Says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far it is. `bytes` of `total` are in the new house, `sent` of them in this run."""

    blobs: int = 0
    bytes: int = 0
    total: int = 0
    sent: int = 0


class Move:
    """One run from the old house into the new one. `report` hears of every blob."""

    def __init__(self, old: House, new: House, *, report: Callable[[Moved], None] = lambda _: None) -> None:
        self._old = old
        self._new = new
        self._report = report
        self._moved = Moved()
        self._apart = True

    async def run(self) -> Moved:
        """Move everything, reading each blob back. Raises NameTaken, WrongBlobs, StorageFull, and
        StorageDown: also for bytes that are missing or differ from their checksum."""
        self._apart = await self._are_apart()
        if self._apart:
            await claim(self._new.catalog, self._new.blobs)
        total = 0
        async for parts in self._facts("parts"):
            total += sum(_size(part) for part in parts)
        self._moved = Moved(total=total)
        async for projects in self._facts("projects"):
            await self._load("projects", projects)
        await self._check_names()
        async for parts in self._facts("parts"):
            await self._move_bytes(parts)
            await self._load("parts", parts)
        for table in ("files", "uploads", "keys"):
            async for facts in self._facts(table):
                await self._load(table, facts)
        if not self._apart:  # last: until now the old catalog was the whole one
            await hand_over(self._new.catalog, self._new.blobs)
        return self._moved

    async def _are_apart(self) -> bool:
        """Whether blobs have to move: two URLs may name one store, whose bytes then stay as they are."""
        key = new_blob_key()
        await self._new.blobs.write(key, _probe())
        try:
            async with aclosing(self._old.blobs.read(key)) as chunks:
                return not [chunk async for chunk in chunks]
        except BlobMissing:
            return True
        finally:
            await self._new.blobs.delete([key])

    async def _check_names(self) -> None:
        there = {project.id for project in await self._new.catalog.projects()}
        for project in await self._old.catalog.projects():
            if project.id not in there:
                raise NameTaken(
                    f"the new catalog has a project {project.name!r} of its own: move into an empty catalog,"
                    " before the service is started on it"
                )

    async def _move_bytes(self, parts: Sequence[Fact]) -> None:
        missing = set(await self._new.catalog.orphans([str(part["blob"]) for part in parts]))
        waiting = iter(parts)

        async def work() -> None:
            for part in waiting:  # shared: each part is taken by one of the workers
                sent = str(part["blob"]) in missing
                if sent:
                    await self._move_blob(str(part["blob"]), _size(part), int(str(part["checksum"]), 16))
                self._count(_size(part), sent=sent)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(TOGETHER):
                    group.create_task(work())
        except* Exception as failures:
            raise failures.exceptions[0] from None

    async def _move_blob(self, key: str, size: int, checksum: int) -> None:
        try:
            if self._apart:
                await self._new.blobs.delete([key])  # what a run that was broken off left without its facts
                await self._new.blobs.write(key, _checked(self._old.blobs, key, size, checksum, "old"))
            async for _ in _checked(self._new.blobs, key, size, checksum, "new"):
                pass
        except BlobMissing as error:
            raise StorageDown(
                f"the bytes of blob {key} are missing in a store whose catalog has it"
            ) from error

    def _count(self, size: int, *, sent: bool) -> None:
        moved = self._moved
        self._moved = Moved(
            blobs=moved.blobs + 1, bytes=moved.bytes + size, total=moved.total, sent=moved.sent + size * sent
        )
        self._report(self._moved)

    async def _facts(self, table: Table) -> AsyncIterator[list[Fact]]:
        after = ""
        while facts := await _mover(self._old).dump(table, after=after, limit=STEP):
            yield facts
            after = str(facts[-1]["id"])

    async def _load(self, table: Table, facts: Sequence[Fact]) -> None:
        await _mover(self._new).load(table, facts)


async def _checked(blobs: BlobStore, key: str, size: int, checksum: int, which: str) -> AsyncIterator[Buffer]:
    """The blob's bytes. Raises StorageDown at their end if they are not what the catalog knows."""
    seen, crc = 0, checksums.EMPTY
    async with aclosing(blobs.read(key)) as chunks:
        async for chunk in chunks:
            seen += len(chunk)
            crc = checksums.extend(crc, chunk)
            yield chunk
    if (seen, crc) != (size, checksum):
        raise StorageDown(
            f"blob {key} in the {which} store differs from its checksum: it has {seen} bytes of {size}"
        )


async def _probe() -> AsyncIterator[Buffer]:
    yield b"heavylift"


def _mover(house: House) -> MovesFacts:
    assert isinstance(house.catalog, MovesFacts)
    return house.catalog


def _size(part: Fact) -> int:
    return int(part["bytes"] or 0)
