"""What an object store refuses, in the port's words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from heavylift.service.ports import BlobMissing, StorageDown, StorageFull

FULL = re.compile(
    r"\b507\b|InsufficientStorage|InsufficientCapacity|QuotaExceeded|StorageFull|EntityTooLarge|"
    r"No space left|no writable volumes",
    re.IGNORECASE,
)
"""How stores say that there is no room: by status, by S3's and other dialects' codes."""

WORDS = 300
"""Characters of a store's own text that are passed on."""

NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
"""How stores say that it is not an object that is missing, but the place for all of them."""

MISSING = (
    "the object store has no such bucket: make it, or correct HEAVYLIFT_BLOBS, or the endpoint, region or"
    " account that the environment names"
)

QUOTED = re.compile(r'"((?:[^"\\]|\\.)+)"')
NAME = re.compile(r"\b[A-Z][A-Za-z]+\b")
LAYERS = frozenset(
    {"Body", "Connect", "Custom", "Error", "Io", "Other", "OtherError", "Request", "SendRequest"}
)
"""What names a layer of the client, and no reason."""

UNTRUSTED = re.compile(r"InvalidCertificate|CERTIFICATE_VERIFY_FAILED|certificate", re.IGNORECASE)
CERTIFICATE = "SSL_CERT_FILE names a file of the authorities to be trusted, if they are your own"


class StoreMissing(StorageDown):
    """There is no such bucket."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Raises BlobMissing, StorageFull or StorageDown for what the store's client raises."""
    try:
        yield
    except FileNotFoundError as error:
        if NO_BUCKET.search(str(error)):
            raise StoreMissing(MISSING) from error
        raise BlobMissing(reason(error)) from error
    except (BaseError, OSError, ValueError) as error:
        if NO_BUCKET.search(str(error)):
            raise StoreMissing(MISSING) from error
        if FULL.search(str(error)):
            raise StorageFull(f"the object store has no room for the blob: {reason(error)}") from error
        raise StorageDown(f"the object store failed: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """The first line of what it says, and what lies at the bottom of it: a port, a name, a certificate."""
    lines = str(error).strip().splitlines()
    first = lines[0][:WORDS] if lines else type(error).__name__
    bottom = _bottom(str(error)) or _innermost(error)
    said = f"{first}: {bottom}" if bottom and bottom not in first else first
    return f"{said} ({CERTIFICATE})" if UNTRUSTED.search(said) else said


def _bottom(text: str) -> str:
    """The stores' client prints the structure of its error: what the layer that connects says in it."""
    _, _, source = text.partition("reqwest::Error {")
    if words := QUOTED.findall(source):
        return ": ".join(words)[:WORDS]
    return " ".join(name for name in NAME.findall(source) if name not in LAYERS)[:WORDS]


def _innermost(error: BaseException) -> str:
    """The last that has something to say, of the errors that led to this one."""
    said = ""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        said = str(cause).strip() or said
        cause = cause.__cause__ or cause.__context__
    return said.partition("\n")[0][:WORDS]
