"""A download fills its own file: range by range, gone on with after an interruption, verified on the disk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel

from heavylift.client import checksums
from heavylift.client.calls import Flow, together, work
from heavylift.client.disk.unfinished import Known, Unfinished
from heavylift.client.errors import CorruptedError, FileChangedError
from heavylift.client.journal import PieceDone, Record
from heavylift.client.stories.landing import Errand, RangeLanding, deliver
from heavylift.client.stories.layout import Layout
from heavylift.client.stories.ranges import Validator, Wanted

REPAIRS: Final = 2
"""How often what the disk gives back otherwise than it was written is fetched again."""


class Fetching(BaseModel):
    """The first line of a download's journal. The ETag is empty until the first range is there."""

    kind: Literal["download"] = "download"
    file: Known
    etag: str
    size: int
    range_size: int


def forget_earlier(record: Record, target: Path) -> None:
    """Remove what the record tells of, and the record. What lies at the target stays under that name."""
    try:
        earlier = record.read(Fetching)
        if earlier is not None:
            known = earlier[0].file
            placed = Unfinished.placed_at(target, known)
            if placed is not None:
                placed.drop_first_name(known)
                placed.close()
            else:
                left = Unfinished.found_in(target.parent, known)
                if left is not None:
                    left.remove()
        record.forget()
    finally:
        record.close()


class Filling:
    """One File on its way into a file of the download's own. `length` is that of all that has come."""

    def __init__(self, errand: Errand, *, folder: Path, record: Record | None, layout: Layout) -> None:
        self._errand = errand
        self._folder = folder
        self._record = record
        self._layout = layout
        self._meter = errand.meter
        self._earlier: tuple[Fetching, list[PieceDone]] | None = None
        self._file: Unfinished | None = None
        self._pieces: dict[int, PieceDone] = {}  # by their offset
        self._validator: Validator | None = None
        self._can_go_on = False

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return sum(piece.length for piece in list(self._pieces.values()))

    @property
    def file(self) -> Unfinished:
        """The file that is filled."""
        assert self._file is not None, "taking stock comes first"
        return self._file

    @property
    def comparable(self) -> bool:
        """Whether the server shows a checksum of the whole."""
        return checksums.comparable(self._errand.file.checksum)

    def _differs(self) -> bool:
        """Whether what is there has another checksum than the server shows."""
        pieces = [self._pieces[offset] for offset in sorted(self._pieces)]
        checksum = checksums.combine((piece.checksum, piece.length) for piece in pieces)
        return self.comparable and not checksums.agrees(self._errand.file.checksum, checksum)

    def is_done_at(self, target: Path) -> Flow[bool]:
        """Whether an earlier run has put the whole File there, and was killed before it could say so. The
        first thing to ask: it reads the journal."""
        done = yield from work(lambda aborted: self._was_put_at(target, aborted))
        if done:
            self._tell_of_earlier()
            self._meter.enter("done")
        return done

    def _tell_of_earlier(self) -> None:
        for piece in self._pieces.values():
            self._meter.resumed(piece.length)

    def _was_put_at(self, target: Path, aborted: Callable[[], bool]) -> bool:
        self._earlier = self._record.read(Fetching) if self._record is not None else None
        if self._record is None or self._earlier is None:
            return False
        self._file = Unfinished.placed_at(target, self._earlier[0].file)
        if self._file is None:
            return False
        try:
            self._keep_what_is_sound(self._earlier[1], aborted)
            if self.length == self._layout.size == self._file.size() and not self._differs():
                self._file.drop_first_name(self._earlier[0].file)
                self._record.forget()
                return True
        finally:
            self._file.close()
        self._file = self._earlier = None  # it was changed since, and is the user's now
        self._pieces.clear()
        return False

    def fetch(self) -> Flow[int]:
        """All bytes into the file; how many of them were there already."""
        self._meter.enter("starting")
        yield from work(self._take_stock)
        self._tell_of_earlier()
        resumed = self.length
        self._meter.enter("transferring")
        try:
            yield from self._fetch_missing()
        except (FileChangedError, CorruptedError) as error:
            if not resumed:
                self._can_go_on &= not isinstance(error, FileChangedError)
                raise
            self._begin_anew()
            resumed = 0
            yield from self._fetch_missing()
        return resumed

    def _take_stock(self, aborted: Callable[[], bool]) -> None:
        """What an earlier run has left, as far as its bytes still have the checksums noted."""
        earlier = self._earlier
        if earlier is not None:
            self._file = Unfinished.found_in(self._folder, earlier[0].file)
        if self._file is not None and earlier is not None and self._is_ours(earlier[0]):
            self._can_go_on = True
            self._validator = Validator(etag=earlier[0].etag)
            self._keep_what_is_sound(earlier[1], aborted)
        if self._file is None:
            known = Known.to_be_made()
            self._note_in_journal(known)
            self._file = Unfinished.made_in(self._folder, known)
        self._note_in_journal(self._file.known)
        self._file.resize(self._layout.size)

    def _keep_what_is_sound(self, pieces: list[PieceDone], aborted: Callable[[], bool]) -> None:
        for piece in pieces:
            if self._fits(piece) and self._lies_there(piece, aborted):
                self._pieces[piece.offset] = piece

    def _is_ours(self, head: Fetching) -> bool:
        return bool(head.etag) and (head.size, head.range_size) == (self._layout.size, self._layout.part_size)

    def _fits(self, piece: PieceDone) -> bool:
        index, odd = divmod(piece.offset, self._layout.part_size)
        known = not odd and 0 <= index < self._layout.count
        return known and self._layout.stretch(index) == (piece.offset, piece.length)

    def _lies_there(self, piece: PieceDone, aborted: Callable[[], bool]) -> bool:
        return self.file.checksum(piece.offset, piece.length, aborted) == piece.checksum

    def _begin_anew(self) -> None:
        """What an earlier run has left is of another state of the File."""
        self._meter.moved(-self.length)
        self._meter.enter("transferring", note="The File is another one now: all of it is fetched anew.")
        self._can_go_on = False
        self._pieces.clear()
        self._validator = None

    def _note_in_journal(self, known: Known) -> None:
        if self._record is not None:
            head = Fetching(
                file=known,
                etag=(self._validator.strong if self._validator is not None else None) or "",
                size=self._layout.size,
                range_size=self._layout.part_size,
            )
            self._record.begin(head, list(self._pieces.values()))

    def _missing(self) -> Iterator[Wanted]:
        if not self._layout.count:
            yield from [] if self._pieces else [self._wanted(0, None)]
        for index in range(self._layout.count):
            offset, length = self._layout.stretch(index)
            if offset not in self._pieces:
                yield self._wanted(offset, offset + length)

    def _wanted(self, start: int, end: int | None) -> Wanted:
        return Wanted(start=start, end=end, total=self._errand.total, validator=self._validator)

    def _fetch_missing(self) -> Flow[None]:
        """One range alone, to learn whether the server knows ranges; then the others at once."""
        missing = self._missing()
        first = next(missing, None)
        if first is None:
            return
        landing = yield from self._fetch(first)
        fit = landing.fit
        assert fit is not None, "it has come"
        self._validator = fit.validator
        if landing.taken < self._layout.size:
            self._can_go_on = self._record is not None and fit.validator.strong is not None
            self._note_in_journal(self.file.known)
            yield from together((self._fetch_one(wanted) for wanted in missing), self._meter.window)

    def _fetch_one(self, wanted: Wanted) -> Flow[None]:
        landing = yield from self._fetch(wanted)
        if self._record is not None and self._can_go_on:
            self._record.add(self._pieces[landing.wanted.start])

    def _fetch(self, wanted: Wanted) -> Flow[RangeLanding]:
        landing = RangeLanding(self.file, wanted)
        yield from deliver(self._errand, landing)
        self._pieces[wanted.start] = PieceDone(
            offset=wanted.start, length=landing.taken, checksum=landing.checksum
        )
        return landing

    def finish(self, target: Path, *, overwrite: bool) -> Flow[None]:
        """Verify what lies on the disk, let it take its place."""
        self._meter.enter("finishing")
        yield from self._repair()
        if self._differs():
            self._can_go_on = False
            raise CorruptedError(
                f"What arrived of {self._errand.file_id} is not what the server has. Download it again."
            )
        yield from work(lambda aborted: self._settle(target, overwrite=overwrite))
        if self._record is not None:
            self._record.forget()
        self._meter.enter("done")

    def _settle(self, target: Path, *, overwrite: bool) -> None:
        self._note_in_journal(self.file.known)  # all of it: whoever is killed now will know what is there
        self.file.settle(target, overwrite=overwrite)

    def _repair(self) -> Flow[None]:
        """Read the file from the disk, and fetch again what is not as it came."""
        for _ in range(REPAIRS + 1):
            damaged = yield from work(self._damaged)
            if not damaged:
                return
            for piece in damaged:
                self._meter.moved(-piece.length)
                yield from self._fetch(self._wanted(piece.offset, piece.offset + piece.length))
        self._can_go_on = False
        raise CorruptedError(
            f"What was written to {self.file.path} is not what the disk gives back. "
            "Is the disk sound, and does nobody else write there?"
        )

    def _damaged(self, aborted: Callable[[], bool]) -> list[PieceDone]:
        self.file.resize(self.length)
        return [piece for piece in self._pieces.values() if not self._lies_there(piece, aborted)]

    def clean_up_after_failure(self) -> None:
        """What another run can go on with stays; all else is removed."""
        if self._can_go_on and self._record is not None:
            return
        if self._file is not None:
            self._file.remove()
        if self._record is not None:
            self._record.forget()

    def close(self) -> None:
        """Let go of the file and of the journal."""
        if self._file is not None:
            self._file.close()
        if self._record is not None:
            self._record.close()
