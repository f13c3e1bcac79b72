"""The protocol's objects. Unknown fields are kept, so a newer server loses nothing here."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = [
    "CompletedUpload",
    "DownloadedFile",
    "ExpiresAfter",
    "File",
    "FileDeleted",
    "Page",
    "Upload",
    "UploadPart",
]

T = TypeVar("T")


def _whole(value: object) -> object:
    """A moment in whole seconds: other servers send fractions, too."""
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


Moment = Annotated[int, BeforeValidator(_whole)]
"""Unix time in seconds, 0 where the server does not tell."""


class Model(BaseModel):
    """What all of them share: unknown fields stay readable as attributes and in `model_dump()`.

    Only what a transfer needs must be there (`id`, `status`, `data`). Of the rest, what a server leaves
    out is 0, empty or None; `model_fields_set` tells the names that it sent.
    """

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """What is null counts as left out: servers differ in which of the two they mean by "not known"."""
        if not isinstance(value, dict):
            return value
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {key: given for key, given in value.items() if given is not None or key not in optional}

    def to_dict(self) -> dict[str, Any]:
        """What the server sent, as a dictionary."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The same as JSON."""
        return self.model_dump_json(exclude_unset=True, indent=indent)


class Identified(Model):
    """What has an id, and so can be paged through."""

    id: Annotated[str, Field(min_length=1)]


class ExpiresAfter(Model):
    """When the File is to expire: `seconds` (3600 to 2592000) after the `anchor`."""

    anchor: Literal["created_at"] = "created_at"
    seconds: int


class File(Identified):
    """A stored file. `created_at` and `expires_at` are Unix times in seconds.

    `checksum` is shown by heavylift servers: `crc64nvme:` and 16 hex digits over the content.
    """

    bytes: int = 0
    created_at: Moment = 0
    filename: str = ""
    purpose: str = ""
    object: str = "file"
    status: str | None = None
    status_details: Any = None
    expires_at: Moment | None = None
    checksum: str | None = None


class Upload(Identified):
    """An Upload: `status` is pending, completed, cancelled or expired.

    `bytes` is the declared size, `expires_at` the Upload's own deadline; `file` is there once
    it is completed. `bytes_received` and `parts_count` are shown by heavylift servers.
    """

    bytes: int = 0
    created_at: Moment = 0
    expires_at: Moment = 0
    filename: str = ""
    purpose: str = ""
    status: str
    object: str = "upload"
    file: File | None = None
    bytes_received: int | None = None
    parts_count: int | None = None


class CompletedUpload(Upload):
    """An Upload that has become a File."""

    file: File

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """The same, of an Upload that has its File. Raises ValidationError for one that has none."""
        return cls.model_validate(upload.model_dump(exclude_unset=True))


def told_bytes(shown: File | Upload) -> int | None:
    """The size that the server tells; None where it tells none. What a transfer is held against is never the
    0 that stands in for that."""
    told = "bytes" in shown.model_fields_set and shown.bytes >= 0
    return shown.bytes if told else None


class UploadPart(Identified):
    """A Part of an Upload. Its size and `checksum` are shown by heavylift servers."""

    created_at: Moment = 0
    upload_id: str = ""
    object: str = "upload.part"
    bytes: int | None = None
    checksum: str | None = None


class FileDeleted(Identified):
    """The receipt of a deletion."""

    deleted: bool = True
    object: str = "file"


class Page(Model, Generic[T]):
    """One page of a list: iterated over, counted and indexed as what it holds.

    Servers of the first protocol send neither cursor nor `has_more`.
    """

    data: Annotated[list[T], BeforeValidator(lambda value: [] if value is None else value)]
    object: str = "list"
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False

    def __iter__(self) -> Iterator[T]:  # type: ignore[override] # of what it holds, not of its fields
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> T:
        return self.data[index]


class DownloadedFile(Model):
    """A File that now lies on the local disk, whole.

    `verified` tells whether the server showed a checksum to compare with; `resumed_bytes`
    were there from an earlier, interrupted download.
    """

    path: str
    bytes: int
    file: File
    verified: bool
    resumed_bytes: int = Field(default=0)


class FileResult(BaseModel):
    """What became of one file of many, sent or fetched: its `file` on the server, or the `error`.

    `skipped` says why it was left out: it was there before (then `file` is the one on the server), or it
    is no regular file. `path` is the local one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: str
    filename: str
    file: File | None = None
    error: Exception | None = None
    skipped: str = ""
