"""The whole story of a download: in ranges, several at once, resumed, verified, and put in place whole."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from heavylift.client import checksums
from heavylift.client.calls import Flow, surroundings, together, work
from heavylift.client.errors import CorruptedError, FileChangedError
from heavylift.client.journal import PieceDone, Record, open_record, record_name
from heavylift.client.models import DownloadedFile, File
from heavylift.client.operations.files import fetch_content, retrieve_file
from heavylift.client.operations.wire import Arguments, checked, given
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Meter, OnProgress
from heavylift.client.sources import FileSlice, blocks
from heavylift.client.stories.layout import MIB, Layout
from heavylift.client.window import Window

RANGE_SIZE: Final = 16 * MIB
"""Bytes asked for at once: what is lost at most when a connection breaks."""


class Fetching(BaseModel):
    """The first line of a download's journal."""

    kind: Literal["download"] = "download"
    etag: str
    size: int
    range_size: int


class DownloadArguments(Arguments):
    """What is checked before anything is asked."""

    max_concurrency: Annotated[int, Field(ge=1, le=64)]
    range_size: Annotated[int, Field(ge=1)]


def download_file(
    *,
    file_id: str,
    to: str | os.PathLike[str],
    max_concurrency: int = 4,
    range_size: int = RANGE_SIZE,
    resume: bool = True,
    on_progress: OnProgress | None = None,
    options: RequestOptions | None = None,
) -> Flow[DownloadedFile]:
    """Download a File to a path, or into a directory under the File's own name.

    The bytes are gathered beside it in a `.part` file, compared with the server's checksum where
    it shows one, and put in place at once: a file of that name is replaced or left as it was.
    An interrupted download is gone on with by the same call. Raises CorruptedError when the
    bytes are not those of the File, and OSError for the local file.
    """
    checked(DownloadArguments, max_concurrency=max_concurrency, range_size=range_size)
    setting = yield from surroundings()
    file = yield from retrieve_file(file_id=file_id, options=options)
    target = _target(to, file)
    name = record_name("download", setting.server_url, file_id, os.path.realpath(target))
    record = open_record(setting.state_folder / "transfers", name) if resume else None
    layout = Layout(size=file.bytes, part_size=range_size)
    window = Window(most=max_concurrency, clock=setting.clock)
    meter = Meter(
        id=file.id,
        total=file.bytes,
        parts=layout.count,
        clock=setting.clock,
        report=on_progress,
        window=window,
    )
    suffix = "part" if record is not None else f"{token_hex(4)}.part"
    story = _Download(
        file=file,
        part=Path(f"{target}.{suffix}"),
        record=record,
        options=given(options),
        layout=layout,
        meter=meter,
    )
    try:
        resumed = yield from story.fetch()
        verified = yield from story.finish(target)
    except GeneratorExit:
        raise
    except BaseException:
        story.clean_up_after_failure()
        raise
    finally:
        if record is not None:
            record.close()
    return DownloadedFile(
        path=str(target), bytes=file.bytes, file=file, verified=verified, resumed_bytes=resumed
    )


def _target(to: str | os.PathLike[str], file: File) -> Path:
    """Where it goes. A server's file name never leads out of the directory."""
    path = Path(to)
    if not path.is_dir():
        return path
    name = file.filename.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return path / (name if name not in {"", ".", ".."} else file.id)


class RangeSink:
    """Writes one range to its place. When the server sends the whole instead, all of it from the start."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._path = path
        self._file: FileIO | None = None
        self.offset = offset
        self.length = length
        self.whole = False
        self.etag: str | None = None
        self.taken = 0
        self.checksum = 0

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Raises CorruptedError for another range than the one that was asked for."""
        self.taken = self.checksum = 0
        etag = headers.get("etag", "")
        self.etag = etag if etag.startswith('"') else None
        self.whole = status == 200
        if not self.whole:
            _check_range(status, headers, self.offset, self.length)
        self._file = FileIO(self._path, "r+")
        self._file.seek(0 if self.whole else self.offset)

    def write(self, block: bytes | memoryview) -> None:
        """To the file, and into the checksum."""
        assert self._file is not None, "begin comes first"
        self.checksum = checksums.extend(self.checksum, block)
        self.taken += len(block)
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def end(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _check_range(status: int, headers: Mapping[str, str], offset: int, length: int) -> None:
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("content-range", ""))
    if status != 206 or found is None or (int(found[1]), int(found[2])) != (offset, offset + length - 1):
        raise CorruptedError(
            f"Asked for bytes {offset}-{offset + length - 1}, the server answered {status} with "
            f"{headers.get('content-range', 'no range')!r}. Something on the way to the server is at fault."
        )


class _Download:
    """One File on its way here."""

    def __init__(
        self,
        *,
        file: File,
        part: Path,
        record: Record | None,
        options: RequestOptions,
        layout: Layout,
        meter: Meter,
    ) -> None:
        self._file = file
        self._part = part
        self._record = record
        self._options = options
        self._meter = meter
        self._layout = layout
        self._pieces: dict[int, PieceDone] = {}
        self._etag: str | None = None
        self._can_go_on = False

    def fetch(self) -> Flow[int]:
        """All bytes into the `.part` file; how many of them were there already."""
        self._meter.enter("starting")
        yield from work(self._take_stock)
        for piece in self._pieces.values():
            self._meter.resumed(piece.length)
        resumed = sum(piece.length for piece in self._pieces.values())
        self._meter.enter("transferring")
        missing = [index for index in range(self._layout.count) if index not in self._pieces]
        if missing and not (yield from self._fetch_first(missing[0])):
            return 0
        yield from together((self._fetch_range(index) for index in missing[1:]), self._meter.window)
        return resumed

    def _take_stock(self, aborted: Callable[[], bool]) -> None:
        """What an earlier run has left, as far as its bytes still have the checksums noted."""
        self._part.touch()
        earlier = self._record.read(Fetching) if self._record is not None else None
        if earlier is not None and _layout_of(earlier[0]) == self._layout:
            self._etag = earlier[0].etag
            self._can_go_on = True
            there = self._part.stat().st_size
            for piece in earlier[1]:
                if piece.offset + piece.length <= there and _checksum(self._part, piece) == piece.checksum:
                    self._pieces[piece.offset // self._layout.part_size] = piece
        os.truncate(self._part, self._file.bytes)

    def _fetch_first(self, index: int) -> Flow[bool]:
        """One range alone, to learn whether the server knows ranges. False: it sent the whole File."""
        sink = yield from self._fetch(index)
        if sink.whole:
            self._can_go_on = False
            self._pieces = {0: PieceDone(offset=0, length=sink.taken, checksum=sink.checksum)}
            return False
        if self._etag is not None and sink.etag != self._etag:
            self._can_go_on = False
            raise self._changed()
        self._etag = sink.etag
        self._note(index, sink)
        if self._record is not None and self._etag is not None:
            head = Fetching(etag=self._etag, size=self._file.bytes, range_size=self._layout.part_size)
            self._record.begin(head, list(self._pieces.values()))
            self._can_go_on = True
        return True

    def _fetch_range(self, index: int) -> Flow[None]:
        sink = yield from self._fetch(index)
        if sink.whole or sink.etag != self._etag:
            raise FileChangedError(
                f"{self._file.id} was changed on the server while it was being downloaded."
            )
        self._note(index, sink)
        if self._record is not None and self._can_go_on:
            self._record.add(self._pieces[index])

    def _changed(self) -> FileChangedError:
        return FileChangedError(f"{self._file.id} was changed on the server. Download it again.")

    def _note(self, index: int, sink: RangeSink) -> None:
        self._pieces[index] = PieceDone(offset=sink.offset, length=sink.taken, checksum=sink.checksum)

    def _fetch(self, index: int) -> Flow[RangeSink]:
        offset, length = self._layout.stretch(index)
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        if self._etag is not None:
            headers["If-Range"] = self._etag
        sink = RangeSink(self._part, offset, length)
        self._meter.part_begun()
        done = False
        try:
            yield from fetch_content(
                file_id=self._file.id, headers=headers, sink=sink, watch=self._meter, options=self._options
            )
            if not sink.whole and sink.taken != length:
                raise CorruptedError(f"The server sent {sink.taken} bytes for a range of {length}")
            done = True
        finally:
            self._meter.part_ended(done=done)
        return sink

    def finish(self, target: Path) -> Flow[bool]:
        """Compare, make durable, rename. Whether there was a checksum to compare with."""
        self._meter.enter("finishing")
        verified = yield from work(lambda aborted: self._put_in_place(target))
        self._meter.enter("done")
        return verified

    def _put_in_place(self, target: Path) -> bool:
        pieces = list(self._ordered())
        length = sum(piece.length for piece in pieces)
        checksum = checksums.combine((piece.checksum, piece.length) for piece in pieces)
        verified = checksums.comparable(self._file.checksum)
        if length != self._file.bytes or (verified and checksums.show(checksum) != self._file.checksum):
            self._can_go_on = False
            raise CorruptedError(
                f"What arrived of {self._file.id} is not what the server has. Download it again."
            )
        with self._part.open("rb+") as part:
            os.fsync(part.fileno())
        self._part.replace(target)
        if self._record is not None:
            self._record.forget()
        return verified

    def _ordered(self) -> Iterator[PieceDone]:
        for index in sorted(self._pieces):
            yield self._pieces[index]

    def clean_up_after_failure(self) -> None:
        """What another run can go on with stays; all else is removed."""
        if self._can_go_on:
            return
        self._part.unlink(missing_ok=True)
        if self._record is not None:
            self._record.forget()


def _layout_of(head: Fetching) -> Layout:
    return Layout(size=head.size, part_size=head.range_size)


def _checksum(path: Path, piece: PieceDone) -> int:
    checksum = 0
    for block in blocks(FileSlice(str(path), piece.offset, piece.length)):
        checksum = checksums.extend(checksum, block)
    return checksum
