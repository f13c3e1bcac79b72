"""openai-python's operations on Files and Uploads, made of ours."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final, Literal, cast

from heavylift.client.calls import Flow, Pause, surroundings
from heavylift.client.errors import unfit
from heavylift.client.fileobjects import name_of
from heavylift.client.methods import Function
from heavylift.client.models import CompletedUpload, File, FileDeleted, Page, Upload, UploadPart
from heavylift.client.named import named
from heavylift.client.openai_names.binary import BinaryContent
from heavylift.client.openai_names.wishes import Timeout, options
from heavylift.client.operations import files, uploads
from heavylift.client.operations.wire import Expiry
from heavylift.client.sources import FileInput
from heavylift.client.stories.download import download_file
from heavylift.client.stories.upload import upload_file

Headers = Mapping[str, str] | None

IN_MEMORY: Final = 16 * 1024 * 1024
"""Bytes of a content that are kept in memory; a larger one lies in a temporary file without a name."""

_READY: Final = frozenset({"processed", "error", "deleted"})


def _create(
    *,
    file: FileInput,
    purpose: str,
    expires_after: Expiry | None = None,
    extra_headers: Headers = None,
    timeout: Timeout = None,
) -> Flow[File]:
    """`create_file`. What has no name is called "upload"."""
    given = named(file)
    return (
        yield from files.create_file(
            file,
            purpose=purpose,
            filename=given.name or name_of(given.content) or "upload",
            expires_after=expires_after,
            options=options(extra_headers, timeout),
        )
    )


def _list(
    *,
    after: str | None = None,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    purpose: str | None = None,
    extra_headers: Headers = None,
    timeout: Timeout = None,
) -> Flow[Page[File]]:
    """`list_files`, from the page at hand on. `limit` is the most in one page."""
    said = options(extra_headers, timeout)
    return (yield from files.list_files(purpose=purpose, limit=limit, order=order, after=after, options=said))


def _retrieve(file_id: str, *, extra_headers: Headers = None, timeout: Timeout = None) -> Flow[File]:
    """`retrieve_file`."""
    return (yield from files.retrieve_file(file_id, options=options(extra_headers, timeout)))


def _delete(file_id: str, *, extra_headers: Headers = None, timeout: Timeout = None) -> Flow[FileDeleted]:
    """`delete_file`."""
    return (yield from files.delete_file(file_id, options=options(extra_headers, timeout)))


def _content(file_id: str, *, extra_headers: Headers = None, timeout: Timeout = None) -> Flow[BinaryContent]:
    """`download_file`: all of the content, once it has arrived and was compared."""
    kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with the content
    try:
        yield from download_file(file_id, to=cast("BinaryIO", kept), options=options(extra_headers, timeout))
    except BaseException:
        kept.close()
        raise
    return BinaryContent(kept)


def _wait_for_processing(
    id: str, *, poll_interval: float = 5.0, max_wait_seconds: float = 30 * 60
) -> Flow[File]:
    """The File once its `status` is processed, error or deleted. Raises TimeoutError if it takes longer."""
    setting = yield from surroundings()
    begun = setting.clock()
    while True:
        file = yield from files.retrieve_file(id)
        if file.status is None or file.status in _READY:
            return file
        if setting.clock() - begun > max_wait_seconds:
            raise TimeoutError(f"{id} is still {file.status} after {max_wait_seconds:g} seconds")
        yield Pause(poll_interval)


def _create_upload(
    *,
    bytes: int,
    filename: str,
    mime_type: str,
    purpose: str,
    expires_after: Expiry | None = None,
    extra_headers: Headers = None,
    timeout: Timeout = None,
) -> Flow[Upload]:
    """`create_upload`."""
    return (
        yield from uploads.create_upload(
            filename=filename,
            purpose=purpose,
            bytes=bytes,
            mime_type=mime_type,
            expires_after=expires_after,
            options=options(extra_headers, timeout),
        )
    )


def _complete(
    upload_id: str,
    *,
    part_ids: Sequence[str],
    md5: str | None = None,
    extra_headers: Headers = None,
    timeout: Timeout = None,
) -> Flow[CompletedUpload]:
    """`complete_upload`."""
    said = options(extra_headers, timeout)
    return (yield from uploads.complete_upload(upload_id, part_ids, md5=md5, options=said))


def _cancel(upload_id: str, *, extra_headers: Headers = None, timeout: Timeout = None) -> Flow[Upload]:
    """`cancel_upload`."""
    return (yield from uploads.cancel_upload(upload_id, options=options(extra_headers, timeout)))


def _create_part(
    upload_id: str, *, data: FileInput, extra_headers: Headers = None, timeout: Timeout = None
) -> Flow[UploadPart]:
    """`add_upload_part`."""
    return (yield from uploads.add_upload_part(upload_id, data, options=options(extra_headers, timeout)))


def _upload_file_chunked(
    *,
    file: str | os.PathLike[str] | bytes,
    mime_type: str,
    purpose: str,
    filename: str | None = None,
    bytes: int | None = None,
    part_size: int | None = None,
    md5: str | None = None,
) -> Flow[CompletedUpload]:
    """`upload_file`: Parts in parallel, resumed and checked. `bytes`, if given, must be the size."""
    size = os.path.getsize(file) if isinstance(file, str | os.PathLike) else len(file)
    if bytes is not None and bytes != size:
        raise unfit("bytes", f"is {bytes}, but the file has {size}")
    return (
        yield from upload_file(
            file,
            purpose=purpose,
            filename=filename,
            mime_type=mime_type,
            part_size=part_size,
            md5="auto" if md5 is None else md5,
        )
    )


files_create = Function(_create)
files_list = Function(_list)
files_retrieve = Function(_retrieve)
files_delete = Function(_delete)
files_content = Function(_content)
files_wait_for_processing = Function(_wait_for_processing)
uploads_create = Function(_create_upload)
uploads_complete = Function(_complete)
uploads_cancel = Function(_cancel)
uploads_upload_file_chunked = Function(_upload_file_chunked)
parts_create = Function(_create_part)
