"""Identifiers: `upload_…`, `part_…`, `file-…`, in the order in which they were made.

Such an id is 128 bits in 22 base-62 digits: 54 bits of microseconds since 1970, then 74
random bits. Sorting ids (by byte value) therefore sorts by creation, a page of a list
needs no second key, and the cursor of a deleted object still names a position.
"""

import random
import re
import secrets
from collections.abc import Callable
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
_ONE, _TWO, _THREE, _FOUR = (len(_PAIRS) ** count for count in range(1, 5))
"""By how much a number grows with so many pairs of digits."""

_BODY = re.compile(rf"[0-9A-Za-z]{{{LENGTH}}}\Z", re.ASCII)


def new_id(prefix: str, *, now: float, dice: Callable[[int], int] = secrets.randbits) -> str:
    """A fresh id. `now` is Unix time in seconds and becomes the id's place in every list. `dice` gives
    as many random bits as asked for."""
    number = int(now * 1_000_000) << RANDOM_BITS | dice(RANDOM_BITS)
    rest, low = divmod(number, _FOUR)
    high, middle = divmod(rest, _FOUR)
    return prefix + (_four(high) + _four(middle) + _four(low))[-LENGTH:]


def new_request_id(*, now: float) -> str:
    """A fresh id of a request, in the order in which they were made: 128 bits, 54 of them microseconds.

    Every answer has one, so it must cost little: it is in hex, and as it opens nothing it may be foreseen, so
    its dice need no system call.
    """
    return f"{REQUEST}{int(now * 1_000_000) << RANDOM_BITS | random.getrandbits(RANDOM_BITS):032x}"


def moment_of(text: str) -> float:
    """When an id was made, Unix time in seconds."""
    number = 0
    for digit in text[-LENGTH:]:
        number = number * len(DIGITS) + DIGITS.index(digit)
    return (number >> RANDOM_BITS) / 1_000_000


def _four(number: int) -> str:
    """Four pairs of digits: of small numbers, since large ones are divided slowly."""
    return (
        f"{_PAIRS[number // _THREE]}{_PAIRS[number // _TWO % _ONE]}{_PAIRS[number // _ONE % _ONE]}"
        f"{_PAIRS[number % _ONE]}"
    )


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the form of an id of that kind. Says nothing about existence."""
    return text.startswith(prefix) and _BODY.match(text, len(prefix)) is not None


def new_blob_key() -> str:
    """128 random bits in hex: blobs spread evenly over folders and object-store partitions."""
    return secrets.token_hex(16)
