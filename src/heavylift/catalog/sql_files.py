"""The transactions of files, and what every list shares."""

import math
from collections.abc import Sequence
from operator import itemgetter

from heavylift.catalog import sql_idempotency
from heavylift.catalog.transactions import Row, Statement, Transaction, ask, for_each
from heavylift.domain import checksums
from heavylift.domain.errors import ProjectFull
from heavylift.domain.files import Extent, File, Place, touched
from heavylift.domain.idempotency import Once
from heavylift.service.ports import NotDone, Page, Wanted

BEFORE_ALL = ""
BEHIND_ALL = "\U0010ffff"
"""Positions in a list, bytewise below and above every id."""


def towards(name: str, page: Page) -> str:
    """The statement's name in the direction of the page."""
    return f"{name}_oldest" if page.ascending else f"{name}_newest"


def cursor(page: Page) -> dict[str, str | int]:
    """The parameters of {page}."""
    start = BEFORE_ALL if page.ascending else BEHIND_ALL
    return {"after": start if page.after is None else page.after, "limit": page.limit}


def find_held(project: str) -> Transaction[int]:
    [row] = yield ask("find_held", project=project)
    return int(row["held"])


def add_file(
    file: File,
    extents: Sequence[Extent],
    once: Once | None = None,
    *,
    bytes_until: float,
    given: float | None,
    project_bytes: int = 0,
) -> Transaction[File]:
    made = None if once is None else (yield from sql_idempotency.take(file.project, once, file.id))
    if made is not None:
        found = yield from find_file(file.project, made, now=file.created_at)
        if found is None:
            raise sql_idempotency.gone(made)
        return found
    if project_bytes and (yield from find_held(file.project)) + file.bytes > project_bytes:
        raise ProjectFull(project_bytes, file.bytes)
    yield insert_file(file.project, file)
    for extent in extents:
        condemned = yield ask("find_condemned", blob=extent.blob, bytes_until=bytes_until, given=given)
        if condemned:
            raise NotDone(f"The bytes of {file.id} were collected as garbage before it was stored.")
    rows = [
        {
            "id": extent.blob,  # no one sees it: a posted file's extents are nobody's Parts
            "project": file.project,
            "upload_id": None,
            "file_id": file.id,
            "position": position,
            "blob": extent.blob,
            "bytes": extent.bytes,
            "checksum": checksums.to_hex(extent.checksum),
            "created_at": file.created_at,
        }
        for position, extent in enumerate(extents)
    ]
    yield for_each("insert_part", rows)
    return file


def find_file(project: str, file_id: str, *, now: float) -> Transaction[File | None]:
    rows = yield ask("find_file", project=project, id=file_id, now=math.floor(now))
    return to_file(rows[0]) if rows else None


def find_content(
    project: str, file_id: str, *, now: float, wanted: Wanted
) -> Transaction[tuple[File, list[Place]] | None]:
    file = yield from find_file(project, file_id, now=now)
    if file is None:
        return None
    span = wanted(file)
    if span is None:
        return file, []
    stop = file.bytes if span.stop is None else min(span.stop, file.bytes)
    if span.start >= stop:
        return file, []
    rows = yield ask("find_extents", project=project, file_id=file_id, start=span.start, stop=stop)
    if not rows:  # it was removed a moment ago
        return None
    rows = sorted(rows, key=itemgetter("begins"))
    return file, list(touched(map(to_extent, rows), span, begin=rows[0]["begins"]))


def list_files(project: str, purpose: str | None, now: float, page: Page) -> Transaction[list[File]]:
    second = math.floor(now)
    if purpose is None:
        rows = yield ask(towards("list_files", page), project=project, now=second, **cursor(page))
    else:
        statement = towards("list_files_of_purpose", page)
        rows = yield ask(statement, project=project, purpose=purpose, now=second, **cursor(page))
    return [to_file(row) for row in rows]


def remove_file(project: str, file_id: str, *, now: float, due: float) -> Transaction[bool]:
    rows = yield ask("delete_file", project=project, id=file_id, now=math.floor(now))
    if not rows:
        return False
    yield from discard_extents(file_id, due=due, why=f"{file_id} was deleted")
    return True


def discard_extents(file_id: str, *, due: float, why: str) -> Transaction[int]:
    """Hand a forgotten file's blobs to the garbage. How many they were."""
    yield ask("discard_file_blobs", file_id=file_id, due=due, why=why)
    dropped = yield ask("drop_file_parts", file_id=file_id)
    yield ask("empty_upload", file_id=file_id)
    return len(dropped)


def insert_file(project: str, file: File) -> Statement:
    return ask(
        "insert_file",
        id=file.id,
        project=project,
        filename=file.filename,
        purpose=file.purpose,
        bytes=file.bytes,
        checksum=checksums.to_hex(file.checksum),
        created_at=file.created_at,
        expires_at=file.expires_at,
    )


def to_file(row: Row) -> File:
    return File(
        id=row["id"],
        project=row["project"],
        filename=row["filename"],
        purpose=row["purpose"],
        bytes=row["bytes"],
        checksum=int(row["checksum"], 16),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def to_extent(row: Row) -> Extent:
    return Extent(blob=row["blob"], bytes=row["bytes"], checksum=int(row["checksum"], 16))
