"""The operations on Uploads and their Parts."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import NonNegativeInt

from heavylift.client import checksums
from heavylift.client.calls import MOST_OF_PAGE, Answer, Call, Flow, FormBody, JsonBody, Watch, ask
from heavylift.client.errors import BadRequestError, CorruptedError, HeavyliftError, SDKError
from heavylift.client.intake import take_in
from heavylift.client.models import CompletedUpload, Page, Upload, UploadPart
from heavylift.client.operations.wire import (
    Arguments,
    Expires,
    Expiry,
    Named,
    checked,
    given,
    query,
    reading,
    reading_page,
    segment,
)
from heavylift.client.options import NO_OPTIONS, RequestOptions
from heavylift.client.retries import FINISHING_MS
from heavylift.client.sources import Bytes, FileInput, FileSlice, Source

DELIVERIES: Final = 3
"""How often a part is sent that arrives damaged: once is bad luck, three times is a broken machine."""


class NewUpload(Arguments):
    """What creates an Upload."""

    filename: Named
    purpose: Named
    bytes: NonNegativeInt
    mime_type: Named
    expires_after: Expires = None


class Completion(Arguments):
    """What completes an Upload."""

    part_ids: list[Named]
    md5: Named | None = None


def create_upload(
    *,
    filename: str,
    purpose: str,
    bytes: int,
    mime_type: str,
    expires_after: Expiry | None = None,
    options: RequestOptions | None = None,
) -> Flow[Upload]:
    """Announce a file of so many bytes. The Upload takes Parts for an hour.

    `expires_after` is about the File that comes of it: seconds after its creation.
    """
    body = checked(
        NewUpload,
        filename=filename,
        purpose=purpose,
        bytes=bytes,
        mime_type=mime_type,
        expires_after=expires_after,
    )
    return (
        yield from ask(
            Call(
                operation="createUpload",
                method="POST",
                path="/uploads",
                body=JsonBody(value=body.model_dump(exclude_none=True)),
                parse=reading(Upload),
                options=given(options),
                once=True,
            )
        )
    )


def add_upload_part(
    upload_id: str, data: FileInput | FileSlice, *, options: RequestOptions | None = None
) -> Flow[UploadPart]:
    """Send one Part: bytes, a path, an open file, an iterator, or a FileSlice of a local file.

    What arrives damaged is sent again; CorruptedError when that does not help.
    """
    if isinstance(data, FileSlice):
        return (yield from send_part(upload_id=upload_id, piece=data, options=given(options))).part
    local = yield from take_in(data, filename="upload")
    with closing(local):
        piece = local.slice(0, local.size)
        sent = yield from send_part(upload_id=upload_id, piece=piece, options=given(options))
        local.check_unchanged()
        return sent.part


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """A Part that the server has, with the checksum of what was sent."""

    part: UploadPart
    checksum: int


def send_part(
    *,
    upload_id: str,
    piece: Source,
    options: RequestOptions = NO_OPTIONS,
    watch: Watch | None = None,
    patient: bool = False,
) -> Flow[SentPart]:
    """Send one Part, and again when it arrives damaged. The server or the comparison tells."""
    call = _part_call(upload_id, piece, options, watch, patient=patient)
    for _ in range(DELIVERIES):
        try:
            sent = yield from ask(call)
        except BadRequestError as error:
            if error.code != "digest_mismatch":
                raise
        else:
            shown = sent.part.checksum
            if not checksums.comparable(shown) or checksums.agrees(shown, sent.checksum):
                return sent
            if watch is not None:
                watch.moved(-piece.length)
        if watch is not None:
            watch.retrying()
    raise CorruptedError(
        f"A part of {piece.length} bytes arrived damaged {DELIVERIES} times. "
        "Check the network and the memory of both machines, and what stands between them."
    )


def _part_call(
    upload_id: str, piece: Source, options: RequestOptions, watch: Watch | None, *, patient: bool
) -> Call[SentPart]:
    """What is in memory is checksummed beforehand, for the server to refuse damage before it stores it.

    A file would have to be read twice for that: its checksum is compared with the answer's instead.
    """
    headers = {}
    if isinstance(piece, Bytes):
        headers["Content-Digest"] = checksums.content_digest(checksums.extend(0, piece.data))
    return Call(
        operation="addUploadPart",
        method="POST",
        path=f"/uploads/{segment('upload_id', upload_id)}/parts",
        headers=headers,
        body=FormBody(field="data", source=piece),
        parse=_sent_part,
        options=options,
        watch=watch,
        patient=patient,
    )


def _sent_part(answer: Answer) -> SentPart:
    assert answer.sent_checksum is not None, "a form's file is always checksummed"
    return SentPart(part=reading(UploadPart)(answer), checksum=answer.sent_checksum)


def complete_upload(
    upload_id: str, part_ids: Sequence[str], *, md5: str | None = None, options: RequestOptions | None = None
) -> Flow[CompletedUpload]:
    """Make a File of these Parts, in this order. Safe to repeat.

    `md5` is the hex digest of the whole file, for the server to check.
    """
    return (
        yield from ask(completion(upload_id=upload_id, part_ids=part_ids, md5=md5, options=given(options)))
    )


def completion(
    *,
    upload_id: str,
    part_ids: Sequence[str],
    md5: str | None,
    options: RequestOptions,
    watch: Watch | None = None,
    patient: bool = False,
) -> Call[CompletedUpload]:
    """The call that completes an Upload. Raises CorruptedError when no File comes of it."""
    body = checked(Completion, part_ids=list(part_ids), md5=md5)
    return Call(
        operation="completeUpload",
        method="POST",
        path=f"/uploads/{segment('upload_id', upload_id)}/complete",
        body=JsonBody(value=body.model_dump(exclude_none=True)),
        parse=lambda answer: _completed(upload_id, reading(Upload)(answer)),
        options=options,
        watch=watch,
        patient=patient,
        most_ms=FINISHING_MS,
        settle=lambda error: _completed_before(upload_id, error, options),
    )


def _completed(upload_id: str, upload: Upload) -> CompletedUpload:
    if upload.status != "completed" or upload.file is None:
        raise CorruptedError(
            f"The server took the completion of {upload_id} and made no File of it: it answers with"
            f" status {upload.status!r} and {'no' if upload.file is None else 'a'} File"
        )
    return CompletedUpload.of(upload)


def _completed_before(
    upload_id: str, error: SDKError, options: RequestOptions
) -> Flow[CompletedUpload | None]:
    """One that was completed and has no File any more is refused for that."""
    upload = yield from _settled(upload_id, "completed", error, options)
    return None if upload is None or upload.file is None else CompletedUpload.of(upload)


def _settled(upload_id: str, status: str, error: SDKError, options: RequestOptions) -> Flow[Upload | None]:
    """The Upload, if it has the status that the call was for: its answer was lost, and it is refused now."""
    if not isinstance(error, BadRequestError):
        return None
    try:
        upload = yield from get_upload(upload_id=upload_id, options=options)
    except HeavyliftError:  # a server that cannot be asked: the refusal stands
        return None
    return upload if upload.status == status else None


def cancel_upload(upload_id: str, *, options: RequestOptions | None = None) -> Flow[Upload]:
    """Give the Upload up; its Parts are dropped. Safe to repeat."""
    return (
        yield from ask(
            Call(
                operation="cancelUpload",
                method="POST",
                path=f"/uploads/{segment('upload_id', upload_id)}/cancel",
                parse=reading(Upload),
                options=given(options),
                settle=lambda error: _settled(upload_id, "cancelled", error, given(options)),
            )
        )
    )


def get_upload(upload_id: str, *, options: RequestOptions | None = None) -> Flow[Upload]:
    """One Upload, with what it has received. Needs a heavylift server."""
    return (
        yield from ask(
            Call(
                operation="getUpload",
                method="GET",
                path=f"/uploads/{segment('upload_id', upload_id)}",
                parse=reading(Upload),
                options=given(options),
            )
        )
    )


def list_uploads(
    *,
    status: Literal["pending", "completed", "cancelled", "expired"] | None = None,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    after: str | None = None,
    options: RequestOptions | None = None,
) -> Flow[Page[Upload]]:
    """At most `limit` Uploads by creation time, newest first unless `order` says otherwise.

    Needs a heavylift server.
    """
    return (
        yield from ask(
            Call(
                operation="listUploads",
                method="GET",
                path="/uploads",
                query=query(status=status, limit=limit, order=order, after=after),
                parse=reading_page(Page[Upload]),
                most_bytes=MOST_OF_PAGE,
                options=given(options),
            )
        )
    )


def list_upload_parts(
    upload_id: str,
    *,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    after: str | None = None,
    options: RequestOptions | None = None,
) -> Flow[Page[UploadPart]]:
    """The Parts that an Upload has, at most `limit`, with sizes and checksums. Needs a heavylift server."""
    return (
        yield from ask(
            Call(
                operation="listUploadParts",
                method="GET",
                path=f"/uploads/{segment('upload_id', upload_id)}/parts",
                query=query(limit=limit, order=order, after=after),
                parse=reading_page(Page[UploadPart]),
                most_bytes=MOST_OF_PAGE,
                options=given(options),
            )
        )
    )
