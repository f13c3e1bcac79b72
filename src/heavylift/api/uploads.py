"""Routes of Uploads and their Parts."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from heavylift.api.body import declared_length
from heavylift.api.context import Caller, Context, Stories
from heavylift.api.digests import expected_digests
from heavylift.api.documents import read_json
from heavylift.api.idempotency import OFFER, idempotency_key
from heavylift.api.intake import incoming
from heavylift.api.leaving import unless_gone
from heavylift.api.listing import listing
from heavylift.api.multipart import PartForm, boundary_of
from heavylift.api.openapi import OURS, PART_BODY, json_body, responses
from heavylift.api.paging import PAGE_QUERY, asked, choice, page_of, query
from heavylift.api.schemas import (
    CompleteUpload,
    CreateUpload,
    PartList,
    PartObject,
    UploadList,
    UploadObject,
)
from heavylift.api.shares import Place
from heavylift.api.small import MOST as SMALL
from heavylift.api.small import small
from heavylift.domain import ids
from heavylift.domain.errors import MalformedBody
from heavylift.domain.uploads import Part, Status
from heavylift.service.meter import Meter
from heavylift.service.ports import Incoming, Page, Project
from heavylift.service.uploads import Snapshot

router = APIRouter(prefix="/uploads", tags=["Uploads"])

NEW = {"filename": "notes.txt", "purpose": "user_data", "bytes": 12, "mime_type": "text/plain"}
"""What the documentation's page begins with."""

STATUSES = [status.value for status in Status]


@router.post(
    "", operation_id="createUpload", responses=responses(400, 408, 413, 415, 507),
    openapi_extra=json_body(CreateUpload, NEW),
)  # fmt: skip
async def create_upload(request: Request, context: Stories, caller: Caller) -> UploadObject:
    """Create an Upload: a file in the making, open for an hour."""
    return UploadObject.of(await open_upload(request, context, caller))


async def open_upload(request: Request, context: Context, caller: Project) -> Snapshot:
    """Create the Upload that the request's body describes."""
    key = idempotency_key(request.headers)
    async with context.gate.enter_document(caller.id) as stay:
        body = await read_json(
            request, CreateUpload, limits=context.limits, patience=context.document_patience, stay=stay
        )
        return await context.uploads.create(
            caller.id,
            filename=body.filename,
            purpose=body.purpose,
            bytes=body.bytes,
            mime_type=body.mime_type,
            lifetime=body.expires_after.seconds if body.expires_after else None,
            key=key,
        )


@router.get(
    "", operation_id="listUploads", response_model=UploadList, responses=responses(400, 404),
    openapi_extra=OURS | {"parameters": [
        query("status", "Only Uploads of this status.", type="string", enum=STATUSES), *PAGE_QUERY,
    ]},
)  # fmt: skip
async def list_uploads(request: Request, context: Stories, caller: Caller) -> Response:
    """List Uploads, newest first. Extension of heavylift."""
    page, shown = page_of(request, ids.UPLOAD, most=context.limits.page)
    chosen = choice("status", asked(request, "status"), STATUSES)
    status = Status(chosen) if chosen else None
    fetch = partial(_page_of_uploads, context, caller, status)
    return await listing(page, shown, fetch, UploadObject.of, headers=OFFER)


async def _page_of_uploads(
    context: Context, caller: Project, status: Status | None, page: Page
) -> Sequence[Snapshot]:
    return await context.uploads.list(caller.id, status=status, page=page)


@router.get("/{upload_id}", operation_id="retrieveUpload", responses=responses(404), openapi_extra=OURS)
async def retrieve_upload(upload_id: str, context: Stories, caller: Caller) -> UploadObject:
    """Retrieve an Upload, with what it has received so far. Extension of heavylift."""
    return UploadObject.of(await context.uploads.retrieve(caller.id, upload_id))


@router.post(
    "/{upload_id}/parts", operation_id="addUploadPart", responses=responses(400, 404, 408, 413, 415, 507),
    openapi_extra=PART_BODY,
)  # fmt: skip
async def add_upload_part(upload_id: str, request: Request, context: Stories, caller: Caller) -> PartObject:
    """Add a Part: up to 64 MiB, in parallel with others, in any order.

    The bytes come as the form field `data`, or as the body itself with the content type
    `application/octet-stream` (an extension).
    """
    return PartObject.of(await receive_part(upload_id, request, context, caller))


async def receive_part(upload_id: str, request: Request, context: Context, caller: Project) -> Part:
    """Take the request's body as a Part of the Upload."""
    async with context.gate.enter(caller.id) as stay:
        meter = context.uploads.meter(expected_digests(request.headers.items()))
        payload, at_least = _payload(request, context, meter, stay.place)
        return await context.uploads.add_part(caller.id, upload_id, payload, at_least=at_least, meter=meter)


def _payload(request: Request, context: Context, meter: Meter, place: Place) -> tuple[Incoming, int]:
    """The Part's bytes as they arrive, and how many there are at least, by the request's head."""
    content_type = request.headers.get("content-type", "")
    length = declared_length(request)
    take = incoming if length is None or length > SMALL else small
    length = length or 0
    match content_type.partition(";")[0].strip().lower():
        case "application/octet-stream":
            return take(request, context.patience, place), length
        case "multipart/form-data":
            form = PartForm(
                boundary_of(content_type),
                limits=context.limits,
                on_field=lambda field: meter.expect(expected_digests(field.headers)),
            )
            return take(request, context.patience, place, form), max(0, length - context.limits.field_bytes)
    raise MalformedBody(
        "Send a Part as multipart/form-data with the field `data`, or its bytes alone as"
        f" application/octet-stream, not as '{content_type[:100]}'.",
        param="data",
    )


@router.get(
    "/{upload_id}/parts", operation_id="listUploadParts", response_model=PartList,
    responses=responses(400, 404),
    openapi_extra=OURS | {"parameters": PAGE_QUERY},
)  # fmt: skip
async def list_upload_parts(upload_id: str, request: Request, context: Stories, caller: Caller) -> Response:
    """List the Parts that an Upload holds, newest first. Extension of heavylift."""
    page, shown = page_of(request, ids.PART, most=context.limits.page)
    fetch = partial(_page_of_parts, context, caller, upload_id)
    return await listing(page, shown, fetch, PartObject.of, headers={})


async def _page_of_parts(context: Context, caller: Project, upload_id: str, page: Page) -> Sequence[Part]:
    return await context.uploads.parts(caller.id, upload_id, page=page)


@router.post(
    "/{upload_id}/complete", operation_id="completeUpload", responses=responses(400, 404, 408, 413, 415, 507),
    openapi_extra=json_body(CompleteUpload, {"part_ids": ["part_..."]}),
)  # fmt: skip
async def complete_upload(upload_id: str, request: Request, context: Stories, caller: Caller) -> UploadObject:
    """Complete an Upload: the listed Parts, in that order, become a File.

    Repeating the call with the same arguments gives the same answer. A refusal leaves the
    Upload pending.
    """
    async with context.gate.enter_document(caller.id, ending=True) as stay:
        body = await read_json(
            request, CompleteUpload, limits=context.limits, patience=context.document_patience, stay=stay
        )
        completing = context.uploads.complete(caller.id, upload_id, part_ids=body.part_ids, md5=body.md5)
        snapshot = await (completing if body.md5 is None else unless_gone(request, completing))
    return UploadObject.of(snapshot)


@router.post("/{upload_id}/cancel", operation_id="cancelUpload", responses=responses(400, 404, 415, 507))
async def cancel_upload(upload_id: str, context: Stories, caller: Caller) -> UploadObject:
    """Cancel an Upload: no Part is taken any more, and those it holds are dropped."""
    return UploadObject.of(await context.uploads.cancel(caller.id, upload_id))
