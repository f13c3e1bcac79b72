"""A File is an ordered list of extents: stretches of bytes, each a blob of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from heavylift.domain import checksums
from heavylift.domain.errors import InvalidRequest
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import Purpose

PATH_SEPARATORS = str.maketrans("\\", "/")


_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_LINE_ENDS = (0x2028, 0x2029)
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))

BETRAYING = frozenset(map(chr, (*_CONTROLS, *_LINE_ENDS, *_DIRECTIONS)))
"""What makes a name look like another: a direction that is overridden shows `gpj.exe` as `exe.jpg`. Marks of
a direction, which names in Hebrew and Arabic need, are none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A stretch of bytes: which blob holds it, how long it is, what its CRC-64/NVME is."""

    blob: str
    bytes: int
    checksum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A finished file. Times in Unix seconds; `expires_at` None is kept for good."""

    id: str
    project: str
    filename: str
    purpose: str
    bytes: int
    checksum: int
    created_at: int
    expires_at: int | None = None

    def expired_at(self, now: float) -> bool:
        """Whether the file's time is over: to everyone outside it is then no file at all."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `stop`; `stop` None means to the end."""

    start: int = 0
    stop: int | None = None


WHOLE = Span()

Place = tuple[Extent, Span]
"""A stretch of an extent, its bytes counted from the extent's own beginning."""


def touched(extents: Iterable[Extent], span: Span, *, begin: int = 0) -> Iterator[Place]:
    """The places that a span of the file lies in, in order. The first extent begins at byte `begin`."""
    for extent in extents:
        end = begin + extent.bytes
        start = max(span.start, begin)
        stop = end if span.stop is None else min(span.stop, end)
        if start < stop:
            yield extent, Span(start - begin, stop - begin)
        begin = end


def checksum_of(extents: Sequence[Extent]) -> int:
    """The file's CRC-64/NVME out of its extents'."""
    return checksums.combine((extent.checksum, extent.bytes) for extent in extents)


ODD_STEPS: Final = frozenset({"", ".", ".."})
"""What no path below a folder is made of."""


def clean_filename(filename: str, limits: Limits, *, param: str = "filename") -> str:
    """A name, or a path below a folder, untouched; of any other, or a longer one, the last step alone.

    Raises InvalidRequest for a name that is empty, too long, or holds control characters.
    """
    steps = filename.translate(PATH_SEPARATORS).split("/")
    honest = "\\" not in filename and ":" not in steps[0] and ODD_STEPS.isdisjoint(steps)
    below = honest and len(filename) <= limits.filename_chars
    name = filename if below else steps[-1]
    if name in ODD_STEPS:
        raise InvalidRequest("The file name is empty. Name the file, such as 'data.jsonl'.", param=param)
    if len(name) > limits.filename_chars:
        raise InvalidRequest(
            f"The file name is {len(name)} characters long; the most is {limits.filename_chars}. Shorten it.",
            param=param,
        )
    if not BETRAYING.isdisjoint(name):
        raise InvalidRequest(
            "The file name must not hold control characters, nor such that turn the order of what follows:"
            " it would be shown as another name. Rename the file.",
            param=param,
        )
    if any(0xD800 <= ord(character) < 0xE000 for character in name):
        raise InvalidRequest(
            "The file name must be valid Unicode; it holds half of a character.", param=param
        )
    return name


def lifetime(chosen: int | None, purpose: Purpose) -> int | None:
    """How long a new File lives, in seconds: as asked for, else as its purpose says, else for good."""
    return purpose.lifetime if chosen is None else chosen


def check_lifetime(seconds: int, limits: Limits) -> None:
    """Refuse an `expires_after.seconds` outside its range."""
    if not limits.expires_after_least <= seconds <= limits.expires_after_most:
        raise InvalidRequest(
            f"expires_after.seconds is {seconds}; it must lie between"
            f" {limits.expires_after_least} and {limits.expires_after_most}.",
            param="expires_after.seconds",
        )
