"""A plain model of uploads and files, and the real stories beside it while time passes."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from heavylift.domain.errors import (
    BytesMismatch,
    DuplicatePart,
    Md5Mismatch,
    NoSuchFile,
    NoSuchUpload,
    PartNotFound,
    Refusal,
    UploadCancelled,
    UploadCompleted,
    UploadExpired,
)
from heavylift.domain.files import Span
from heavylift.domain.uploads import Part, Status
from tests.service.world import ALL, OURS, SCHEDULE, World, md5_of, world_at

CLOSED = {
    Status.COMPLETED: UploadCompleted,
    Status.CANCELLED: UploadCancelled,
    Status.EXPIRED: UploadExpired,
}
HOUR = 3600


@dataclass
class Piece:
    """A Part as the model remembers it."""

    part: Part
    data: bytes


@dataclass
class FileModel:
    """A File as the model remembers it."""

    id: str
    data: bytes
    expires_at: int | None
    deleted: bool = False


@dataclass
class UploadModel:
    """An Upload as the model remembers it."""

    id: str
    size: int
    deadline: int
    lifetime: int | None
    state: Status = Status.PENDING
    pieces: list[Piece] = field(default_factory=list)
    completed_with: tuple[list[str], str | None] | None = None
    file: FileModel | None = None
    forgotten: bool = False


class Stories(RuleBasedStateMachine):
    """Every verb in any order; answers, statuses and contents are those of the model."""

    uploads = Bundle("uploads")
    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.world: World = self.run(self.stack.enter_async_context(world_at("memory:")))
        self.made: list[UploadModel] = []
        self.known: list[FileModel] = []

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def attempt(self, coroutine: Any) -> Any:
        """Its result, or the refusal it ended with."""

        async def attempted() -> Any:
            try:
                return await coroutine
            except Refusal as refusal:
                return refusal

        return self.run(attempted())

    def status(self, upload: UploadModel) -> Status:
        if upload.state is Status.PENDING and self.world.clock.now >= upload.deadline:
            return Status.EXPIRED
        return upload.state

    def refusal(self, upload: UploadModel) -> type[Refusal]:
        """What an Upload that takes nothing more says to a Part."""
        return NoSuchUpload if upload.forgotten else CLOSED[self.status(upload)]

    def alive(self, file: FileModel) -> bool:
        return not file.deleted and (file.expires_at is None or self.world.clock.now < file.expires_at)

    @rule(target=uploads, size=st.integers(1, 12), lifetime=st.none() | st.just(HOUR))
    def create(self, size: int, lifetime: int | None) -> UploadModel:
        upload_id = self.run(self.world.open(size, lifetime=lifetime))
        made = UploadModel(upload_id, size, int(self.world.clock.now) + HOUR, lifetime)
        self.made.append(made)
        return made

    @rule(upload=uploads, data=st.binary(min_size=1, max_size=6))
    def add_part(self, upload: UploadModel, data: bytes) -> None:
        status, ended = self.status(upload), self.attempt(self.world.part(upload.id, data))
        if status is Status.PENDING:
            assert isinstance(ended, Part), ended
            upload.pieces.append(Piece(ended, data))
        else:
            assert type(ended) is self.refusal(upload)

    @rule(target=files, upload=uploads, data=st.data())
    def complete_with_what_fits(self, upload: UploadModel, data: st.DataObject) -> Any:
        """The missing Part is added first; the order is drawn; other Parts may lie about."""
        if self.status(upload) is not Status.PENDING:
            return multiple()
        chosen: list[Piece] = []
        left = upload.size
        for piece in data.draw(st.permutations(upload.pieces)):
            if len(piece.data) <= left:
                chosen.append(piece)
                left -= len(piece.data)
        if left:
            filler = b"~" * left
            piece = Piece(self.run(self.world.part(upload.id, filler)), filler)
            upload.pieces.append(piece)
            chosen.append(piece)
        whole = b"".join(piece.data for piece in chosen)
        md5 = data.draw(st.sampled_from([None, md5_of(whole)]))
        done = self.run(self.world.complete(upload.id, [piece.part for piece in chosen], md5))
        assert done.status is Status.COMPLETED
        expires_at = upload.lifetime and int(self.world.clock.now) + upload.lifetime
        assert (done.file.bytes, done.file.expires_at) == (len(whole), expires_at)
        upload.state, upload.pieces = Status.COMPLETED, chosen
        upload.completed_with = ([piece.part.id for piece in chosen], md5)
        upload.file = FileModel(done.file.id, whole, expires_at)
        self.known.append(upload.file)
        return upload.file

    @rule(upload=uploads, data=st.data())
    def complete_wrongly(self, upload: UploadModel, data: st.DataObject) -> None:
        ids = [piece.part.id for piece in upload.pieces]
        listed = data.draw(st.lists(st.sampled_from([*ids, "part_" + "0" * 22]), max_size=4))
        ended = self.attempt(self.world.uploads.complete(OURS, upload.id, part_ids=listed, md5="0" * 32))
        status = self.status(upload)
        if status is not Status.PENDING:
            assert type(ended) is self.refusal(upload)
            return
        sizes = {piece.part.id: len(piece.data) for piece in upload.pieces}
        if len(set(listed)) != len(listed):
            expected: type[Refusal] = DuplicatePart
        elif not set(listed) <= set(sizes):
            expected = PartNotFound
        elif sum(sizes[one] for one in listed) != upload.size:
            expected = BytesMismatch
        else:
            expected = Md5Mismatch
        assert type(ended) is expected

    @rule(upload=uploads)
    def complete_again(self, upload: UploadModel) -> None:
        if upload.completed_with is None or upload.forgotten:
            return
        ids, md5 = upload.completed_with
        again = self.attempt(self.world.uploads.complete(OURS, upload.id, part_ids=ids, md5=md5))
        assert upload.file is not None
        if self.alive(upload.file):
            assert (again.status, again.file.id) == (Status.COMPLETED, upload.file.id)
        else:
            assert type(again) is UploadCompleted

    @rule(upload=uploads)
    def cancel(self, upload: UploadModel) -> None:
        status, ended = self.status(upload), self.attempt(self.world.uploads.cancel(OURS, upload.id))
        if not upload.forgotten and status in (Status.PENDING, Status.CANCELLED):
            assert ended.status is Status.CANCELLED
            upload.state, upload.pieces = Status.CANCELLED, []
        else:
            assert type(ended) is self.refusal(upload)

    @rule(target=files, data=st.binary(min_size=1, max_size=9), lifetime=st.none() | st.just(HOUR))
    def post(self, data: bytes, lifetime: int | None) -> FileModel:
        file = self.run(self.world.post(data, lifetime=lifetime))
        made = FileModel(file.id, data, lifetime and int(self.world.clock.now) + lifetime)
        self.known.append(made)
        return made

    @rule(file=files, start=st.integers(0, 10), length=st.integers(0, 10))
    def read(self, file: FileModel, start: int, length: int) -> None:
        ended = self.attempt(self.world.content(file.id, Span(start, start + length)))
        if self.alive(file):
            assert ended == file.data[start : start + length]
        else:
            assert isinstance(ended, NoSuchFile)

    @rule(file=consumes(files))
    def delete(self, file: FileModel) -> None:
        alive, ended = self.alive(file), self.attempt(self.world.files.delete(OURS, file.id))
        assert ended is None if alive else isinstance(ended, NoSuchFile)
        file.deleted = True
        assert isinstance(self.attempt(self.world.files.delete(OURS, file.id)), NoSuchFile)

    @rule(seconds=st.sampled_from([0.4, 1, 59, 61, 600, 1800, 3599, 3600, 5001]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        self.run(self.world.sweep())
        for upload in self.made:
            over = upload.deadline < self.world.clock.now - SCHEDULE.retention
            upload.forgotten |= self.status(upload) is not Status.PENDING and over

    @invariant()
    def the_stores_agree_with_each_other(self) -> None:
        self.run(self.world.check_tidy())

    @invariant()
    def uploads_are_those_of_the_model(self) -> None:
        listed = self.run(self.world.uploads.list(OURS, status=None, page=ALL))
        assert {one.upload.id: one.status for one in listed} == {
            upload.id: self.status(upload) for upload in self.made if not upload.forgotten
        }

    @invariant()
    def files_are_those_of_the_model(self) -> None:
        listed = self.run(self.world.files.list(OURS, purpose=None, page=ALL))
        assert {file.id for file in listed} == {file.id for file in self.known if self.alive(file)}

    def teardown(self) -> None:
        """After every deadline and grace nothing is left but what lives for good."""
        self.world.clock.advance(40 * HOUR)
        for _ in range(3):
            self.run(self.world.sweep())
            self.world.clock.advance(SCHEDULE.orphan_grace + SCHEDULE.delete_grace)
        alive = [file for file in self.known if self.alive(file)]
        for file in alive:
            assert self.run(self.world.content(file.id)) == file.data
        assert self.run(self.world.condemned()) == set()
        assert self.run(self.world.stored()) == self.run(self.world.pointed_at())
        for file in alive:
            self.run(self.world.files.delete(OURS, file.id))
        self.world.clock.advance(SCHEDULE.delete_grace)
        self.run(self.world.sweep())
        self.run(self.world.check_empty())
        assert self.run(self.world.uploads.list(OURS, status=None, page=ALL)) == []
        self.run(self.stack.aclose())
        self.runner.close()


Stories.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyStoryGoesAsTheModelSays = Stories.TestCase
