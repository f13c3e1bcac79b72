"""Range and conditional requests by RFC 9110: pure functions over header values.

An `etag` is as it goes over the wire: strong, its quotes included.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate
from functools import lru_cache

from heavylift.domain.errors import PreconditionFailed, Refusal
from heavylift.domain.files import Span

_UNIT = re.compile(r"bytes[ \t]*=(.*)\Z", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"([0-9]*)-([0-9]*)\Z")
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"')
_BETWEEN_TAGS = re.compile(r"[ \t,]*\Z")
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, [0-9]{{2}} [A-Z][a-z]{{2}} [0-9]{{4}} {_TIME} GMT"
    rf"|[A-Z][a-z]+day, [0-9]{{2}}-[A-Z][a-z]{{2}}-[0-9]{{2}} {_TIME} GMT"
    rf"|[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_TIME} [0-9]{{4}}"
)
"""The three forms of RFC 9110 5.6.7."""

LISTS = frozenset({"if-match", "if-none-match"})
SINGLES = frozenset({"if-modified-since", "if-unmodified-since", "if-range", "range"})

MOST_RANGES = 100
MOST_TAGS = 100
"""Of one header. Each costs some time to take apart, and no reader of one file needs as many."""

BEYOND = 10**19
"""Longer than any file. Python would not even convert the digits of a much longer number."""


class Unsatisfiable(Refusal):
    """No byte of the range exists. `size` in bytes is for the answer's Content-Range."""

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The range lies outside the file, which has {size} bytes. Ask for others.", param="Range"
        )
        self.size = size


@dataclass(frozen=True, slots=True)
class Selected:
    """What of a body goes out, and with which status: all with 200, a range with 206, nothing with 304."""

    status: int
    start: int
    stop: int

    @property
    def length(self) -> int:
        """Bytes."""
        return self.stop - self.start


def select(
    headers: Iterable[tuple[str, str]], *, size: int, etag: str, last_modified: int, ranged: bool = True
) -> Selected:
    """What a GET or HEAD with these headers gets of a body of `size` bytes, in the order of RFC 9110 13.2.2.

    Only a GET is `ranged`: 14.2 gives Range no meaning elsewhere. Raises PreconditionFailed and
    Unsatisfiable.
    """
    asked = _asked(headers)
    if not asked:
        return Selected(200, 0, size)
    if "if-match" in asked:
        if not if_match(asked["if-match"], etag):
            raise PreconditionFailed(
                f"The File's ETag is {etag}, which If-Match does not name. Look at the File anew.",
                param="If-Match",
            )
    elif (since := http_seconds(asked.get("if-unmodified-since"))) is not None and last_modified > since:
        raise PreconditionFailed(
            f"The File was made on {http_date(last_modified)}, after If-Unmodified-Since. Look at it anew.",
            param="If-Unmodified-Since",
        )
    if "if-none-match" in asked:
        unchanged = if_none_match(asked["if-none-match"], etag)
    else:
        since = http_seconds(asked.get("if-modified-since"))
        unchanged = since is not None and last_modified <= since
    if unchanged:
        return Selected(304, 0, 0)
    span = None
    if ranged and if_range(asked.get("if-range"), etag=etag, last_modified=last_modified):
        span = parse_range(asked.get("range"), size)
    if span is None or span.stop is None:
        return Selected(200, 0, size)
    return Selected(206, span.start, span.stop)


def _asked(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The conditions among the headers. Lists that come in several lines are one; of all else, what comes
    twice says nothing certain, and so nothing."""
    lines: dict[str, list[str]] = {}
    for name, value in headers:
        if name in LISTS or name in SINGLES:
            lines.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in lines.items() if name in LISTS or len(values) == 1}


def http_seconds(header: str | None) -> int | None:
    """The Unix seconds of an HTTP date, in any of its three forms; None for what is none."""
    if header is None or not _DATE.fullmatch(text := header.strip(" \t")):
        return None
    parsed = parsedate(text)
    try:
        return int(datetime(*parsed[:6], tzinfo=UTC).timestamp()) if parsed else None
    except ValueError:
        return None


def parse_range(header: str | None, size: int) -> Span | None:
    """The one stretch of a body of `size` bytes to send, or None to send all of it.

    All of it answers what RFC 9110 lets a server ignore: another unit, a malformed header,
    any range of an empty body, several ranges with gaps between them, and very many of them. Raises
    Unsatisfiable.
    """
    match = _UNIT.match(header.strip(" \t")) if header is not None else None
    if match is None or size == 0:
        return None
    if match[1].count(",") >= MOST_RANGES:
        return None
    specs = [spec.strip(" \t") for spec in match[1].split(",")]
    resolved = [
        _resolve(spec, size) for spec in specs if spec
    ]  # RFC 9110 5.6.1.2: empty elements do not count
    spans = sorted(span for span in resolved if span is not None and span[0] < span[1])
    if not resolved or None in resolved:
        return None
    if not spans:
        raise Unsatisfiable(size)
    start, stop = spans[0]
    for begin, end in spans:
        if begin > stop:
            return None
        stop = max(stop, end)
    return Span(start, stop)


def _resolve(spec: str, size: int) -> tuple[int, int] | None:
    """(start, stop) of one range, start at or behind stop if it is unsatisfiable; None if malformed."""
    match = _SPEC.match(spec)
    if match is None or spec == "-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - _number(last)), size
    start = _number(first)
    if last and _number(last) < start:
        return None
    return start, min(_number(last) + 1, size) if last else size


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) < len(str(BEYOND)) else BEYOND


def if_match(header: str, etag: str) -> bool:
    """Whether the request may go on: its If-Match names this very body."""
    tags = _tags(header)
    return tags is None or etag in tags


def if_none_match(header: str, etag: str) -> bool:
    """Whether the client already has this body, by weak comparison: answer 304."""
    tags = _tags(header)
    return tags is None or etag in {tag.removeprefix("W/") for tag in tags}


def if_range(header: str | None, *, etag: str, last_modified: int) -> bool:
    """Whether Range counts: there is no If-Range, or it names this very body.

    An HTTP date must be the Last-Modified that we sent, `last_modified` in Unix seconds, to
    the letter.
    """
    return header is None or header.strip(" \t") in {etag, http_date(last_modified)}


@lru_cache(maxsize=256)  # a file is often asked for in many ranges
def http_date(seconds: int) -> str:
    """Unix seconds as RFC 9110 writes a date: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return formatdate(seconds, usegmt=True)


def _tags(header: str) -> set[str] | None:
    """The entity tags of a list, or None for `*`. A list that is malformed, or endless, names nothing."""
    text = header.strip(" \t")
    if text == "*":
        return None
    if text.count('"') > 2 * MOST_TAGS:
        return set()
    return set(_TAG.findall(text)) if _BETWEEN_TAGS.match(_TAG.sub("", text)) else set()
