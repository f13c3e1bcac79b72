"""CRC-64/NVME: of a part while it passes, of a file from its parts'.

The checksum combines: crc(A+B) follows from crc(A), crc(B) and len(B), so a file's is
known at complete without reading a byte, in whatever order its parts were sent.
"""

from collections.abc import Iterable

from awscrt.checksums import combine_crc64nvme, crc64nvme

EMPTY = 0
"""The checksum of no bytes at all."""


def extend(checksum: int, data: bytes | bytearray | memoryview) -> int:
    """The checksum of what `checksum` covers, followed by `data`."""
    return int(crc64nvme(data, checksum))


def combine(pieces: Iterable[tuple[int, int]]) -> int:
    """The checksum of pieces in a row, each given as (checksum, length in bytes)."""
    total = EMPTY
    for checksum, length in pieces:
        total = combine_crc64nvme(total, checksum, length)
    return total


def to_hex(checksum: int) -> str:
    """As the API shows it: 16 lower-case hex digits, most significant first."""
    return f"{checksum:016x}"
