"""What a client says its bytes must be: Content-MD5, and Content-Digest by RFC 9530.

The headers stand in the form field's own headers, or in the request's when the body is the
bytes themselves.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from heavylift.domain.errors import MalformedBody
from heavylift.service.meter import Expected

WIDTHS = {"md5": 16, "sha-256": 32, "sha-512": 64, "crc32c": 4, "crc64nvme": 8}
"""The algorithms that are verified, with the bytes of their digests. CRCs are big-endian."""

DICTIONARIES = {"content-digest": "Content-Digest", "repr-digest": "Repr-Digest"}
"""Without a content coding the two say the same."""

HEADERS = frozenset({"content-md5", *DICTIONARIES})

MOST_MEMBERS = 100
"""Of one dictionary, those included that are ignored."""

_KEY = r"[a-z*][a-z0-9_.*-]*"
_ITEM = (
    r":[A-Za-z0-9+/]*={0,2}:"  # bytes, in base64
    r'|"(?:[ !#-\[\]-~]|\\["\\])*"'
    r"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
    r"|-?[0-9]{1,15}(?:\.[0-9]{1,3})?"
    r"|\?[01]"
)
_MEMBER = re.compile(
    rf"({_KEY})(?:=({_ITEM}))?(?:; *{_KEY}(?:=(?:{_ITEM}))?)*[ \t]*(?:,[ \t]*(?=.)|\Z)", re.DOTALL
)


def expected_digests(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[Expected, ...]:
    """Every digest that these headers promise and that we can verify.

    Other algorithms are ignored, as RFC 9530 wants it. Raises MalformedBody, naming the header.
    """
    lines: dict[str, list[str]] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if (key := name.lower()) in HEADERS:
            lines.setdefault(key, []).append(value)
    if not lines:
        return ()
    sums = lines.get("content-md5", [])
    if len(sums) > 1:
        raise MalformedBody(
            f"Content-MD5 occurs {len(sums)} times. The bytes have one MD5: send it once.",
            param="Content-MD5",
        )
    expected = [_content_md5(value) for value in sums]
    for key, header in DICTIONARIES.items():
        if key in lines:
            expected += _dictionary(", ".join(lines[key]), header)
    return tuple(expected)


def _content_md5(text: str) -> Expected:
    value = _decoded(text.strip(" \t"))
    if value is None or len(value) != WIDTHS["md5"]:
        raise MalformedBody(
            "Content-MD5 must be the base64 of the 16 bytes of an MD5, not its hex digits.",
            param="Content-MD5",
        )
    return Expected(algorithm="md5", value=value, source="Content-MD5")


def _dictionary(text: str, header: str) -> list[Expected]:
    """A dictionary of byte sequences by RFC 8941. A key that comes twice counts as it came last."""
    text = text.strip(" ")
    found: dict[str, str | None] = {}
    at = members = 0
    while at < len(text):
        match = _MEMBER.match(text, at)
        members += 1
        if members > MOST_MEMBERS:
            raise MalformedBody(f"{header} names more than {MOST_MEMBERS} digests. Send fewer.", param=header)
        if match is None:
            raise MalformedBody(
                f"{header} must be a list of algorithm=:base64:, such as sha-256=:…:.", param=header
            )
        found[match[1]] = match[2]
        at = match.end()
    return [_member(name, item, header) for name, item in found.items() if name in WIDTHS]


def _member(algorithm: str, item: str | None, header: str) -> Expected:
    value = _decoded(item[1:-1]) if item is not None and item.startswith(":") else None
    if value is None or len(value) != WIDTHS[algorithm]:
        raise MalformedBody(
            f"{header}: {algorithm} must be {WIDTHS[algorithm]} bytes as :base64:, colons included.",
            param=header,
        )
    return Expected(algorithm=algorithm, value=value, source=header)


def _decoded(text: str) -> bytes | None:
    """Strict base64, but for its padding, which RFC 8941 lets a sender leave out."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
