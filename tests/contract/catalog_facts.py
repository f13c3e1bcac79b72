"""Facts to put into a catalog under test, and what must hold whatever was done to it."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from heavylift.domain import files, ids
from heavylift.domain.files import WHOLE, Extent, File, Span
from heavylift.domain.uploads import Part, Upload
from heavylift.service.ports import Catalog, Page

NOW = 1_790_000_000.25
"""The tests' time: not a whole second, as real ones are not."""

DEADLINE = int(NOW) + 3600
MINE = "proj_mine"
THEIRS = "proj_theirs"
ALL = Page(limit=10_000)
ROOM: dict[str, Any] = {
    "judged_at": NOW,
    "bytes_until": float("inf"),
    "held_bytes": 2**40,
    "held_parts": 10_000,
    "project_bytes": 2**40,
}
FOREVER = float("inf")

_ticks = itertools.count(1)


def tick() -> float:
    """A moment later than all before it, so that ids sort as they were made."""
    return NOW + next(_ticks) / 1_000_000


def new_upload(project: str = MINE, **fields: Any) -> Upload:
    upload = Upload(
        id=ids.new_id(ids.UPLOAD, now=tick()),
        project=project,
        filename="corpus – №7.jsonl",
        purpose="fine-tune",
        mime_type="text/jsonl",
        bytes=8 * 2**30,
        created_at=int(NOW),
        expires_at=DEADLINE,
        file_lifetime=86_400,
    )
    return replace(upload, **fields)


def new_extent(size: int = 100) -> Extent:
    """A checksum over 2**63 is one in two: it must come back as it went in."""
    return Extent(blob=ids.new_blob_key(), bytes=size, checksum=(1 << 63) + next(_ticks))


def new_part(upload: Upload, size: int = 100) -> Part:
    part_id = ids.new_id(ids.PART, now=tick())
    return Part(id=part_id, upload_id=upload.id, created_at=int(NOW), extent=new_extent(size))


def new_file(extents: Sequence[Extent], project: str = MINE, **fields: Any) -> File:
    file = File(
        id=ids.new_id(ids.FILE, now=tick()),
        project=project,
        filename="corpus – №7.jsonl",
        purpose="fine-tune",
        bytes=sum(extent.bytes for extent in extents),
        checksum=files.checksum_of(extents),
        created_at=int(NOW),
    )
    return replace(file, **fields)


def blobs_of(parts: Collection[Part]) -> list[str]:
    return [part.extent.blob for part in parts]


async def stored_upload(catalog: Catalog, *sizes: int, project: str = MINE) -> tuple[Upload, list[Part]]:
    """A pending Upload with Parts of those sizes."""
    upload = new_upload(project)
    await catalog.add_upload(upload)
    parts = [new_part(upload, size) for size in sizes]
    for part in parts:
        assert await catalog.add_part(project, part, **ROOM)
    found = await catalog.upload(project, upload.id)
    assert found is not None
    return found, parts


async def finish(catalog: Catalog, upload: Upload, parts: Sequence[Part], **fields: Any) -> File | None:
    """Complete the Upload out of those Parts. The File, or None if that was refused."""
    extents = [part.extent for part in parts]
    file = new_file(extents, project=upload.project, **fields)
    completed = await catalog.complete(
        upload.project, upload.id, file=file, extents=extents, receipt="r" * 64, judged_at=NOW, due=0
    )
    return file if completed else None


async def stored_file(catalog: Catalog, *sizes: int, project: str = MINE, **fields: Any) -> File:
    """A posted File."""
    extents = [new_extent(size) for size in sizes or (100,)]
    file = new_file(extents, project=project, **fields)
    await catalog.add_file(file, extents, bytes_until=FOREVER)
    return file


def all_of_it(_: File) -> Span:
    """Wanted of a File: every byte."""
    return WHOLE


async def extents_of(catalog: Catalog, file_id: str, *, project: str = MINE) -> list[Extent]:
    """What a File consists of, its time over or not; nothing for an unknown one."""
    found = await catalog.content(project, file_id, now=0, wanted=all_of_it)
    return [extent for extent, _ in found[1]] if found else []


async def in_garbage(catalog: Catalog, due: float = FOREVER) -> set[str]:
    return set(await catalog.garbage(due=due, limit=10**6))


async def pointed_at(catalog: Catalog) -> set[str]:
    """Every blob of a Part or a File, of both projects."""
    blobs: set[str] = set()
    for project in (MINE, THEIRS):
        for upload in await catalog.uploads(project, status=None, now=NOW, page=ALL):
            blobs |= set(blobs_of(await catalog.parts(project, upload.id)))
        for file in await catalog.files(project, purpose=None, now=0, page=ALL):
            blobs |= {extent.blob for extent in await extents_of(catalog, file.id, project=project)}
    return blobs


async def assert_no_blob_lost(
    catalog: Catalog, stored: Collection[str], *, forgotten: Collection[str] = ()
) -> None:
    """Every blob that a fact ever pointed at is pointed at still, or in the garbage, or was forgotten."""
    referenced, garbage = await pointed_at(catalog), await in_garbage(catalog)
    assert not referenced & garbage, "a fact points at bytes that are about to be deleted"
    assert set(stored) - referenced - garbage == set(forgotten), "bytes that nobody will ever delete"
    assert set(await catalog.orphans(stored)) == set(forgotten)


async def assert_counts_true(catalog: Catalog, upload: Upload) -> Upload:
    """What the Upload says it holds is what it holds. The Upload as it is now."""
    found = await catalog.upload(upload.project, upload.id)
    assert found is not None
    held = await catalog.parts(upload.project, upload.id)
    assert found.held_parts == len(held)
    assert found.held_bytes == sum(part.extent.bytes for part in held)
    return found
