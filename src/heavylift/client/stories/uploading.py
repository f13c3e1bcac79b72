"""The course of an upload: begin it or go on with an earlier one, deliver, and decide when it fails."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Final

from heavylift.client.calls import Flow
from heavylift.client.config import Setting
from heavylift.client.errors import HeavyliftError, ResumeError, SDKError
from heavylift.client.intake import explain_empty
from heavylift.client.journal import PieceDone, Record, record_name
from heavylift.client.logs import LOGGER
from heavylift.client.models import CompletedUpload, Upload
from heavylift.client.operations.uploads import cancel_upload, create_upload
from heavylift.client.owner import owner_of, server_of
from heavylift.client.retries import RetryConfig
from heavylift.client.sources import Local, LocalFile
from heavylift.client.stories import endings
from heavylift.client.stories.continuing import Begun, Continuing
from heavylift.client.stories.delivery import Delivery, Wishes
from heavylift.client.stories.layout import Layout, carrying_part_size, fitting_part_size
from heavylift.client.stories.resuming import Standing, look_up, may_be_pending

CANCEL_MS: Final = 5_000
"""A failed upload is cancelled once and quickly: the server lets it expire otherwise."""


class Uploading:
    """One local file on its way to become a File, with what the user wished for it.

    `elsewhere`: the Upload was begun by somebody else, so it is not ours to cancel.
    """

    def __init__(self, *, local: Local, wishes: Wishes, setting: Setting, elsewhere: bool = False) -> None:
        self._local = local
        self._wishes = wishes
        self._setting = setting
        self._elsewhere = elsewhere
        self.server_url = server_of(wishes.options.server_url or setting.server_url)
        self.owner = owner_of(setting.api_key, {**setting.headers, **wishes.options.http_headers})

    def record_name(self) -> str:
        """Another purpose, name, type, expiry or key is another upload."""
        wishes = self._wishes
        about = (wishes.purpose, self._local.name, wishes.mime_type, str(wishes.expires_after), self.owner)
        return record_name("upload", self.server_url, self._path(), *about)

    def _path(self) -> str:
        return os.path.realpath(self._local.path) if isinstance(self._local, LocalFile) else ""

    def go_on_or_start(self, record: Record | None) -> Flow[CompletedUpload]:
        """Go on with what the record tells of; start anew, and say so, when that is not possible."""
        earlier = record.read(Begun) if record is not None else None
        if earlier is None or record is None:
            return (yield from self.start(record))
        upload_id = earlier[0].upload_id
        if not upload_id:
            return (yield from self.start(record, key=earlier[0].key if self._is_of_size(earlier[0]) else ""))
        standing = yield from look_up(upload_id, self._wishes.options)
        try:
            return (yield from self.go_on(upload_id, record, earlier, standing, may_start_anew=True))
        except (ResumeError, SDKError) as error:
            if isinstance(error, SDKError) and not endings.ends_upload(error):
                raise
            if isinstance(error, ResumeError) and may_be_pending(standing):
                yield from self._cancel(upload_id)
            note = f"The earlier upload {upload_id} cannot be continued ({error}): starting anew."
            LOGGER.warning("%s", note)
        return (yield from self.start(record, note=note))

    def go_on(
        self,
        upload_id: str,
        record: Record | None,
        earlier: tuple[Begun, list[PieceDone]] | None,
        standing: Standing,
        *,
        may_start_anew: bool = False,
    ) -> Flow[CompletedUpload]:
        """Bring this Upload to its end. Raises ResumeError when it cannot be gone on with."""
        story = Continuing(
            upload_id=upload_id,
            local=self._local,
            part_size=self._wishes.part_size if self._elsewhere else None,
            earlier=earlier,
            options=self._wishes.options,
        )
        rest = yield from story.rest(standing)
        if isinstance(rest, CompletedUpload):
            if record is not None:
                record.forget()
            return rest
        checked_by_server = None if rest.told else False
        return (
            yield from self._finish(
                upload_id,
                lambda: self._delivery(
                    upload_id, rest.layout, record, rest.arrived, checked_by_server=checked_by_server
                ),
                record,
                may_start_anew=may_start_anew,
            )
        )

    def _is_of_size(self, begun: Begun) -> bool:
        return begun.size == self._local.size

    def start(self, record: Record | None, *, note: str = "", key: str = "") -> Flow[CompletedUpload]:
        """Begin a new Upload and bring it to its end. `key`: that of a run that did not see the answer."""
        layout = self._layout()
        if self._wishes.part_size not in {None, layout.part_size}:
            said = (
                f"Parts of {self._wishes.part_size} bytes cannot carry {self._local.size}: "
                f"they are of {layout.part_size} instead."
            )
            LOGGER.warning("%s", said)
            note = f"{note} {said}".strip()
        upload = yield from self._announced(layout, record, key)
        return (
            yield from self._finish(
                upload.id, lambda: self._delivery(upload.id, layout, record, {}, note=note), record
            )
        )

    def _layout(self) -> Layout:
        size, wished = self._local.size, self._wishes.part_size
        part_size = fitting_part_size(size) if wished is None else carrying_part_size(size, wished)
        return Layout(size=size, part_size=part_size)

    def _announced(self, layout: Layout, record: Record | None, earlier_key: str) -> Flow[Upload]:
        """A new Upload, or the one that an earlier run created and could not write down."""
        if record is None:
            return (yield from self._created(""))
        try:
            if earlier_key:
                try:
                    upload = yield from self._created(earlier_key)
                    if upload.status == "pending":
                        return upload
                except SDKError as error:
                    if error.code != "idempotency_key_reused":
                        raise
            key = self._setting.new_key()
            record.begin(self._head("", layout, key=key))
            return (yield from self._created(key))
        except SDKError as error:
            if error.status_code < 500:  # it is certain that there is none
                record.forget()
            raise

    def _created(self, key: str) -> Flow[Upload]:
        """A new Upload. Who interrupts this cannot know whether there is one."""
        options = self._wishes.options
        if key and "idempotency-key" not in map(str.lower, options.http_headers):
            headers = {**options.http_headers, "Idempotency-Key": key}
            options = dataclasses.replace(options, http_headers=headers)
        try:
            return (
                yield from create_upload(
                    filename=self._local.name,
                    purpose=self._wishes.purpose,
                    bytes=self._local.size,
                    mime_type=self._wishes.mime_type,
                    expires_after=self._wishes.expires_after,
                    options=options,
                )
            )
        except HeavyliftError as error:
            explain_empty(error, self._local)
            raise
        except BaseException as error:
            error.add_note(endings.PERHAPS_CREATED)
            raise

    def _head(self, upload_id: str, layout: Layout, *, key: str = "") -> Begun:
        return Begun(
            upload_id=upload_id,
            server_url=self.server_url,
            owner=self.owner,
            path=self._path().encode("utf-8", "backslashreplace").decode("utf-8"),
            size=layout.size,
            part_size=layout.part_size,
            key=key,
        )

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
            record.begin(self._head(upload_id, layout), list(arrived.values()))
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

    def _finish(
        self,
        upload_id: str,
        delivery: Callable[[], Delivery],
        record: Record | None,
        *,
        may_start_anew: bool = False,
    ) -> Flow[CompletedUpload]:
        """Deliver; when it fails, keep the Upload for another run or cancel it, and note which."""
        try:
            upload = yield from delivery().run()
        except GeneratorExit:
            raise
        except BaseException as error:
            if self._keeps(error, record):
                if not endings.ends_upload(error) or not self._elsewhere:
                    error.add_note(endings.kept(upload_id))
            else:
                yield from self._cancel_after(error, upload_id)
                if record is not None and not may_start_anew:
                    record.forget()
            raise
        if record is not None:
            record.forget()
        return upload

    def _keeps(self, error: BaseException, record: Record | None) -> bool:
        if self._wishes.on_failure != "auto":
            return self._wishes.on_failure == "keep"
        if self._elsewhere:
            return True
        return record is not None and record.kept and not endings.ends_upload(error)

    def _cancel_after(self, error: BaseException, upload_id: str) -> Flow[None]:
        """Whatever becomes of it is noted, also when somebody is too impatient to wait for it."""
        try:
            error.add_note((yield from self._cancel(upload_id)))
        except GeneratorExit:
            raise
        except BaseException as impatient:
            impatient.add_note(endings.pending(upload_id))
            raise

    def _cancel(self, upload_id: str) -> Flow[str]:
        """What became of it, as a sentence."""
        options = dataclasses.replace(self._wishes.options, retries=RetryConfig("none"), timeout_ms=CANCEL_MS)
        try:
            yield from cancel_upload(upload_id=upload_id, options=options)
        except HeavyliftError as error:
            LOGGER.debug("The upload %s could not be cancelled (%s).", upload_id, error)
            return endings.uncancelled(upload_id, error)
        return endings.cancelled(upload_id)
