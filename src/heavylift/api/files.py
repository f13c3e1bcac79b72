"""Routes of Files: post, list, retrieve, download, delete."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from heavylift.api.body import chunks, declared_length
from heavylift.api.context import Caller, Context, Stories
from heavylift.api.disposition import attachment
from heavylift.api.documents import validated
from heavylift.api.download import DirectDownload, Download
from heavylift.api.errors import as_refusal, refusal_response
from heavylift.api.idempotency import OFFER, idempotency_key
from heavylift.api.lane import lane_of
from heavylift.api.listing import listing
from heavylift.api.multipart import FileForm, boundary_of
from heavylift.api.openapi import BINARY, FILE_BODY, OURS, responses
from heavylift.api.paging import PAGE_QUERY, asked, page_of, query
from heavylift.api.ranges import Selected, http_date, select
from heavylift.api.schemas import DeletedFile, ExpiresAfter, FileList, FileObject
from heavylift.domain import checksums, ids
from heavylift.domain.errors import InvalidRequest, MalformedBody, NoSuchFile
from heavylift.domain.files import File, Span
from heavylift.domain.limits import Limits
from heavylift.service.files import Description
from heavylift.service.ports import BlobMissing, Page, Project, StorageDown

router = APIRouter(prefix="/files", tags=["Files"])

BYTES = {"application/octet-stream": {"schema": BINARY}}

VERIFIED = "Heavylift-Verified"
"""How much of what is sent is compared with the checksums before the answer ends: all, some or none."""

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": BYTES},
    206: {"description": "The bytes of the range.", "content": BYTES},
    304: {"description": "Unchanged: the client has these bytes already."},
}
HEADERS: dict[int | str, dict[str, Any]] = {200: {"description": "What there is."}, 304: CONTENT[304]}


@router.post(
    "", operation_id="createFile", responses=responses(400, 408, 413, 415, 507), openapi_extra=FILE_BODY
)
async def create_file(request: Request, context: Stories, caller: Caller) -> FileObject:
    """Upload a file of up to 512 MiB in one request. Larger ones go through an Upload."""
    key = idempotency_key(request.headers)
    async with context.gate.enter(caller.id) as stay:
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
            raise MalformedBody(
                "Send a file as multipart/form-data with the fields `file` and `purpose`.", param="file"
            )
        form = FileForm(
            chunks(request, context.patience, stay.place),
            boundary=boundary_of(content_type, param="file"),
            limits=context.limits,
        )
        at_least = max(0, (declared_length(request) or 0) - 4 * context.limits.field_bytes)
        file = await context.files.create(
            caller.id,
            form.payload(),
            lambda: _description(form, context.limits),
            at_least=at_least,
            key=key,
        )
    return FileObject.of(file)


def _description(form: FileForm, limits: Limits) -> Description:
    """What the form's text fields say, once all have come."""
    assert form.file is not None
    assert form.file.filename is not None
    if "purpose" not in form.texts:
        raise InvalidRequest("Missing required parameter: 'purpose'.", param="purpose")
    return Description(
        filename=form.file.filename, purpose=form.texts["purpose"], lifetime=_lifetime(form.texts, limits)
    )


def _lifetime(texts: Mapping[str, str], limits: Limits) -> int | None:
    """The two fields of `expires_after`, in seconds: both or neither. An empty one says nothing."""
    given = {
        name: texts[f"expires_after[{name}]"]
        for name in ("anchor", "seconds")
        if texts.get(f"expires_after[{name}]")
    }
    if not given:
        return None
    seconds = given.get("seconds", "")
    numbered = given | {"seconds": int(seconds)} if re.fullmatch("[0-9]{1,12}", seconds) else given
    try:
        return validated(numbered, ExpiresAfter, limits).seconds
    except InvalidRequest as refusal:
        raise InvalidRequest(refusal.message, param=f"expires_after.{refusal.param}") from None


@router.get(
    "", operation_id="listFiles", response_model=FileList, responses=responses(400, 404),
    openapi_extra={"parameters": [
        query("purpose", "Only Files of this purpose.", type="string"), *PAGE_QUERY,
    ]},
)  # fmt: skip
async def list_files(request: Request, context: Stories, caller: Caller) -> Response:
    """List Files, newest first."""
    page, shown = page_of(request, ids.FILE, most=context.limits.page)
    purpose = asked(request, "purpose")
    if purpose is not None:
        purpose = purpose.replace("\0", "\ufffd")  # which no database takes, and no purpose has
    fetch = partial(_page_of_files, context, caller, purpose)
    return await listing(page, shown, fetch, FileObject.of, headers=OFFER)


async def _page_of_files(
    context: Context, caller: Project, purpose: str | None, page: Page
) -> Sequence[File]:
    return await context.files.list(caller.id, purpose=purpose, page=page)


@router.get("/{file_id}", operation_id="retrieveFile", responses=responses(404))
async def retrieve_file(file_id: str, context: Stories, caller: Caller) -> FileObject:
    """Retrieve what is known of a File."""
    return FileObject.of(await context.files.retrieve(caller.id, file_id))


@router.delete("/{file_id}", operation_id="deleteFile", responses=responses(404, 507))
async def delete_file(file_id: str, context: Stories, caller: Caller) -> DeletedFile:
    """Delete a File. Downloads that have begun come to their end."""
    await context.files.delete(caller.id, file_id)
    return DeletedFile(id=file_id)


@router.get(
    "/{file_id}/content", operation_id="downloadFile", response_class=Response,
    responses=CONTENT | responses(400, 404, 412, 416),
)  # fmt: skip
async def download_file(file_id: str, request: Request, context: Stories, caller: Caller) -> Response:
    """Download a File's bytes, all or a `Range`; `If-Range`, `If-Match` and `If-None-Match` are honoured."""
    return await send_content(file_id, request, context, caller)


router.head(
    "/{file_id}/content", operation_id="headFile", response_class=Response,
    description="The headers of a download, without its bytes. A `Range` is passed over."
    " Extension of heavylift.",
    responses=HEADERS | responses(400, 404, 412),
    openapi_extra=OURS,
)(download_file)  # fmt: skip


async def send_content(file_id: str, request: Request, context: Context, caller: Project) -> Response:
    """The answer to the request for a File's bytes."""
    selected = Selected(200, 0, 0)

    def wanted(file: File) -> Span | None:
        nonlocal selected
        selected = select(
            request.headers.items(),
            size=file.bytes,
            etag=_etag(file),
            last_modified=file.created_at,
            ranged=request.method == "GET",
        )
        return Span(selected.start, selected.stop) if request.method != "HEAD" else None

    file, places = await context.files.content(caller.id, file_id, wanted)
    status, headers = selected.status, _headers(file, selected)
    if status == 304 or request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    request.state.file = file_id
    lane, pieces = lane_of(request), context.files.open(places)
    instead = partial(_without_bytes, context, caller, file_id)
    leave = context.readers.enter(caller.id)
    if lane is not None and lane.can_send() and pieces is not None and places:
        headers[VERIFIED] = "none"  # the kernel sends them: nobody here sees them
        return DirectDownload(
            lane, pieces, patience=context.patience, instead=instead, leave=leave, status=status,
            headers=headers,
        )  # fmt: skip
    headers[VERIFIED] = context.files.verified(places)
    try:
        return await Download.begin(context.files.read(places), status, headers, leave=leave)
    except BaseException as error:
        leave()
        if isinstance(error, BlobMissing | StorageDown):
            return await instead(error)
        raise


async def _without_bytes(context: Context, caller: Project, file_id: str, error: Exception) -> Response:
    """The answer when the bytes cannot be read."""
    if isinstance(error, BlobMissing):
        try:
            await context.files.retrieve(caller.id, file_id)
        except (NoSuchFile, StorageDown) as reason:  # it was deleted a moment ago
            error = reason
    refusal = as_refusal(error)
    if refusal is None:
        raise error
    return refusal_response(refusal)


def _etag(file: File) -> str:
    """The bytes never change, so it is the id and the checksum."""
    return f'"{file.id}-{checksums.to_hex(file.checksum)}"'


def _headers(file: File, selected: Selected) -> dict[str, str]:
    """What a File's bytes are sent with."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": attachment(file.filename),
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": _etag(file),
        "Last-Modified": http_date(file.created_at),
        "Cache-Control": "private, no-transform",
    }
    if selected.status != 304:
        headers["Content-Length"] = str(selected.length)
    if selected.status == 206:
        headers["Content-Range"] = f"bytes {selected.start}-{selected.stop - 1}/{file.bytes}"
    return headers
