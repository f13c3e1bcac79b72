"""Moving house: everything from one pair of stores into another, bytes first, facts second.

May be broken off at any time and begun again, and run again after the old house was lived in: the
new one becomes what the old one is, row by row, and nothing is said before all of it was compared.
Blobs keep their keys. Both services are stopped meanwhile; what was handed to the garbage stays behind.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from heavylift.domain import checksums
from heavylift.domain.files import WHOLE, Span
from heavylift.domain.ids import new_blob_key
from heavylift.service.facts import Fact, Journey, MovesFacts
from heavylift.service.mirroring import TABLES, Difference, differences, digest, facts, is_empty
from heavylift.service.ownership import BearsMark, claim, hand_over
from heavylift.service.ports import BlobMissing, BlobStore, Buffer, Catalog, StorageDown

TOGETHER = 4
"""Blobs under way at once: they hide each other's latency."""

AT_ONCE = 0.0
"""When the bytes may go of what the old house has no more: nobody reads them here yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A pair of stores that facts can move from and to."""

    catalog: Catalog
    blobs: BlobStore


class LivedIn(Exception):
    """The new catalog has facts of its own, which a move would drop. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far it is. `bytes` of `total` are in the new house, `sent` of them in this run; so many rows were
    `added`, `changed` and `removed` there."""

    blobs: int = 0
    bytes: int = 0
    total: int = 0
    sent: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


class Move:
    """One run from the old house into the new one. `report` hears of every blob.

    `replace`: whatever the new catalog holds, it becomes what the old one is. `reread`: every blob is held
    against its checksum in the end, those too that an earlier run has moved.
    """

    def __init__(
        self,
        old: House,
        new: House,
        *,
        replace: bool = False,
        reread: bool = False,
        report: Callable[[Moved], None] = lambda _: None,
    ) -> None:
        self._old = old
        self._new = new
        self._replace = replace
        self._reread = reread
        self._report = report
        self._blobs = self._bytes = self._total = self._sent = 0
        self._added = self._changed = self._removed = 0
        self._apart = True

    async def run(self) -> Moved:
        """Move everything, reading back each blob that is sent. Raises LivedIn, WrongBlobs, StorageFull, and
        StorageDown: also for bytes that are missing or differ from their checksum."""
        old, new = _mover(self._old), _mover(self._new)
        origin = await self._origin()
        await self._check_free(new, origin)
        self._apart = await self._are_apart()
        if self._apart:
            await claim(self._new.catalog, self._new.blobs, moving=True)
        await new.remember_journey(Journey(came_from=origin, digest=None))
        async for parts in facts(old, "parts"):
            self._total += sum(_size(part) for part in parts)
        await self._remove_surplus(old, new)
        await self._add_missing(old, new)
        await self._verify(old, new)
        if not self._apart:  # last: until now the old catalog was the whole one
            await hand_over(self._new.catalog, self._new.blobs)
        await new.remember_journey(Journey(came_from=origin, digest=await digest(new)))
        return self._moved()

    async def _remove_surplus(self, old: MovesFacts, new: MovesFacts) -> None:
        """First: what is unique there must make room."""
        for table in reversed(TABLES):
            async for found in differences(old, new, table):
                ids = [str(row["id"]) for row in found.surplus]
                if ids:
                    await new.unload(table, ids, due=AT_ONCE)
                self._removed += len(ids)

    async def _add_missing(self, old: MovesFacts, new: MovesFacts) -> None:
        """Bytes first, facts second."""
        for table in TABLES:
            async for found in differences(old, new, table):
                if table == "parts":
                    await _together(self._move_blob, found.missing)
                if found.missing or found.changed:
                    await new.load(table, [*found.missing, *found.changed])
                self._added += len(found.missing)
                self._changed += len(found.changed)

    async def _origin(self) -> str:
        """What tells the old catalog from any other, whatever its schema: no project ever goes."""
        first = await _mover(self._old).dump("projects", after="", limit=1)
        return str(first[0]["id"]) if first else ""

    async def _check_free(self, new: MovesFacts, origin: str) -> None:
        """Raises LivedIn if the new catalog holds what did not come by an earlier move from this old one."""
        if self._replace or await is_empty(new):
            return
        journey = await new.journey()
        if journey is None or journey.came_from not in {"", origin}:
            raise LivedIn(
                "The new catalog has projects and facts of its own, which did not come from the old one and"
                " would be removed. Move into an empty catalog, before the service is started on it; or say"
                " --replace, and it becomes what the old one is."
            )
        if journey.digest not in {None, await digest(new)}:
            raise LivedIn(
                "The new catalog was changed since it was moved into: a service ran on it. To move"
                " again would undo that. Go on with the new one; or say --replace, and it becomes what"
                " the old one is."
            )

    async def _are_apart(self) -> bool:
        """Whether blobs have to move: two URLs may name one store, whose bytes then stay as they are."""
        old, new = self._old.blobs, self._new.blobs
        if isinstance(old, BearsMark) and isinstance(new, BearsMark) and await old.mark() != await new.mark():
            return True
        key = new_blob_key()
        await new.write(key, _probe())
        try:
            async with aclosing(old.read(key)) as chunks:
                return not [chunk async for chunk in chunks]
        except BlobMissing:
            return True
        finally:
            await new.delete([key])

    async def _move_blob(self, part: Fact) -> None:
        """Whatever lies under its key: no row has pointed at it, so nobody knows whether it is whole."""
        key, size, checksum = str(part["blob"]), _size(part), int(str(part["checksum"]), 16)
        try:
            if self._apart:
                await self._new.catalog.forget_garbage([key])
                await self._new.blobs.delete([key])
                await self._new.blobs.write(key, _checked(self._old.blobs, key, size, checksum, "old"))
            async for _ in _checked(self._new.blobs, key, size, checksum, "new"):
                pass
        except BlobMissing as error:
            raise _missing(key) from error
        self._sent += size
        self._blobs += 1
        self._bytes += size
        self._report(self._moved())

    async def _verify(self, old: MovesFacts, new: MovesFacts) -> None:
        """Nothing is said before both catalogs are alike and every blob is there. Raises StorageDown."""
        for table in TABLES:
            async for found in differences(old, new, table):
                if found:
                    raise StorageDown(
                        f"the two catalogs still differ: {_some(found)} of {table}. Does a service run on one"
                        " of them? Stop both, and run it again."
                    )
        self._blobs = self._bytes = 0
        async for parts in facts(new, "parts"):
            await _together(self._check_blob, parts)

    async def _check_blob(self, part: Fact) -> None:
        key, size = str(part["blob"]), _size(part)
        try:
            if self._reread:
                async for _ in _checked(self._new.blobs, key, size, int(str(part["checksum"]), 16), "new"):
                    pass
            else:
                await _check_size(self._new.blobs, key, size)
        except BlobMissing as error:
            raise _missing(key) from error
        self._blobs += 1
        self._bytes += size
        self._report(self._moved())

    def _moved(self) -> Moved:
        return Moved(
            blobs=self._blobs, bytes=self._bytes, total=self._total, sent=self._sent,
            added=self._added, changed=self._changed, removed=self._removed,
        )  # fmt: skip


async def _together(work: Callable[[Fact], Awaitable[None]], rows: Iterable[Fact]) -> None:
    """Do it with each row, a few at once. Raises the first failure."""
    waiting = iter(rows)  # shared: each row is taken by one of the workers

    async def take() -> None:
        for row in waiting:
            await work(row)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(TOGETHER):
                group.create_task(take())
    except* Exception as failures:
        raise failures.exceptions[0] from None


async def _check_size(blobs: BlobStore, key: str, size: int) -> None:
    """By its last byte, and that there is none behind it. Raises BlobMissing, StorageDown."""
    span = Span(size - 1, size + 1) if size else WHOLE
    seen = 0
    async with aclosing(blobs.read(key, span)) as chunks:
        async for chunk in chunks:
            seen += len(chunk)
    if seen != min(size, 1):
        raise StorageDown(f"blob {key} in the new store has not the {size} bytes that the catalog knows")


def _missing(key: str) -> StorageDown:
    return StorageDown(f"the bytes of blob {key} are missing in a store whose catalog has it")


def _some(found: Difference) -> str:
    rows = [*found.missing, *found.surplus, *found.changed]
    return f"{len(rows)} rows, {rows[0]['id']} among them,"


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
