"""The transactions of uploads and their parts."""

import math
from collections.abc import Sequence
from dataclasses import fields

from heavylift.catalog import sql_files, sql_idempotency
from heavylift.catalog.transactions import UNDO, Parameters, Row, Transaction, ask, for_each
from heavylift.domain import checksums
from heavylift.domain.errors import TooManyUploads
from heavylift.domain.files import Extent, File
from heavylift.domain.idempotency import Once
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.ports import Page

NO_DEADLINE = -1
"""Every deadline lies beyond it."""

EVERYTHING = Page(limit=2**31 - 1)

COLUMNS = tuple(field.name for field in fields(Upload))
"""Of an Upload's row: those of its fields."""

STATES = {state.value: state for state in Status}
"""By what stands in the row. To ask the type itself takes twenty times as long."""


def add_upload(upload: Upload, once: Once | None = None, *, open_uploads: int = 0) -> Transaction[Upload]:
    made = None if once is None else (yield from sql_idempotency.take(upload.project, once, upload.id))
    if made is not None:
        found = yield from find_upload(upload.project, made)
        if found is None:
            raise sql_idempotency.gone(made)
        return found
    if open_uploads:
        [found_open] = yield ask(
            "find_open", project=upload.project, now=upload.created_at, most=open_uploads
        )
        if found_open["pending"] >= open_uploads:
            raise TooManyUploads(open_uploads)
    yield ask(
        "insert_upload", **({name: getattr(upload, name) for name in COLUMNS} | {"state": upload.state.value})
    )
    return upload


def find_upload(project: str, upload_id: str) -> Transaction[Upload | None]:
    rows = yield ask("find_upload", project=project, id=upload_id)
    return to_upload(rows[0]) if rows else None


def list_uploads(project: str, status: Status | None, now: float, page: Page) -> Transaction[list[Upload]]:
    cursor = sql_files.cursor(page)
    if status is None:
        rows = yield ask(sql_files.towards("list_uploads", page), project=project, **cursor)
        return [to_upload(row) for row in rows]
    statement = sql_files.towards("list_uploads_in_state", page)
    beyond = math.floor(now) if status is Status.PENDING else NO_DEADLINE
    overdue: list[Row] = []
    if status is Status.EXPIRED:  # the overdue first: one that is expired between the two is in both
        overdue = yield ask(
            sql_files.towards("list_uploads_overdue", page), project=project, now=math.floor(now), **cursor
        )
    rows = yield ask(statement, project=project, state=status.value, beyond=beyond, **cursor)
    return _merged(overdue, rows, page) if overdue else [to_upload(row) for row in rows]


def _merged(some: Sequence[Row], others: Sequence[Row], page: Page) -> list[Upload]:
    """Two walks in the order of the list as one: a statement with both would sort, or read the project."""
    found = {row["id"]: row for row in (*some, *others)}
    order = sorted(found, reverse=not page.ascending)
    return [to_upload(found[one]) for one in order[: page.limit]]


def add_part(
    project: str,
    part: Part,
    *,
    judged_at: float,
    bytes_until: float,
    given: float | None,
    held_bytes: int,
    held_parts: int,
    project_bytes: int = 0,
) -> Transaction[bool]:
    claimed = yield ask(
        "claim_room",
        project=project,
        upload_id=part.upload_id,
        blob=part.extent.blob,
        bytes=part.extent.bytes,
        judged_at=math.floor(judged_at),
        bytes_until=bytes_until,
        given=given,
        most_bytes=held_bytes,
        most_parts=held_parts,
        most_of_project=project_bytes,
    )
    if not claimed:
        return False
    yield ask(
        "insert_part",
        id=part.id,
        project=project,
        upload_id=part.upload_id,
        file_id=None,
        position=None,
        blob=part.extent.blob,
        bytes=part.extent.bytes,
        checksum=checksums.to_hex(part.extent.checksum),
        created_at=part.created_at,
    )
    return True


def list_parts(project: str, upload_id: str, page: Page | None) -> Transaction[list[Part]]:
    page = page or EVERYTHING
    statement = sql_files.towards("list_parts", page)
    rows = yield ask(statement, project=project, upload_id=upload_id, **sql_files.cursor(page))
    return [to_part(row) for row in rows]


def complete(
    project: str,
    upload_id: str,
    *,
    file: File,
    extents: Sequence[Extent],
    receipt: str,
    judged_at: float,
    due: float,
) -> Transaction[bool]:
    completed = yield ask(
        "complete_upload",
        project=project,
        id=upload_id,
        file_id=file.id,
        receipt=receipt,
        held_bytes=sum(extent.bytes for extent in extents),
        held_parts=len(extents),
        judged_at=math.floor(judged_at),
    )
    if not completed:
        return False
    places: list[Parameters] = [
        {"upload_id": upload_id, "blob": extent.blob, "file_id": file.id, "position": position}
        for position, extent in enumerate(extents)
    ]
    yield for_each("place_part", places)
    [count] = yield ask("count_placed", file_id=file.id)
    if count["placed"] != len(extents):
        yield UNDO
        return False
    yield sql_files.insert_file(project, file)
    yield from discard_parts(upload_id, due=due, why=f"{upload_id} was completed without it")
    return True


def cancel(project: str, upload_id: str, *, judged_at: float, due: float) -> Transaction[bool]:
    rows = yield ask("cancel_upload", project=project, id=upload_id, judged_at=math.floor(judged_at))
    if not rows:
        return False
    yield from discard_parts(upload_id, due=due, why=f"{upload_id} was cancelled")
    return True


def discard_parts(upload_id: str, *, due: float, why: str) -> Transaction[int]:
    """Hand the parts that are in no file to the garbage. How many blobs that were."""
    yield ask("discard_unplaced_blobs", upload_id=upload_id, due=due, why=why)
    dropped = yield ask("drop_unplaced_parts", upload_id=upload_id)
    return len(dropped)


def to_upload(row: Row) -> Upload:
    return Upload(
        id=row["id"],
        project=row["project"],
        filename=row["filename"],
        purpose=row["purpose"],
        mime_type=row["mime_type"],
        bytes=row["bytes"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        file_lifetime=row["file_lifetime"],
        state=STATES[row["state"]],
        held_bytes=row["held_bytes"],
        held_parts=row["held_parts"],
        file_id=row["file_id"],
        receipt=row["receipt"],
    )


def to_part(row: Row) -> Part:
    return Part(
        id=row["id"],
        upload_id=row["upload_id"],
        created_at=row["created_at"],
        extent=sql_files.to_extent(row),
    )
