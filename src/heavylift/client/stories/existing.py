"""Which local files are on the server already: the same name, the same size, the same CRC-64."""

from heavylift.client import checksums
from heavylift.client.calls import Flow, work
from heavylift.client.disk.folders import Found
from heavylift.client.errors import NotFoundError
from heavylift.client.models import File, told_bytes
from heavylift.client.operations.files import list_files, retrieve_file
from heavylift.client.options import RequestOptions
from heavylift.client.paging import Cursor
from heavylift.client.sources import FileSlice, blocks

PAGE = 10_000
"""Files of a page: what the protocol allows."""


class Existing:
    """The Files of a purpose that have a checksum, by name and size."""

    def __init__(self) -> None:
        self._by_name: dict[int, list[tuple[str, str]]] = {}

    def learn(self, purpose: str, options: RequestOptions) -> Flow[None]:
        """Ask for all of them, page after page. Not every server filters. Raises what a list raises."""
        cursor = Cursor[File]()
        while cursor.after is not None:
            page = yield from list_files(
                purpose=purpose, limit=PAGE, after=cursor.after.get("after"), options=options
            )
            if cursor.takes(page):
                for file in page.data:
                    shown = file.checksum if file.purpose == purpose else None
                    if shown is not None and checksums.comparable(shown):
                        known = self._by_name.setdefault(hash((file.filename, file.bytes)), [])
                        known.append((shown, file.id))

    def same_as(self, found: Found) -> Flow[File | None]:
        """The File that holds the same. A local file is read only if one has its name and size."""
        known = self._by_name.get(hash((found.name, found.size)))
        if not known:
            return None
        checksum = yield from work(lambda aborted: checksum_of(found.path, found.size))
        for shown, file_id in known:
            if checksums.agrees(shown, checksum):
                return File(id=file_id, bytes=found.size, filename=found.name, checksum=shown)
        return None


def checksum_of(path: str, size: int) -> int:
    """The CRC-64/NVME of the first `size` bytes of a local file. Raises OSError."""
    total = 0
    for block in blocks(FileSlice(path, 0, size)):
        total = checksums.extend(total, block)
    return total


def still_there(file_id: str, size: int, options: RequestOptions) -> Flow[File | None]:
    """The File of that id, unless it was deleted meanwhile."""
    try:
        file = yield from retrieve_file(file_id, options=options)
    except NotFoundError:
        return None
    return file if told_bytes(file) in {None, size} else None
