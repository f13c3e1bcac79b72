"""The operations on Files, but for the story of a download."""

from contextlib import closing
from typing import Final, Literal

from heavylift.client import checksums
from heavylift.client.calls import MOST_OF_PAGE, Answer, Call, Flow, FormBody, Sink, Watch, ask
from heavylift.client.errors import CorruptedError, FileChangedError, HeavyliftError, NotFoundError, SDKError
from heavylift.client.intake import explain_empty, take_in
from heavylift.client.models import File, FileDeleted, Page, told_bytes
from heavylift.client.named import named
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
from heavylift.client.sources import FileInput, Local

RAW: Final = {"Accept": "application/binary", "Accept-Encoding": "identity"}
"""The bytes as they are: compressed ones could not be counted, resumed or compared."""


class NewFile(Arguments):
    """What creates a File in one request."""

    purpose: Named
    expires_after: Expires = None


def create_file(
    file: FileInput,
    *,
    purpose: str,
    filename: str | None = None,
    expires_after: Expiry | None = None,
    options: RequestOptions | None = None,
) -> Flow[File]:
    """Upload a small file in one request. For large ones `upload_file` is faster and can be resumed."""
    texts = form_texts(purpose, expires_after)
    local = yield from take_in(file, filename=filename)
    with closing(local):
        mime_type = named(file).mime_type or "application/octet-stream"
        return (yield from post_file(local, texts=texts, mime_type=mime_type, options=given(options)))


def form_texts(purpose: str, expires_after: Expiry | None) -> tuple[tuple[str, str], ...]:
    """What a form says beside its file. Raises SDKValidationError."""
    fields = checked(NewFile, purpose=purpose, expires_after=expires_after)
    texts = [("purpose", fields.purpose)]
    if fields.expires_after is not None:
        texts.append(("expires_after[anchor]", fields.expires_after.anchor))
        texts.append(("expires_after[seconds]", str(fields.expires_after.seconds)))
    return tuple(texts)


def post_file(
    local: Local,
    *,
    texts: tuple[tuple[str, str], ...],
    mime_type: str,
    options: RequestOptions,
    watch: Watch | None = None,
    patient: bool = False,
) -> Flow[File]:
    """Send it in one request. What the server has made of anything else than its bytes is deleted again.

    Raises CorruptedError where the server shows another size or checksum, FileChangedError.
    """
    body = FormBody(
        field="file",
        source=local.slice(0, local.size),
        filename=local.name,
        content_type=mime_type,
        texts=texts,
    )
    try:
        created, sent = yield from ask(_creation(body, options, watch, patient=patient))
    except HeavyliftError as error:
        explain_empty(error, local)
        raise
    try:
        local.check_unchanged()
        _check(created, local.size, sent)
    except (FileChangedError, CorruptedError) as error:
        error.add_note((yield from _deleted(created.id, options)))
        raise
    return created


def _check(created: File, size: int, sent: int | None) -> None:
    told = told_bytes(created)
    if told is not None and told != size:
        raise CorruptedError(f"The File {created.id} is not what was sent: it has {told} bytes of {size}")
    shown = created.checksum
    if sent is not None and checksums.comparable(shown) and not checksums.agrees(shown, sent):
        raise CorruptedError(f"The File {created.id} is not what was sent: its checksum is another one")


def _creation(
    body: FormBody, options: RequestOptions, watch: Watch | None, *, patient: bool
) -> Call[tuple[File, int | None]]:
    read = reading(File)
    return Call(
        operation="createFile",
        method="POST",
        path="/files",
        body=body,
        parse=lambda answer: (read(answer), answer.sent_checksum),
        once=True,
        options=options,
        watch=watch,
        patient=patient,
    )


def _deleted(file_id: str, options: RequestOptions) -> Flow[str]:
    """Delete what was made of two states of a file; what became of it, as a sentence."""
    try:
        yield from delete_file(file_id=file_id, options=options)
    except HeavyliftError as error:
        return f"The File {file_id} holds a mixture and could not be deleted ({error}). Delete it."
    return f"The File {file_id}, which held a mixture, is deleted."


def list_files(
    *,
    purpose: str | None = None,
    limit: int | None = None,
    order: Literal["asc", "desc"] | None = None,
    after: str | None = None,
    options: RequestOptions | None = None,
) -> Flow[Page[File]]:
    """At most `limit` Files by creation time, newest first unless `order` says otherwise."""
    return (
        yield from ask(
            Call(
                operation="listFiles",
                method="GET",
                path="/files",
                query=query(purpose=purpose, limit=limit, order=order, after=after),
                parse=reading_page(Page[File]),
                most_bytes=MOST_OF_PAGE,
                options=given(options),
            )
        )
    )


def retrieve_file(file_id: str, *, options: RequestOptions | None = None) -> Flow[File]:
    """What is known of one File."""
    return (
        yield from ask(
            Call(
                operation="retrieveFile",
                method="GET",
                path=f"/files/{segment('file_id', file_id)}",
                parse=reading(File),
                options=given(options),
            )
        )
    )


def delete_file(file_id: str, *, options: RequestOptions | None = None) -> Flow[FileDeleted]:
    """Delete one File for good."""
    return (
        yield from ask(
            Call(
                operation="deleteFile",
                method="DELETE",
                path=f"/files/{segment('file_id', file_id)}",
                parse=lambda answer: (
                    reading(FileDeleted)(answer) if answer.content else FileDeleted(id=file_id, deleted=True)
                ),
                options=given(options),
                settle=lambda error: _deleted_before(file_id, error),
            )
        )
    )


def _deleted_before(file_id: str, error: SDKError) -> Flow[FileDeleted | None]:
    """A File that is not there any more, after a deletion whose answer was lost, was deleted by it."""
    yield from ()
    return FileDeleted(id=file_id, deleted=True) if isinstance(error, NotFoundError) else None


def open_content(*, file_id: str, headers: dict[str, str], options: RequestOptions) -> Flow[Answer]:
    """The content, or the range that the headers ask for, left unread in the answer."""
    return (yield from ask(_content(file_id, {**RAW, **headers}, options=options, stream=True)))


def fetch_content(
    *,
    file_id: str,
    headers: dict[str, str],
    sink: Sink,
    watch: Watch,
    options: RequestOptions = NO_OPTIONS,
) -> Flow[Answer]:
    """The content, or the range that the headers ask for, into the sink."""
    return (
        yield from ask(
            _content(file_id, {**RAW, **headers}, options=options, sink=sink, watch=watch, patient=True)
        )
    )


def _content(
    file_id: str,
    headers: dict[str, str],
    *,
    options: RequestOptions,
    sink: Sink | None = None,
    watch: Watch | None = None,
    stream: bool = False,
    patient: bool = False,
) -> Call[Answer]:
    return Call(
        operation="downloadFile",
        method="GET",
        path=f"/files/{segment('file_id', file_id)}/content",
        headers=headers,
        parse=lambda answer: answer,
        options=options,
        sink=sink,
        watch=watch,
        stream=stream,
        patient=patient,
    )
