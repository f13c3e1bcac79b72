"""An Upload's life. Only TRANSITIONS may say what follows what; everything else asks it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from heavylift.domain import files
from heavylift.domain.errors import (
    BytesMismatch,
    DuplicatePart,
    InvalidRequest,
    PartNotFound,
    PartTooLarge,
    TooManyParts,
    UnfitFile,
    UploadCancelled,
    UploadClosed,
    UploadCompleted,
    UploadExpired,
    UploadTooLarge,
)
from heavylift.domain.files import Extent, File
from heavylift.domain.limits import Limits


class Status(StrEnum):
    """As the wire spells them."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Action(StrEnum):
    """What may be asked of an Upload."""

    ADD_PART = "take another Part"
    COMPLETE = "be completed"
    CANCEL = "be cancelled"


TRANSITIONS: Mapping[Status, Mapping[Action, Status]] = {
    Status.PENDING: {
        Action.ADD_PART: Status.PENDING,
        Action.COMPLETE: Status.COMPLETED,
        Action.CANCEL: Status.CANCELLED,
    },
    Status.COMPLETED: {},
    Status.CANCELLED: {Action.CANCEL: Status.CANCELLED},
    Status.EXPIRED: {},
}
"""What is not here is refused. PENDING becomes EXPIRED by the clock alone."""

CLOSED: Mapping[Status, type[UploadClosed]] = {
    Status.COMPLETED: UploadCompleted,
    Status.CANCELLED: UploadCancelled,
    Status.EXPIRED: UploadExpired,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file in the making. Times in Unix seconds, sizes in bytes.

    `bytes` is what was declared, `held_bytes` and `held_parts` what has arrived and is
    still kept. `state` is what the catalog last stored: ask `status_at` instead.
    `receipt` fingerprints the arguments that completed it.
    """

    id: str
    project: str
    filename: str
    purpose: str
    mime_type: str
    bytes: int
    created_at: int
    expires_at: int
    file_lifetime: int | None = None
    state: Status = Status.PENDING
    held_bytes: int = 0
    held_parts: int = 0
    file_id: str | None = None
    receipt: str | None = None

    def status_at(self, now: float) -> Status:
        """The status as seen at `now`: a pending Upload past its deadline has expired."""
        if self.state is Status.PENDING and now >= self.expires_at:
            return Status.EXPIRED
        return self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of an Upload, immutable from the moment it exists."""

    id: str
    upload_id: str
    created_at: int
    extent: Extent


def open_upload(
    *,
    id: str,
    project: str,
    filename: str,
    purpose: str,
    mime_type: str,
    bytes: int,
    file_lifetime: int | None,
    now: float,
    limits: Limits,
) -> Upload:
    """A new pending Upload, or a refusal of its size."""
    if bytes < 0 or (bytes == 0 and not limits.empty_files):
        raise InvalidRequest(f"bytes is {bytes}; an Upload must declare at least 1 byte.", param="bytes")
    if bytes > limits.upload_bytes:
        raise UploadTooLarge(
            f"bytes is {bytes}; an Upload holds at most {limits.upload_bytes} bytes. Store it in several.",
            param="bytes",
        )
    created_at = int(now)
    return Upload(
        id=id,
        project=project,
        filename=filename,
        purpose=purpose,
        mime_type=mime_type,
        bytes=bytes,
        created_at=created_at,
        expires_at=created_at + limits.upload_seconds,
        file_lifetime=file_lifetime,
    )


def move(upload: Upload, action: Action, now: float) -> Status:
    """The status that follows, or the refusal that TRANSITIONS implies."""
    status = upload.status_at(now)
    try:
        return TRANSITIONS[status][action]
    except KeyError:
        raise CLOSED[status](
            f"Upload {upload.id} is {status} and can no longer {action}. Create a new one.", param="upload_id"
        ) from None


def admit_part(upload: Upload, size: int, now: float, limits: Limits) -> None:
    """Refuse a Part of `size` bytes that this Upload cannot take at `now`.

    Asked twice: before the body is read, with as much of its size as the head tells,
    and once it has arrived, with the size that it turned out to have.
    """
    move(upload, Action.ADD_PART, now)
    check_part_size(size, limits)
    if upload.held_parts >= limits.parts:
        raise TooManyParts(
            f"Upload {upload.id} holds {upload.held_parts} Parts, the most there may be. Send larger Parts.",
            param="upload_id",
        )
    if upload.held_bytes + size > limits.held_bytes:
        raise UploadTooLarge(
            f"Upload {upload.id} holds {upload.held_bytes} bytes; {size} more would exceed"
            f" the {limits.held_bytes} that it may hold. Complete it with the Parts that"
            " it has, or cancel it.",
            param="data",
        )


def check_part_size(size: int, limits: Limits) -> None:
    """Refuse a Part over the limit."""
    if size > limits.part_bytes:
        raise PartTooLarge(
            f"A Part holds at most {limits.part_bytes} bytes. Send the same bytes in smaller Parts.",
            param="data",
        )


def check_part_filled(size: int) -> None:
    """Refuse a Part without a byte."""
    if size == 0:
        raise UnfitFile("The Part is empty: `data` must hold at least 1 byte.", param="data")


def list_parts(upload: Upload, held: Sequence[Part], part_ids: Sequence[str]) -> list[Extent]:
    """The extents of the file that `part_ids` describe, in that order.

    Raises DuplicatePart, PartNotFound, or BytesMismatch when they do not add up to what
    the Upload declared.
    """
    doubled = [part_id for part_id, times in Counter(part_ids).items() if times > 1]
    if doubled:
        raise DuplicatePart(
            f"Listed more than once: {some_of(doubled)}. List every Part once.", param="part_ids"
        )
    by_id = {part.id: part for part in held}
    unknown = [part_id for part_id in part_ids if part_id not in by_id]
    if unknown:
        raise PartNotFound(
            f"Not among the Parts of Upload {upload.id}: {some_of(unknown)}."
            " List ids that its Parts were given.",
            param="part_ids",
        )
    extents = [by_id[part_id].extent for part_id in part_ids]
    listed = sum(extent.bytes for extent in extents)
    if listed != upload.bytes:
        raise BytesMismatch(explain_mismatch(upload, held, part_ids, listed), param="part_ids")
    return extents


def explain_mismatch(upload: Upload, held: Sequence[Part], part_ids: Sequence[str], listed: int) -> str:
    """What is missing or in excess, and what the Upload holds that was not listed."""
    difference = upload.bytes - listed
    what = f"{difference} are missing" if difference > 0 else f"{-difference} are too many"
    listed_ids = set(part_ids)
    unlisted = [part.id for part in held if part.id not in listed_ids]
    hint = f" Held but not listed: {some_of(unlisted)}." if unlisted else ""
    return (
        f"Upload {upload.id} expects {upload.bytes} bytes, the {len(part_ids)} listed Parts"
        f" hold {listed}: {what}.{hint} The Upload stays pending: list Parts"
        " that add up, or send what is missing."
    )


def some_of(names: Sequence[str], *, most: int = 10) -> str:
    """A list for a sentence, cut where it would no longer be read."""
    shown = ", ".join(name[:64] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def finished_file(upload: Upload, extents: Sequence[Extent], now: float, *, id: str) -> File:
    """The File, of that id, which a completed Upload becomes."""
    created_at = int(now)
    return File(
        id=id,
        project=upload.project,
        filename=upload.filename,
        purpose=upload.purpose,
        bytes=upload.bytes,
        checksum=files.checksum_of(extents),
        created_at=created_at,
        expires_at=None if upload.file_lifetime is None else created_at + upload.file_lifetime,
    )


def receipt_for(part_ids: Sequence[str], md5: str | None) -> str:
    """A fingerprint of `complete`'s arguments: the same call again is told by it."""
    arguments = json.dumps([list(part_ids), md5 and md5.lower()])
    return hashlib.sha256(arguments.encode()).hexdigest()
