"""Uploading a file of any size: what is asked for, checked and taken in before the first byte moves."""

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from heavylift.client.calls import Flow, surroundings
from heavylift.client.config import Setting
from heavylift.client.errors import InvalidRequestError, ResumeError
from heavylift.client.intake import take_in
from heavylift.client.journal import InUse, Record, names_about, open_record, prune, record_name
from heavylift.client.mime import guess_mime_type
from heavylift.client.models import CompletedUpload
from heavylift.client.named import named
from heavylift.client.operations.wire import Arguments, Expiry, Named, checked, given
from heavylift.client.options import RequestOptions
from heavylift.client.progress import OnProgress
from heavylift.client.sources import FileInput, LocalFile
from heavylift.client.stories.continuing import Begun
from heavylift.client.stories.delivery import OnFailure, Wishes
from heavylift.client.stories.layout import LARGEST_PART
from heavylift.client.stories.resuming import look_up
from heavylift.client.stories.uploading import Uploading


class UploadArguments(Arguments):
    """What is checked before a file is touched."""

    purpose: Named
    part_size: Annotated[int, Field(ge=1, le=LARGEST_PART)] | None
    max_concurrency: Annotated[int, Field(ge=1, le=64)]
    md5: Annotated[str, StringConstraints(pattern=re.compile(r"^(auto|off|[0-9a-fA-F]{32})$"))]
    on_failure: OnFailure


def upload_file(
    file: FileInput,
    *,
    purpose: str,
    filename: str | None = None,
    mime_type: str | None = None,
    part_size: int | None = None,
    max_concurrency: int = 8,
    md5: str = "auto",
    on_progress: OnProgress | None = None,
    expires_after: Expiry | None = None,
    resume: bool = True,
    on_failure: OnFailure = "auto",
    options: RequestOptions | None = None,
) -> Flow[CompletedUpload]:
    """Upload a file of any size, in parts, several at once; the completed Upload, its File in `.file`.

    `file` is a path, bytes, an open file, or an iterator, plain or (with AsyncHeavylift)
    asynchronous; or `(filename, any of these)`, or `(filename, any of these, MIME type)`. What
    cannot be read twice goes through a temporary file first. `md5` is "auto" (only where the
    server does not check every part itself), "off", or the known hex digest. With `resume`, a
    path that was not finished earlier is gone on with. `on_failure` says what becomes of the
    Upload: "auto" keeps it when the same call can go on with it.

    Raises HeavyliftError and, for the local file, OSError. FileChangedError when the file was
    changed meanwhile.
    """
    wishes = _wishes(
        purpose=purpose,
        part_size=part_size,
        max_concurrency=max_concurrency,
        md5=md5,
        on_progress=on_progress,
        expires_after=expires_after,
        on_failure=on_failure,
        options=options,
    )
    setting = yield from surroundings()
    local = yield from take_in(file, filename=filename)
    with closing(local):
        kind = mime_type or named(file).mime_type or guess_mime_type(local.name)
        wishes = dataclasses.replace(wishes, mime_type=kind)
        story = Uploading(local=local, wishes=wishes, setting=setting)
        if not resume or not isinstance(local, LocalFile):
            return (yield from story.start(None))
        with _recorded(setting, story.record_name()) as record:
            return (yield from story.go_on_or_start(record))


def resume_upload(
    upload_id: str,
    file: str | os.PathLike[str],
    *,
    part_size: int | None = None,
    max_concurrency: int = 8,
    md5: str = "auto",
    on_progress: OnProgress | None = None,
    on_failure: OnFailure = "auto",
    options: RequestOptions | None = None,
) -> Flow[CompletedUpload]:
    """Go on with an Upload that was begun elsewhere, from a file with the same content.

    Only what the server does not have yet is sent. `part_size` is what the journal knows, or guessed
    from the parts that arrived. The Upload is kept, however this ends, unless `on_failure` is "cancel".
    Raises ResumeError when it cannot be gone on with, and says why.
    """
    wishes = _wishes(
        purpose="any",
        part_size=part_size,
        max_concurrency=max_concurrency,
        md5=md5,
        on_progress=on_progress,
        on_failure=on_failure,
        options=options,
    )
    setting = yield from surroundings()
    local = yield from take_in(file, filename=None)
    with closing(local):
        if not isinstance(local, LocalFile):
            raise ResumeError("Only a regular file can be gone on with: it must be readable more than once")
        story = Uploading(local=local, wishes=wishes, setting=setting, elsewhere=True)
        about = {"upload_id": upload_id, "server_url": story.server_url, "owner": story.owner}
        known = names_about(_folder(setting), about)
        name = known[0] if known else record_name("resume", story.server_url, upload_id, story.owner)
        with _recorded(setting, name, alone=upload_id) as record:
            earlier = record.read(Begun) if record is not None else None
            if earlier is not None and earlier[0].upload_id != upload_id:
                earlier = None
            standing = yield from look_up(upload_id, wishes.options)
            return (yield from story.go_on(upload_id, record, earlier, standing))


def _wishes(
    *,
    purpose: str,
    part_size: int | None,
    max_concurrency: int,
    md5: str,
    on_progress: OnProgress | None,
    on_failure: OnFailure,
    options: RequestOptions | None,
    mime_type: str = "",
    expires_after: Expiry | None = None,
) -> Wishes:
    """All checked before the file is opened or the server is asked."""
    checked(
        UploadArguments,
        purpose=purpose,
        part_size=part_size,
        max_concurrency=max_concurrency,
        md5=md5,
        on_failure=on_failure,
    )
    if on_progress is not None and not callable(on_progress):
        raise InvalidRequestError(f"on_progress must be a function, not {type(on_progress).__name__}")
    if inspect.iscoroutinefunction(on_progress):
        raise InvalidRequestError("on_progress must be a plain function: it is called while bytes are moving")
    return Wishes(
        purpose=purpose,
        mime_type=mime_type,
        part_size=part_size,
        max_concurrency=max_concurrency,
        md5=md5,
        on_progress=on_progress,
        expires_after=expires_after,
        on_failure=on_failure,
        options=given(options),
    )


def _folder(setting: Setting) -> Path:
    return setting.state_folder / "transfers"


@contextmanager
def _recorded(setting: Setting, name: str, *, alone: str = "") -> Iterator[Record | None]:
    """`alone`: the Upload that nobody else may be going on with. Raises ResumeError if somebody is."""
    prune(_folder(setting), now=setting.now().timestamp())
    try:
        record = open_record(_folder(setting), name, alone=bool(alone))
    except InUse:
        raise ResumeError(f"Another run is going on with {alone}. Wait for its end") from None
    try:
        yield record
    finally:
        if record is not None:
            record.close()
