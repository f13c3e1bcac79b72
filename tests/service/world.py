"""The stories over real drivers, with a clock set by hand, and what must hold after each of them."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from heavylift.blobs import open_blobs
from heavylift.catalog import open_catalog
from heavylift.domain.files import WHOLE, File, Span
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import PURPOSES, Checks, Purpose
from heavylift.domain.uploads import Part, Upload
from heavylift.service.files import Description, Files
from heavylift.service.keys import Keys
from heavylift.service.meter import Meter
from heavylift.service.ports import Incoming, Page
from heavylift.service.sweeper import Schedule, Sweeper, Swept
from heavylift.service.timekeeping import Numbering
from heavylift.service.uploads import Snapshot, Uploads
from tests.fakes import PATIENCE, Gated, HandClock

OURS, THEIRS = "proj_ours", "proj_theirs"
ALL = Page(limit=100_000)
LONG = 10**9

LIMITS = Limits(part_bytes=1000, upload_bytes=5000, held_bytes=6000, parts=20, file_bytes=3000)

SCHEDULE = Schedule(
    interval=60,
    expiry_grace=600,
    delete_grace=60,
    retention=10_000,
    orphan_interval=300,
    orphan_grace=5000,
)


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that arrives in those pieces."""
    for piece in pieces:
        yield piece


class World:
    """One installation in one process. `wakes` counts the nudges that the sweeper got."""

    def __init__(
        self, catalog: Any, blobs: Any, clock: HandClock, *, table: Mapping[str, Purpose] = PURPOSES
    ) -> None:
        self.catalog = Gated(catalog)
        self.blobs = Gated(blobs)
        self.clock = clock
        self.wakes = 0
        shared: Any = {
            "clock": clock,
            "numbering": Numbering(clock),
            "limits": LIMITS,
            "purposes": table,
            "checks": Checks.FULL,
            "delete_grace": SCHEDULE.delete_grace,
            "orphan_grace": SCHEDULE.orphan_grace,
            "wake": self._wake,
        }
        self.uploads = Uploads(self.catalog, self.blobs, ticks=clock, **shared)
        self.files = Files(
            self.catalog,
            self.blobs,
            closed_purposes=frozenset({"vision"}),
            **shared,
        )
        self.keys = Keys(self.catalog, clock=clock, ticks=clock)
        self.complaints: list[Exception] = []
        self.sweeper = Sweeper(
            self.catalog, self.blobs, clock=clock, schedule=SCHEDULE, complain=self.complaints.append
        )

    def _wake(self) -> None:
        self.wakes += 1

    # short ways to say things

    async def open(self, size: int = 10, *, project: str = OURS, lifetime: int | None = None) -> str:
        """A new Upload's id."""
        snapshot = await self.uploads.create(
            project,
            filename="a.bin",
            purpose="user_data",
            bytes=size,
            mime_type="application/octet-stream",
            lifetime=lifetime,
        )
        return snapshot.upload.id

    async def part(self, upload_id: str, *pieces: bytes, project: str = OURS) -> Part:
        """A new Part of it."""
        return await self.add(upload_id, stream(*pieces), project=project)

    async def add(
        self,
        upload_id: str,
        chunks: AsyncIterable[bytes],
        *,
        project: str = OURS,
        at_least: int = 0,
        meter: Meter | None = None,
    ) -> Part:
        """A new Part out of a body that is pulled."""
        return await self.uploads.add_part(
            project, upload_id, Incoming(chunks=chunks), at_least=at_least, meter=meter
        )

    async def complete(self, upload_id: str, parts: Iterable[Part], md5: str | None = None) -> Snapshot:
        """Complete it with those Parts."""
        return await self.uploads.complete(OURS, upload_id, part_ids=[part.id for part in parts], md5=md5)

    async def post(
        self,
        *pieces: bytes,
        purpose: str = "user_data",
        filename: str = "b.png",
        lifetime: int | None = None,
        project: str = OURS,
    ) -> File:
        """A posted File."""
        description = Description(filename=filename, purpose=purpose, lifetime=lifetime)
        return await self.files.create(project, stream(*pieces), lambda: description)

    async def upload(self, upload_id: str) -> Upload:
        """What the catalog stores of it."""
        return (await self.uploads.retrieve(OURS, upload_id)).upload

    async def content(self, file_id: str, span: Span = WHOLE) -> bytes:
        """A File's bytes."""
        _, places = await self.files.content(OURS, file_id, lambda _: span)
        async with aclosing(self.files.read(places)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def sweep(self) -> Swept:
        """One round."""
        return await self.sweeper.round()

    async def sweep_due(self) -> Swept:
        """One round, when what was dropped a moment ago may go."""
        self.clock.advance(SCHEDULE.delete_grace)
        return await self.sweep()

    # what is there

    async def stored(self) -> set[str]:
        """Every blob that has bytes."""
        return {key async for key in self.blobs.port.older_than(self.clock.now + LONG)}

    async def condemned(self) -> set[str]:
        """Every blob in the garbage."""
        return set(await self.catalog.port.garbage(due=self.clock.now + LONG, limit=LONG))

    async def pointed_at(self) -> set[str]:
        """Every blob that a Part or a File points at, found by asking as clients do, expired Files too."""
        blobs: set[str] = set()
        for project in (OURS, THEIRS):
            for upload in await self.catalog.port.uploads(project, status=None, now=0, page=ALL):
                blobs |= {part.extent.blob for part in await self.catalog.port.parts(project, upload.id)}
            for file in await self.catalog.port.files(project, purpose=None, now=0, page=ALL):
                found = await self.catalog.port.content(project, file.id, now=0, wanted=lambda _: WHOLE)
                blobs |= {extent.blob for extent, _ in found[1]}
        return blobs

    async def check(self) -> set[str]:
        """What must always hold. The blobs that are neither pointed at nor condemned."""
        stored, condemned, pointed = (
            await self.stored(),
            await self.condemned(),
            await self.pointed_at(),
        )
        assert pointed <= stored, "a fact points at bytes that are gone"
        assert not pointed & condemned, "a blob is referenced and in the garbage"
        assert set(await self.catalog.port.orphans(stored)) == stored - pointed - condemned
        return stored - pointed - condemned

    async def check_tidy(self) -> None:
        """As `check`, and no bytes lie about that nothing knows of."""
        assert await self.check() == set()

    async def check_empty(self) -> None:
        """Nothing is stored, nothing waits to be deleted."""
        assert await self.stored() == set()
        assert await self.condemned() == set()
        assert await self.pointed_at() == set()


@asynccontextmanager
async def world_at(blobs_url: str, *, table: Mapping[str, Purpose] = PURPOSES) -> AsyncIterator[World]:
    """A world of its own, closed in the end."""
    clock = HandClock(float(int(time.time())) + 0.25)  # a disk's own times go with the real clock
    catalog = open_catalog("sqlite://", clock=clock)
    blobs = open_blobs(blobs_url, durable=False, reserve=0, clock=clock)
    try:
        world = World(catalog, blobs, clock, table=table)
        await world.sweep()  # as a service does at its start: the first search deletes nothing
        yield world
    finally:
        await blobs.close()
        await catalog.close()


def url_of(kind: str, folder: Path) -> str:
    """The URL of a blob store of that kind."""
    return "memory:" if kind == "memory" else f"file://{folder / 'blobs'}"


def md5_of(*pieces: bytes) -> str:
    """In hex."""
    return hashlib.md5(b"".join(pieces)).hexdigest()


async def soon(awaitable: Any) -> Any:
    """Its result, within a bound."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def outcomes(*tasks: "asyncio.Task[Any]") -> Sequence[Any]:
    """How those tasks ended, results and exceptions alike, within a bound."""
    return await soon(asyncio.gather(*tasks, return_exceptions=True))
