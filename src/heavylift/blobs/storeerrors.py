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


@contextmanager
def store_errors() -> Iterator[None]:
    """Raises BlobMissing, StorageFull or StorageDown for what the store's client raises."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(_reason(error)) from error
    except (BaseError, OSError, ValueError) as error:
        if FULL.search(str(error)):
            raise StorageFull(f"the object store has no room for the blob: {_reason(error)}") from error
        raise StorageDown(f"the object store failed: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of what it says: the rest is the structure of the client's own error."""
    said = str(error).strip().splitlines()
    return said[0][:WORDS] if said else type(error).__name__
