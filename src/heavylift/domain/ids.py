"""Identifiers: `upload_…`, `part_…`, `file-…`, in the order in which they were made.

An id is 128 bits in 22 base-62 digits: 54 bits of microseconds since 1970, then 74
random bits. Sorting ids (by byte value) therefore sorts by creation, a page of a list
needs no second key, and the cursor of a deleted object still names a position.
"""

import re
import secrets
from typing import Final

UPLOAD: Final = "upload_"
PART: Final = "part_"
FILE: Final = "file-"
PROJECT: Final = "proj_"
KEY: Final = "key_"
REQUEST: Final = "req_"

DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH: Final = 22  # 62**22 > 2**128
RANDOM_BITS: Final = 74

_PAIRS: Final = [first + second for first in DIGITS for second in DIGITS]

_BODY = re.compile(rf"[0-9A-Za-z]{{{LENGTH}}}\Z", re.ASCII)


def new_id(prefix: str, *, now: float) -> str:
    """A fresh id. `now` is Unix time in seconds and becomes the id's place in every list."""
    dice = int.from_bytes(secrets.token_bytes(RANDOM_BITS // 8 + 1)) % (1 << RANDOM_BITS)
    number = int(now * 1_000_000) << RANDOM_BITS | dice
    pairs = []
    for _ in range(LENGTH // 2):
        number, pair = divmod(number, 62 * 62)
        pairs.append(_PAIRS[pair])
    return prefix + "".join(reversed(pairs))


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the form of an id of that kind. Says nothing about existence."""
    return text.startswith(prefix) and _BODY.match(text, len(prefix)) is not None


def new_blob_key() -> str:
    """128 random bits in hex: blobs spread evenly over folders and object-store partitions."""
    return secrets.token_hex(16)
