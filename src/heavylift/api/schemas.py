"""The wire's objects: what requests may say and what answers hold, extensions marked as such."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from heavylift.domain import checksums
from heavylift.domain.errors import TooManyParts
from heavylift.domain.files import File
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import PURPOSES
from heavylift.domain.uploads import Part
from heavylift.service.uploads import Snapshot

LIMITS = Limits()
"""The defaults, for the documentation alone. The domain enforces what is in force."""

EXTENSION = "Extension of heavylift: OpenAI's service does not have it."
CHECKSUM = f"CRC-64/NVME of the bytes, as `crc64nvme:` and 16 hex digits. {EXTENSION}"

PURPOSE: dict[str, Any] = {"enum": list(PURPOSES), "default": "user_data"}
"""Those that there always are. The default is for who fills in a form: a request has to name one."""

Absent = Field(default=None, exclude_if=lambda value: value is None)
"""An optional field that is left out where there is nothing to say: some clients refuse null."""

UnixTime = Annotated[int, Field(description="Unix time in seconds.")]


def _storable(text: str) -> str:
    """Refuse what no database and no header takes: control characters and halves of characters."""
    if any(character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("unstorable", "It must be valid Unicode without control characters")
    return text


Text = Annotated[StrictStr, AfterValidator(_storable)]


def _few_enough(value: object, info: ValidationInfo) -> object:
    """Refuse a list that is too long before any of its entries is looked at."""
    most = (info.context or LIMITS).parts
    if isinstance(value, list) and len(value) > most:
        raise TooManyParts(
            f"part_ids lists {len(value)} Parts; an Upload has at most {most}. Send fewer, larger Parts.",
            param="part_ids",
        )
    return value


PartIds = Annotated[list[StrictStr], FailFast(), BeforeValidator(_few_enough)]


class Body(BaseModel):
    """A request's JSON: no field beside those named, no number in a string."""

    model_config = ConfigDict(extra="forbid")


class ExpiresAfter(Body):
    """When the resulting File expires."""

    anchor: Literal["created_at"] = Field(description="What the time runs from: the File's creation.")
    seconds: StrictInt = Field(
        description="How long the File lives.",
        json_schema_extra={"minimum": LIMITS.expires_after_least, "maximum": LIMITS.expires_after_most},
    )


class CreateUpload(Body):
    """What an Upload is created with."""

    filename: Text = Field(
        description="The File's name; a path in front of it is dropped.",
        json_schema_extra={"minLength": 1, "maxLength": LIMITS.filename_chars},
    )
    purpose: Text = Field(
        description="What the File is for.",
        json_schema_extra=PURPOSE,
    )
    bytes: StrictInt = Field(
        description="The size of the whole file.",
        json_schema_extra={"minimum": 1, "maximum": LIMITS.upload_bytes},
    )
    mime_type: Text = Field(
        max_length=255,
        description="Must fit the purpose: `assistants` and `vision` take those of their tables, the"
        " others any.",
    )
    expires_after: ExpiresAfter | None = Field(None, description="The File's lifetime; else by purpose.")


class CompleteUpload(Body):
    """Which Parts make the File, in order."""

    part_ids: PartIds = Field(
        description="Ids of Parts of this Upload, each once. Their bytes must add up to the Upload's.",
    )
    md5: Annotated[StrictStr, StringConstraints(pattern=r"^[0-9a-fA-F]{32}$")] | None = Field(
        None, description="MD5 of the whole file in hex; checked when given."
    )


class FileObject(BaseModel):
    """A finished file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: UnixTime
    expires_at: UnixTime | None = Absent
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    checksum: str = Field(description=CHECKSUM)

    @classmethod
    def of(cls, file: File) -> "FileObject":
        """The File as the wire shows it."""
        return cls(**file_fields(file))


class UploadObject(BaseModel):
    """A file in the making."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int = Field(description="The size that was declared.")
    created_at: UnixTime
    expires_at: UnixTime = Field(description="Unix time in seconds: after it, nothing more is taken.")
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    file: FileObject | None = Absent
    mime_type: str = Field(description=f"As declared. {EXTENSION}")
    bytes_received: int = Field(description=f"Bytes of the Parts it holds. {EXTENSION}")
    parts_count: int = Field(description=f"Number of the Parts it holds. {EXTENSION}")

    @classmethod
    def of(cls, snapshot: Snapshot) -> "UploadObject":
        """The Upload as the wire shows it."""
        return cls(**upload_fields(snapshot))


class PartObject(BaseModel):
    """A stored Part."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: UnixTime
    upload_id: str
    bytes: int = Field(description=f"Its size. {EXTENSION}")
    checksum: str = Field(description=CHECKSUM)

    @classmethod
    def of(cls, part: Part) -> "PartObject":
        """The Part as the wire shows it."""
        return cls(**part_fields(part))


class DeletedFile(BaseModel):
    """What is left of a File."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class ListObject(BaseModel):
    """A page of a list."""

    object: Literal["list"] = "list"
    first_id: str | None = Field(description="Null on an empty page.")
    last_id: str | None = Field(description="The `after` of the next page; null on an empty page.")
    has_more: bool


class FileList(ListObject):
    """A page of Files."""

    data: list[FileObject]


class UploadList(ListObject):
    """A page of Uploads. Extension of heavylift."""

    data: list[UploadObject]


class PartList(ListObject):
    """A page of Parts. Extension of heavylift."""

    data: list[PartObject]


class ErrorDetail(BaseModel):
    """What went wrong and what to do about it."""

    message: str
    type: str
    param: str | None = Field(description="The field at fault.")
    code: str | None = Field(description="A stable word for programs.")


class ErrorObject(BaseModel):
    """Every answer that is not a 2xx."""

    error: ErrorDetail


def shown(checksum: int) -> str:
    """A CRC-64/NVME as the wire shows it."""
    return f"crc64nvme:{checksums.to_hex(checksum)}"


class IdentityObject(BaseModel):
    """Who is asking, and who answers."""

    object: Literal["identity"] = "identity"
    version: str = Field(description="The version of the service.")
    project: str = Field(description="The name of the project that the key opens.")
    project_id: str = Field(description="Its id.")
    key_required: bool = Field(description="Whether the service asks for keys at all.")


Fields = dict[str, Any]
"""An object as the wire shows it, field by field in the order in which the model of it declares them."""


def file_fields(file: File) -> Fields:
    """Of a FileObject."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at,
        **({} if file.expires_at is None else {"expires_at": file.expires_at}),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "checksum": shown(file.checksum),
    }


def upload_fields(snapshot: Snapshot) -> Fields:
    """Of an UploadObject."""
    upload, file = snapshot.upload, snapshot.file
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": snapshot.status.value,
        **({} if file is None else {"file": file_fields(file)}),
        "mime_type": upload.mime_type,
        "bytes_received": upload.held_bytes,
        "parts_count": upload.held_parts,
    }


def part_fields(part: Part) -> Fields:
    """Of a PartObject."""
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": part.created_at,
        "upload_id": part.upload_id,
        "bytes": part.extent.bytes,
        "checksum": shown(part.extent.checksum),
    }
