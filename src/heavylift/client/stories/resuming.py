"""Finding out how far an earlier upload came: what the server has, compared with the local file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from heavylift.client import checksums
from heavylift.client.calls import Flow, work
from heavylift.client.errors import MethodNotAllowedError, NotFoundError, RequestAbortedError
from heavylift.client.journal import PieceDone
from heavylift.client.models import Upload, UploadPart
from heavylift.client.operations.uploads import get_upload, list_upload_parts
from heavylift.client.options import RequestOptions
from heavylift.client.sources import Local, blocks
from heavylift.client.stories.layout import Layout

Standing: TypeAlias = Upload | Literal["gone", "untold"]
"""The Upload; or that there is none; or that this server has no operation to ask with."""


def look_up(upload_id: str, options: RequestOptions) -> Flow[Standing]:
    """How the Upload stands."""
    try:
        return (yield from get_upload(upload_id=upload_id, options=options))
    except MethodNotAllowedError:
        return "untold"
    except NotFoundError as error:
        return "gone" if error.code == "upload_not_found" or error.param == "upload_id" else "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A Part that has arrived, by what can be compared with the local file."""

    part_id: str
    length: int
    checksum: str


def parts_on_server(upload_id: str, options: RequestOptions) -> Flow[list[Arrived]]:
    """All Parts that the server lists with size and checksum."""
    parts: list[UploadPart] = []
    after: str | None = None
    while True:
        page = yield from list_upload_parts(upload_id=upload_id, after=after, options=options)
        parts.extend(page.data)
        if not page.has_more or not page.data or page.data[-1].id == after:
            return list(_comparable(parts))
        after = page.data[-1].id


def _comparable(parts: Iterable[UploadPart]) -> Iterator[Arrived]:
    for part in parts:
        if part.bytes is not None and part.checksum is not None and checksums.comparable(part.checksum):
            yield Arrived(part_id=part.id, length=part.bytes, checksum=part.checksum.lower())


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


def same_content(local: Local, upload: Upload) -> Flow[bool]:
    """Whether the completed Upload is of this very file, as far as the server's checksum can tell."""
    shown = upload.file.checksum if upload.file is not None else None
    if upload.bytes != local.size or not checksums.comparable(shown):
        return upload.bytes == local.size
    checksum = yield from work(lambda aborted: _checksum(local, 0, local.size, aborted))
    return checksums.agrees(shown, checksum)


def _checksum(local: Local, offset: int, length: int, aborted: Callable[[], bool]) -> int:
    checksum = 0
    for block in blocks(local.slice(offset, length)):
        if aborted():
            raise RequestAbortedError("Given up while comparing the local file")
        checksum = checksums.extend(checksum, block)
    return checksum
