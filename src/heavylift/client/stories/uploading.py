"""The course of an upload: begin it or go on with an earlier one, deliver, and decide when it fails."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel

from heavylift.client import errors
from heavylift.client.calls import Flow
from heavylift.client.config import Setting
from heavylift.client.errors import HeavyliftError, ResumeError
from heavylift.client.journal import PieceDone, Record, record_name
from heavylift.client.logs import LOGGER
from heavylift.client.models import Upload
from heavylift.client.operations.uploads import cancel_upload, create_upload
from heavylift.client.retries import RetryConfig
from heavylift.client.sources import Local, LocalFile
from heavylift.client.stories.delivery import Delivery, Wishes
from heavylift.client.stories.layout import Layout, fitting_part_size
from heavylift.client.stories.resuming import look_up, parts_in_journal, parts_on_server, same_content, verify

CANCEL_MS: Final = 5_000
"""A failed upload is cancelled once and quickly: the server lets it expire otherwise."""

_FINAL: Final = (
    errors.FileChangedError,
    FileNotFoundError,  # what a part says that is about to read a file just removed
    errors.BadRequestError,
    errors.NotFoundError,
    errors.MethodNotAllowedError,
    errors.ConflictError,
    errors.PayloadTooLargeError,
    errors.UnprocessableEntityError,
)
"""After these, going on with the same Upload cannot end better."""


class Begun(BaseModel):
    """The first line of an upload's journal."""

    kind: Literal["upload"] = "upload"
    upload_id: str
    server_url: str
    path: str
    size: int
    part_size: int


class Uploading:
    """One local file on its way to become a File, with what the user wished for it."""

    def __init__(self, *, local: Local, wishes: Wishes, setting: Setting) -> None:
        self._local = local
        self._wishes = wishes
        self._setting = setting
        self._server_url = wishes.options.server_url or setting.server_url

    def record_name(self) -> str:
        """Another purpose, name, type or expiry is another upload."""
        wishes = self._wishes
        about = (wishes.purpose, self._local.name, wishes.mime_type, str(wishes.expires_after))
        return record_name("upload", self._server_url, self._path(), *about)

    def _path(self) -> str:
        return os.path.realpath(self._local.path) if isinstance(self._local, LocalFile) else ""

    def go_on_or_start(self, record: Record | None) -> Flow[Upload]:
        """Go on with what the record tells of; start anew, and say so, when that is not possible."""
        earlier = record.read(Begun) if record is not None else None
        if earlier is None:
            return (yield from self.start(record))
        upload_id = earlier[0].upload_id
        try:
            delivery = yield from self.continued(upload_id, record, earlier)
            if isinstance(delivery, Upload):
                if record is not None:
                    record.forget()
                return delivery
            return (yield from self.finish(delivery, record, may_start_anew=True))
        except (ResumeError, errors.NotFoundError, errors.BadRequestError) as error:
            note = f"The earlier upload {upload_id} cannot be continued ({error}): starting anew."
            LOGGER.warning("%s", note)
        return (yield from self.start(record, note=note))

    def continued(
        self, upload_id: str, record: Record | None, earlier: tuple[Begun, list[PieceDone]] | None
    ) -> Flow[Delivery | Upload]:
        """What is left of this Upload to deliver, or the Upload if it is completed already."""
        head, pieces = earlier if earlier is not None else (None, [])
        options = self._wishes.options
        standing = yield from look_up(upload_id, options)
        if standing == "gone":
            raise ResumeError(f"There is no Upload {upload_id} any more")
        if standing == "untold":
            if head is None:
                raise ResumeError(
                    "This server cannot tell which parts it has, and this machine's journal does not know "
                    f"{upload_id}. Upload the file anew with upload_file"
                )
            declared, arrived = head.size, parts_in_journal(pieces)
        elif standing.status == "completed":
            if (yield from same_content(self._local, standing)):
                return standing
            raise ResumeError(f"The Upload {upload_id} was completed with other content")
        elif standing.status != "pending":
            raise ResumeError(f"The Upload {upload_id} is {standing.status}")
        else:
            declared, arrived = standing.bytes, (yield from parts_on_server(upload_id, options))
        if declared != self._local.size:
            raise ResumeError(f"The Upload is of {declared} bytes, but the file has {self._local.size}")
        lengths = [part.length for part in arrived]
        known_size = head.part_size if head is not None else max(lengths, default=None)
        layout = self._layout(self._wishes.part_size if known_size is None else known_size)
        found = yield from verify(self._local, layout, arrived)
        return self._delivery(
            upload_id, layout, record, found, checked_by_server=False if standing == "untold" else None
        )

    def start(self, record: Record | None, *, note: str = "") -> Flow[Upload]:
        """Begin a new Upload and bring it to its end."""
        upload = yield from create_upload(
            filename=self._local.name,
            purpose=self._wishes.purpose,
            bytes=self._local.size,
            mime_type=self._wishes.mime_type,
            expires_after=self._wishes.expires_after,
            options=self._wishes.options,
        )
        layout = self._layout(self._wishes.part_size)
        return (yield from self.finish(self._delivery(upload.id, layout, record, {}, note=note), record))

    def _layout(self, part_size: int | None) -> Layout:
        size = self._local.size
        return Layout(size=size, part_size=part_size or fitting_part_size(size))

    def _delivery(
        self,
        upload_id: str,
        layout: Layout,
        record: Record | None,
        arrived: Mapping[int, PieceDone],
        *,
        checked_by_server: bool | None = None,
        note: str = "",
    ) -> Delivery:
        """Also writes the record anew, so that no torn line of a crash stays in it."""
        if record is not None:
            head = Begun(
                upload_id=upload_id,
                server_url=self._server_url,
                path=self._path(),
                size=layout.size,
                part_size=layout.part_size,
            )
            record.begin(head, list(arrived.values()))
        return Delivery(
            upload_id=upload_id,
            local=self._local,
            layout=layout,
            wishes=self._wishes,
            setting=self._setting,
            record=record,
            arrived=arrived,
            checked_by_server=checked_by_server,
            note=note,
        )

    def finish(
        self, delivery: Delivery, record: Record | None, *, may_start_anew: bool = False
    ) -> Flow[Upload]:
        """Deliver; when it fails, keep the Upload for another run or cancel it."""
        try:
            upload = yield from delivery.run()
        except GeneratorExit:
            raise
        except BaseException as error:
            if self._keeps(error, record):
                error.add_note(f"The upload {delivery.upload_id} is kept: the same call goes on with it.")
            else:
                yield from self._cancel(delivery.upload_id)
                if record is not None and not may_start_anew:
                    record.forget()
            raise
        if record is not None:
            record.forget()
        return upload

    def _keeps(self, error: BaseException, record: Record | None) -> bool:
        if self._wishes.on_failure != "auto":
            return self._wishes.on_failure == "keep"
        return record is not None and not isinstance(error, _FINAL)

    def _cancel(self, upload_id: str) -> Flow[None]:
        options = dataclasses.replace(self._wishes.options, retries=RetryConfig("none"), timeout_ms=CANCEL_MS)
        try:
            yield from cancel_upload(upload_id=upload_id, options=options)
        except HeavyliftError as error:
            LOGGER.debug("The failed upload %s could not be cancelled (%s); it expires.", upload_id, error)
