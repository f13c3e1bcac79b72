"""CRC-64/NVME: known vectors, and the law that pieces combine."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heavylift.domain import checksums

VECTORS = [
    (b"", "0000000000000000"),
    (b"123456789", "ae8b14860a799888"),
    (bytes(32), "cf3473434d4ecf3b"),
    (b"\xff" * 32, "a0a06974c34d63c4"),
    (bytes(range(32)), "b9d9d4a8492cbd7f"),
]
"""The check value of the CRC catalogue and NVM Express's own examples."""


def bitwise(data: bytes) -> int:
    """The polynomial, one bit at a time: nothing of the library under test."""
    value = 2**64 - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    return value ^ 2**64 - 1


@pytest.mark.parametrize(("data", "expected"), VECTORS)
def test_known_bytes_have_the_known_checksum(data: bytes, expected: str) -> None:
    assert checksums.to_hex(checksums.extend(checksums.EMPTY, data)) == expected


@given(st.binary(max_size=300))
def test_it_is_the_polynomial_of_nvm_express(data: bytes) -> None:
    assert checksums.extend(checksums.EMPTY, data) == bitwise(data)


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=6))
def test_pieces_combine_to_the_whole_at_any_split(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:stop] for start, stop in itertools.pairwise(edges)]
    whole = checksums.extend(checksums.EMPTY, data)
    assert checksums.combine((checksums.extend(0, piece), len(piece)) for piece in pieces) == whole
    running = checksums.EMPTY
    for piece in pieces:
        running = checksums.extend(running, piece)
    assert running == whole


def test_the_order_of_pieces_counts() -> None:
    first, second = checksums.extend(0, b"abc"), checksums.extend(0, b"defg")
    assert checksums.combine([(first, 3), (second, 4)]) != checksums.combine([(second, 4), (first, 3)])


def test_nothing_combines_to_nothing() -> None:
    assert checksums.combine([]) == checksums.EMPTY
    assert checksums.combine([(0, 0), (0, 0)]) == checksums.EMPTY


def test_lengths_beyond_four_gigabytes_combine() -> None:
    half = checksums.combine([(checksums.extend(0, bytes(2**20)), 2**20)] * 4096)  # 4 GiB of zeros
    assert checksums.combine([(half, 2**32), (half, 2**32)]) == checksums.combine(
        [(checksums.extend(0, bytes(2**20)), 2**20)] * 8192
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type) -> None:
    assert checksums.extend(0, kind(b"123456789")) == 0xAE8B14860A799888


def test_hex_keeps_leading_zeros_and_is_lower_case() -> None:
    assert checksums.to_hex(0xAB) == "00000000000000ab"
    assert checksums.to_hex(2**64 - 1) == "f" * 16
