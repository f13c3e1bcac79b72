"""Finding out how far an earlier upload came: what the server has, compared with the local file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from heavylift.client import checksums
from heavylift.client.calls import Flow, work
from heavylift.client.errors import (
    HeavyliftError,
    RequestAbortedError,
    ResumeError,
    SDKError,
    SDKValidationError,
)
from heavylift.client.journal import PieceDone
from heavylift.client.models import File, Upload, UploadPart, told_bytes
from heavylift.client.operations.files import retrieve_file
from heavylift.client.operations.uploads import get_upload, list_upload_parts
from heavylift.client.options import RequestOptions
from heavylift.client.paging import Cursor
from heavylift.client.sources import Local, blocks
from heavylift.client.stories.endings import ends_upload
from heavylift.client.stories.layout import MOST_PARTS, Layout

_TROUBLE: Final = frozenset({429, 502, 503, 504})
"""Of a server that is there and will answer later."""


@dataclass(frozen=True, slots=True)
class Untold:
    """This server has no operation to ask with, or something before it lets nobody through to it."""

    error: HeavyliftError


Standing: TypeAlias = Upload | Literal["gone"] | Untold
"""The Upload; or that there is none; or that nobody tells."""


def look_up(upload_id: str, options: RequestOptions) -> Flow[Standing]:
    """How the Upload stands. Gateways answer 401, 403, 500, or with a page where they know no route."""
    try:
        return (yield from get_upload(upload_id=upload_id, options=options))
    except SDKError as error:
        if error.status_code in _TROUBLE:
            raise
        of_upload = error.code == "upload_not_found" or error.param == "upload_id"
        if error.status_code == 404 and error.type is not None and of_upload:
            return "gone"
        return Untold(error)
    except SDKValidationError as error:
        if error.raw_message.startswith("Input"):
            raise
        return Untold(error)


def may_be_pending(standing: Standing) -> bool:
    """Whether there is something to cancel."""
    return standing != "gone" and (isinstance(standing, Untold) or standing.status == "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A Part that has arrived, by what can be compared with the local file."""

    part_id: str
    length: int
    checksum: str


def parts_on_server(upload_id: str, options: RequestOptions) -> Flow[list[Arrived]]:
    """All Parts that the server lists, by size and checksum where it shows them. Raises ResumeError for more
    than an Upload has, which would have no end."""
    parts: list[Arrived] = []
    cursor = Cursor[UploadPart]()
    while cursor.after is not None:
        after = cursor.after.get("after")
        page = yield from list_upload_parts(upload_id=upload_id, after=after, options=options)
        if cursor.takes(page):
            parts.extend(_comparable(page.data))
        if len(parts) > MOST_PARTS:
            raise ResumeError(f"The server lists more than {MOST_PARTS} Parts of the Upload {upload_id}")
    return parts


def _comparable(parts: Iterable[UploadPart]) -> Iterator[Arrived]:
    """One that shows no checksum takes a place all the same, and is never the one that is looked for."""
    for part in parts:
        shown = part.checksum if part.checksum is not None and checksums.comparable(part.checksum) else ""
        yield Arrived(part_id=part.id, length=part.bytes or 0, checksum=shown.lower())


def parts_in_journal(pieces: Iterable[PieceDone]) -> list[Arrived]:
    """The same out of our own record, for servers that list nothing."""
    return [
        Arrived(part_id=piece.part_id, length=piece.length, checksum=checksums.show(piece.checksum))
        for piece in pieces
    ]


def verify(local: Local, layout: Layout, arrived: Iterable[Arrived]) -> Flow[dict[int, PieceDone]]:
    """Which stretches of the local file have arrived, by number.

    Every one of them is read and its checksum compared: neither the order of the Parts nor the
    journal's offsets are believed, and a file that was changed only sends what has changed.
    """
    waiting: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for part in arrived:
        if part.checksum:
            waiting[part.length, part.checksum].append(part.part_id)

    def compare(aborted: Callable[[], bool]) -> dict[int, PieceDone]:
        found: dict[int, PieceDone] = {}
        for index in range(layout.count):
            lengths = {length for (length, _), ids in waiting.items() if ids}
            if not lengths:
                break
            offset, length = layout.stretch(index)
            if length not in lengths:
                continue
            checksum = _checksum(local, offset, length, aborted)
            ids = waiting[length, checksums.show(checksum)]
            if ids:
                found[index] = PieceDone(offset=offset, length=length, checksum=checksum, part_id=ids.pop(0))
        return found

    return (yield from work(compare))


def require_done(local: Local, upload: Upload, options: RequestOptions) -> Flow[None]:
    """Whether the completed Upload has become this very file, and that is still there.

    Raises ResumeError for a File that was deleted, that holds something else, or that cannot be compared.
    """
    file = yield from _file_of(upload, options)
    if not checksums.comparable(file.checksum):
        raise ResumeError(f"The Upload {upload.id} is completed, and the server shows no checksum to compare")
    same = told_bytes(file) in {None, local.size}
    if same:
        checksum = yield from work(lambda aborted: _checksum(local, 0, local.size, aborted))
        same = checksums.agrees(file.checksum, checksum)
    if not same:
        raise ResumeError(f"The Upload {upload.id} was completed with other content")


def _file_of(upload: Upload, options: RequestOptions) -> Flow[File]:
    if upload.file is None:
        raise ResumeError(
            f"The Upload {upload.id} is completed, and has no File any more: it was deleted, or has expired"
        )
    try:
        return (yield from retrieve_file(file_id=upload.file.id, options=options))
    except SDKError as error:
        if error.status_code == 404 and ends_upload(error):
            raise ResumeError(
                f"The Upload {upload.id} is completed, but its File {upload.file.id} was deleted since"
            ) from error
        raise


def _checksum(local: Local, offset: int, length: int, aborted: Callable[[], bool]) -> int:
    checksum = 0
    for block in blocks(local.slice(offset, length)):
        if aborted():
            raise RequestAbortedError("Given up while comparing the local file")
        checksum = checksums.extend(checksum, block)
    return checksum
