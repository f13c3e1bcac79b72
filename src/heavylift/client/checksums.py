"""CRC-64/NVME as the server shows it: `crc64nvme:` and 16 hex digits."""

import base64
import re
from collections.abc import Callable, Iterable
from typing import Final, cast

from awscrt.checksums import combine_crc64nvme, crc64nvme

PREFIX: Final = "crc64nvme:"

_SHOWN: Final = re.compile(rf"{PREFIX}[0-9a-f]{{16}}", re.IGNORECASE | re.ASCII)


_extended = cast("Callable[[bytes | bytearray | memoryview, int], int]", crc64nvme)
"""Its annotations name bytes alone; it takes any buffer."""


def extend(checksum: int, data: bytes | bytearray | memoryview) -> int:
    """The checksum of what `checksum` covers, followed by `data`. Starts from 0."""
    return _extended(data, checksum)


def combine(pieces: Iterable[tuple[int, int]]) -> int:
    """The checksum of pieces in a row, each given as (checksum, length in bytes)."""
    total = 0
    for checksum, length in pieces:
        total = int(combine_crc64nvme(total, checksum, length))
    return total


def show(checksum: int) -> str:
    """As a server shows it."""
    return f"{PREFIX}{checksum:016x}"


def content_digest(checksum: int) -> str:
    """As a `Content-Digest` header says it (RFC 9530): eight bytes, most significant first."""
    return f"crc64nvme=:{base64.b64encode(checksum.to_bytes(8, 'big')).decode('ascii')}:"


def comparable(shown: str | None) -> bool:
    """Whether this is a checksum of the kind that we can compute. Its letters may be of either case."""
    return shown is not None and _SHOWN.fullmatch(shown) is not None


def agrees(shown: str | None, checksum: int) -> bool:
    """Whether it is that one, however it is written."""
    return shown is not None and shown.lower() == show(checksum)
