"""The heart of an upload: send the parts that are missing, several at once, then complete."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from heavylift.client import checksums
from heavylift.client.calls import Flow, ask, together, work
from heavylift.client.config import Setting
from heavylift.client.errors import CorruptedError, RequestAbortedError
from heavylift.client.journal import PieceDone, Record
from heavylift.client.models import CompletedUpload, File
from heavylift.client.operations.uploads import completion, send_part
from heavylift.client.operations.wire import Expiry
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Meter, OnProgress
from heavylift.client.sources import Local, blocks
from heavylift.client.stories.layout import Layout
from heavylift.client.window import Window

OnFailure = Literal["auto", "cancel", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asked for, apart from the file."""

    purpose: str
    mime_type: str
    part_size: int | None
    max_concurrency: int
    md5: str
    on_progress: OnProgress | None
    expires_after: Expiry | None
    on_failure: OnFailure
    options: RequestOptions


class Delivery:
    """One Upload on its way. `run` once; `arrived` says which parts need not be sent."""

    def __init__(
        self,
        *,
        upload_id: str,
        local: Local,
        layout: Layout,
        wishes: Wishes,
        setting: Setting,
        record: Record | None,
        arrived: Mapping[int, PieceDone],
        checked_by_server: bool | None = None,
        note: str = "",
    ) -> None:
        self.upload_id = upload_id
        self._local = local
        self._layout = layout
        self._wishes = wishes
        self._record = record
        self._pieces = dict(arrived)
        self._checked_by_server = checked_by_server
        self._note = note
        self._md5: str | None = None if wishes.md5 in {"auto", "off"} else wishes.md5
        self._hashing = self._md5 is not None
        self._window = Window(most=wishes.max_concurrency, clock=setting.clock)
        self._meter = Meter(
            id=upload_id,
            total=layout.size,
            parts=layout.count,
            clock=setting.clock,
            report=wishes.on_progress,
            window=self._window,
        )

    def run(self) -> Flow[CompletedUpload]:
        """Send what is missing and complete; the completed Upload."""
        self._meter.enter("starting", note=self._note)
        for piece in self._pieces.values():
            self._meter.resumed(piece.length)
        self._meter.enter("transferring", note=self._note)
        yield from together(self._missing(), self._window)
        if self._wants_md5():
            yield from self._hash()
        self._local.check_unchanged()
        self._meter.enter("finishing")
        upload = yield from ask(
            completion(
                upload_id=self.upload_id,
                part_ids=[self._pieces[index].part_id for index in range(self._layout.count)],
                md5=self._md5,
                options=self._wishes.options,
                watch=self._meter,
                patient=True,
            )
        )
        self._check(upload.file)
        self._meter.enter("done")
        return upload

    def _check(self, file: File) -> None:
        """The File is what its Parts were, as far as the server shows it."""
        if "bytes" in file.model_fields_set and file.bytes != self._layout.size:
            raise CorruptedError(
                f"The File {file.id} is not what was sent: it has {file.bytes} bytes of {self._layout.size}"
            )
        if not checksums.comparable(file.checksum):
            return
        pieces = (self._pieces[index] for index in range(self._layout.count))
        sent = checksums.combine((piece.checksum, piece.length) for piece in pieces)
        if not checksums.agrees(file.checksum, sent):
            raise CorruptedError(f"The File {file.id} is not what was sent: its checksum is another one")

    def _missing(self) -> Iterator[Flow[None]]:
        """What is still to be done, one flow at a time as there is room."""
        for index in range(self._layout.count):
            if index in self._pieces:
                continue
            self._local.check_unchanged()
            yield self._deliver(index)
            if self._wants_md5():
                yield self._hash()

    def _deliver(self, index: int) -> Flow[None]:
        offset, length = self._layout.stretch(index)
        self._meter.part_begun()
        done = False
        try:
            sent = yield from send_part(
                upload_id=self.upload_id,
                piece=self._local.slice(offset, length),
                options=self._wishes.options,
                watch=self._meter,
                patient=True,
            )
            self._checked_by_server = checksums.comparable(sent.part.checksum)
            piece = PieceDone(offset=offset, length=length, checksum=sent.checksum, part_id=sent.part.id)
            self._pieces[index] = piece
            if self._record is not None:
                self._record.add(piece)
            done = True
        finally:
            self._meter.part_ended(done=done)

    def _wants_md5(self) -> bool:
        """Where the server checks every part already, an md5 would only cost both sides time."""
        return self._wishes.md5 == "auto" and not self._hashing and self._checked_by_server is False

    def _hash(self) -> Flow[None]:
        """The md5 of the whole file, in a thread of its own while parts are on their way."""
        self._hashing = True
        whole = self._local.slice(0, self._local.size)

        def digest(aborted: Callable[[], bool]) -> str:
            state = hashlib.md5(usedforsecurity=False)
            for block in blocks(whole):
                if aborted():
                    raise RequestAbortedError("Given up while computing the md5")
                state.update(block)
            return state.hexdigest()

        self._md5 = yield from work(digest)
