"""How a file is cut into parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024

LARGEST_PART: Final = 64 * MIB
"""What the protocol allows."""

MOST_PARTS: Final = 10_000
"""What an Upload holds."""

SMALLEST_PART: Final = 8 * MIB
"""Below this the round trips and the server's syncs weigh more than the bytes."""

PARTS_AIMED_AT: Final = 64
"""Enough to fill eight in flight several times over and to lose little when one breaks."""


def fitting_part_size(size: int) -> int:
    """The part size in bytes for a file of `size` bytes, when the user names none. Whole MiB."""
    wanted = -(-size // PARTS_AIMED_AT)
    return max(SMALLEST_PART, min(LARGEST_PART, -(-wanted // MIB) * MIB))


def carrying_part_size(size: int, wanted: int) -> int:
    """The wanted part size, or the fitting one where it would take more Parts than an Upload holds."""
    return wanted if -(-size // wanted) <= MOST_PARTS else fitting_part_size(size)


def guessed_part_size(size: int, lengths: Sequence[int]) -> int | None:
    """In what size Parts of these lengths were cut from a file of `size` bytes; None if that cannot be told.

    A length that came twice, or the tail that goes with it, tells. A lone Part tells only if it is as long
    as one has to be at least: a short one may be the tail of any size.
    """
    longest = max(lengths, default=0)
    if not longest:
        return None
    told = lengths.count(longest) > 1 or size % longest in lengths or longest >= fitting_part_size(size)
    return longest if told and longest <= LARGEST_PART else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A file of `size` bytes in parts of `part_size`, the last one being what is left."""

    size: int
    part_size: int

    @property
    def count(self) -> int:
        """How many parts."""
        return -(-self.size // self.part_size)

    def stretch(self, index: int) -> tuple[int, int]:
        """Offset and length of the part of that number, from 0."""
        offset = index * self.part_size
        return offset, min(self.part_size, self.size - offset)
