"""Everything the service may say no with. Not a word of HTTP: `api.errors` maps it.

Refusal                     understood and declined; nothing was changed
├── InvalidRequest          cannot be right, now or later
│   ├── MalformedBody       not the JSON or the form that was asked for
│   ├── UnknownParameter    a field that the operation does not have
│   ├── UnfitFile           name, MIME type or size does not fit the purpose
│   ├── UploadTooLarge      more bytes than an Upload may declare or hold
│   ├── TooManyParts        more Parts than an Upload may hold
│   ├── TooManyUploads      more pending Uploads than a project may have
│   ├── ProjectFull         more bytes than a project may hold
│   ├── BytesMismatch       the listed Parts do not add up to the declared size
│   ├── PartNotFound        a listed Part is not one of this Upload's
│   ├── DuplicatePart       a Part is listed twice
│   ├── IdempotencyKeyReused  the key of another request
│   ├── DigestMismatch      the bytes are not those the client's digest describes
│   │   └── Md5Mismatch     the same, for the whole file at complete
│   └── UploadClosed        the Upload takes nothing more
│       ├── UploadCompleted
│       ├── UploadCancelled
│       └── UploadExpired
├── NotFound                unknown, or someone else's: told apart nowhere
│   ├── NoSuchFile
│   ├── NoSuchUpload
│   └── NoSuchCursor        `after` of a list is not an id
├── TooLarge                more bytes than one request may carry
│   ├── PartTooLarge
│   ├── FileTooLarge
│   └── BodyTooLarge
├── Unauthenticated
│   ├── MissingKey
│   └── InvalidKey
├── WrongHost               called by a name that is not the service's
├── ForeignPage             a web page of elsewhere, where no key is asked for
├── PreconditionFailed      the file is not the one that the client has in mind
├── UnsupportedCoding       a body that is compressed or coded otherwise
├── TooSlow                 the client stopped sending
├── RateLimited             too many requests from one project
├── Unavailable             right, but not now: try again
│   ├── Overloaded
│   ├── ShuttingDown
│   └── StorageUnavailable
└── InsufficientStorage     no room for the bytes
"""

from typing import ClassVar, Final

LONGEST_ID: Final = 4096
"""Characters of an id that a refusal still repeats whole, as OpenAI's does; no path with more is usual."""


class Refusal(Exception):
    """A no with its reason.

    `message` is for people and says what to do next; `param` names the field at
    fault; `code` is the stable word that programs match on, or None where OpenAI's
    own answers carry none.
    """

    code: ClassVar[str | None] = None

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidRequest(Refusal):
    """The request cannot be right, whatever the state of the service."""


class MalformedBody(InvalidRequest):
    """The body is not the JSON object, the form or the header that was asked for."""

    code = "malformed_body"


class UnknownParameter(InvalidRequest):
    """A field that the operation does not have."""

    code = "unknown_parameter"


class UnfitFile(InvalidRequest):
    """Name, MIME type or size does not fit the purpose. OpenAI sends no code here."""


class UploadTooLarge(InvalidRequest):
    """More bytes than an Upload may declare, or may hold while it is pending."""

    code = "upload_too_large"


class TooManyParts(InvalidRequest):
    """More Parts than an Upload may hold."""

    code = "too_many_parts"


class TooManyUploads(InvalidRequest):
    """More pending Uploads than a project may have at once."""

    code = "too_many_uploads"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} Uploads of this project are pending, the most there may be. Complete or cancel some, or"
            " wait until they expire, then create it again."
        )


class ProjectFull(InvalidRequest):
    """More bytes than a project may hold, pending Parts and Files together."""

    code = "project_full"

    def __init__(self, most: int, size: int) -> None:
        super().__init__(
            f"This project may hold {most} bytes in all, and has no room for {size} more. Delete Files or"
            " cancel Uploads, then send it again."
        )


class BytesMismatch(InvalidRequest):
    """The listed Parts do not add up to the declared size."""

    code = "bytes_mismatch"


class PartNotFound(InvalidRequest):
    """A listed Part is not one of this Upload's."""

    code = "part_not_found"


class DuplicatePart(InvalidRequest):
    """A Part is listed more than once."""

    code = "duplicate_part"


class IdempotencyKeyReused(InvalidRequest):
    """The `Idempotency-Key` belongs to another request, or what that request made was deleted since."""

    code = "idempotency_key_reused"


class DigestMismatch(InvalidRequest):
    """The bytes that arrived are not those that the client's digest describes."""

    code = "digest_mismatch"


class Md5Mismatch(DigestMismatch):
    """The assembled file does not have the MD5 that `complete` named."""

    code = "md5_mismatch"


class UploadClosed(InvalidRequest):
    """The Upload's status is final."""


class UploadCompleted(UploadClosed):
    """The Upload has become a File."""

    code = "upload_completed"


class UploadCancelled(UploadClosed):
    """The Upload was cancelled."""

    code = "upload_cancelled"


class UploadExpired(UploadClosed):
    """The Upload's hour is over."""

    code = "upload_expired"


class NotFound(Refusal):
    """Unknown to this project. Someone else's id gives the same words as none at all."""


def _named(id: str) -> str:
    """The id as a refusal repeats it: what is too long to be one, in short."""
    return id if len(id) <= LONGEST_ID else id[:100]


class NoSuchFile(NotFound):
    """No such File in this project. Worded as OpenAI words it."""

    def __init__(self, file_id: str) -> None:
        super().__init__(f"No such File object: {_named(file_id)}", param="id")


class NoSuchUpload(NotFound):
    """No such Upload in this project. Worded after OpenAI's sentence about files."""

    code = "upload_not_found"

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"No such Upload object: {_named(upload_id)}", param="upload_id")


class NoSuchCursor(NotFound):
    """`after` of a list is not the id of anything."""

    def __init__(self) -> None:
        super().__init__(
            "Resource not found. `after` must be such an id, as the `last_id` of the page before.",
            param="after",
        )


class TooLarge(Refusal):
    """More bytes than one request may carry."""


class PartTooLarge(TooLarge):
    """A Part over the limit."""

    code = "part_too_large"


class FileTooLarge(TooLarge):
    """A posted file over the limit: use an Upload."""

    code = "file_too_large"


class BodyTooLarge(TooLarge):
    """A JSON body over the limit."""

    code = "body_too_large"


class Unauthenticated(Refusal):
    """We do not know who is asking."""


class MissingKey(Unauthenticated):
    """No API key was sent. OpenAI sends no code here."""


class InvalidKey(Unauthenticated):
    """An API key that we do not know, or no longer."""

    code = "invalid_api_key"


class WrongHost(Refusal):
    """The service was called by a host name that is not its own. Only where no key is asked for."""

    code = "wrong_host"


class ForeignPage(Refusal):
    """A web page of another origin calls a service that asks for no key."""

    code = "foreign_page"


class PreconditionFailed(Refusal):
    """The file is not the one that the client has in mind."""

    code = "precondition_failed"


class UnsupportedCoding(Refusal):
    """A body with a Content-Encoding: it would be stored as something that it is not."""

    code = "unsupported_encoding"


class TooSlow(Refusal):
    """The client stopped sending in the middle of its request."""

    code = "request_timeout"


class RateLimited(Refusal):
    """Too many requests from one project. `retry_after` in seconds."""

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """The request is right, the moment is not. `retry_after` in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """This process is at its limit: as many bodies as it takes at once, or no file descriptor left."""

    code = "overloaded"


class ShuttingDown(Unavailable):
    """This process is stopping and takes no new body."""

    code = "shutting_down"


class StorageUnavailable(Unavailable):
    """The catalog or the blob store did not do its work."""

    code = "storage_unavailable"


class InsufficientStorage(Refusal):
    """There is no room for the bytes. What is stored stays readable and deletable."""

    code = "insufficient_storage"
