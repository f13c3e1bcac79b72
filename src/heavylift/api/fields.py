"""The headers of one form field, and the boundary that the request's own header names."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from heavylift.domain.errors import MalformedBody

HEADERS = 32
"""Header lines of one field. RFC 7578 has use for three."""

PARAMETERS = 16
"""Of one header. None needs four."""

_FOLD = re.compile(rb"\r\n[ \t]++")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Possessive throughout (`*+`): no header can make these walk back and forth over its blanks.
_HEADER = re.compile(rf"({_WORD}):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)\Z")
_PARAMETER = re.compile(
    rf'({_WORD})[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^";]*+))[ \t]*+(?:;[; \t]*+|\Z)', re.DOTALL
)
_ESCAPED = re.compile(r'\\(["\\])|%(22|0[AaDd])')
_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]\Z")
_EXTENDED = re.compile(
    r"(utf-8|iso-8859-1)'[^']*'((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)\Z", re.IGNORECASE
)
_ENCODINGS = frozenset({"binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBegin:
    """A field begins. `filename` None: none was sent. Header names are in lower case."""

    name: str
    filename: str | None
    content_type: str | None
    headers: tuple[tuple[str, str], ...]


def boundary_of(content_type: str, *, param: str = "data") -> bytes:
    """The boundary that a Content-Type names. Raises MalformedBody if it is no form or names none."""
    kind, _, rest = content_type.partition(";")
    if kind.strip().lower() != "multipart/form-data":
        sent = f"not {kind.strip()[:100]!r}" if kind.strip() else "but no content type was sent"
        raise MalformedBody(f"Send the body as multipart/form-data, {sent}.", param=param)
    boundary = _parameters(rest, of="Content-Type", param=param).get("boundary", "")
    if not _BOUNDARY.match(boundary):
        raise MalformedBody(
            "The Content-Type of a form must name its boundary, 1 to 70 printable ASCII characters: "
            "multipart/form-data; boundary=…",
            param=param,
        )
    return boundary.encode("ascii")


@lru_cache(maxsize=64)  # most clients head every Part alike; a block has a bounded size
def field_of(block: bytes, *, param: str, named: bool = True) -> FieldBegin:
    """The field that these header lines, parted by CR LF, describe. Raises MalformedBody.

    If it is not `named`, a file name means nothing, whatever it is.
    """
    headers = _headers(block, param=param, strict=named)
    encoding = _only("content-transfer-encoding", headers, param=param)
    if encoding is not None and encoding.strip().lower() not in _ENCODINGS:
        raise MalformedBody(
            f"Content-Transfer-Encoding {encoding[:100]!r} is not supported: send the bytes as they are.",
            param=param,
        )
    disposition = _only("content-disposition", headers, param=param)
    if disposition is None:
        raise MalformedBody('A form field has no Content-Disposition: send form-data; name="…".', param=param)
    kind, _, rest = disposition.partition(";")
    if kind.strip().lower() != "form-data":
        raise MalformedBody(
            f'A form field\'s Content-Disposition must be form-data; name="…", not {kind.strip()[:100]!r}.',
            param=param,
        )
    parameters = _parameters(rest, of="Content-Disposition", param=param, strict=named)
    if not parameters.get("name"):
        raise MalformedBody('A form field has no name: send form-data; name="…".', param=param)
    filename = parameters.get("filename")
    if named and "filename*" in parameters:
        filename = _extended(parameters["filename*"], param=param)
    return FieldBegin(
        name=parameters["name"],
        filename=filename,
        content_type=_only("content-type", headers, param=param),
        headers=headers,
    )


def _headers(block: bytes, *, param: str, strict: bool) -> tuple[tuple[str, str], ...]:
    block = _FOLD.sub(b" ", block)  # RFC 5322, by which MIME goes, lets a line be folded
    try:
        text = block.decode("utf-8", "strict" if strict else "replace")
        lines = text.split("\r\n") if text else []
    except UnicodeDecodeError:
        raise MalformedBody(
            "The headers of a form field are not UTF-8. Send names in UTF-8.", param=param
        ) from None
    if len(lines) > HEADERS:
        raise MalformedBody(f"A form field has more than {HEADERS} header lines. Send fewer.", param=param)
    headers = []
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            raise MalformedBody(
                f"A form field has a malformed header line: {line[:100]!r}. "
                "Send `Name: value`, each on one line that ends in CR LF.",
                param=param,
            )
        headers.append((match[1].lower(), match[2].rstrip(" \t")))
    return tuple(headers)


def _only(name: str, headers: tuple[tuple[str, str], ...], *, param: str) -> str | None:
    values = [value for key, value in headers if key == name]
    if len(values) > 1:
        raise MalformedBody(f"A form field has more than one {name.title()} header. Send one.", param=param)
    return values[0] if values else None


def _parameters(text: str, *, of: str, param: str, strict: bool = True) -> dict[str, str]:
    """What follows the first semicolon: `a=b; c="d"`. Names in lower case, values without their quotes.

    Not `strict`: up to where it is malformed, if the name came before.
    """
    found: dict[str, str] = {}
    text = text.strip("; \t")
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None and not strict and "name" in found:
            break
        if match is None:
            raise MalformedBody(f'{of} has a malformed parameter: send name="value" pairs.', param=param)
        name, quoted, plain = match[1].lower(), match[2], match[3]
        if len(found) >= PARAMETERS:
            raise MalformedBody(f"{of} has more than {PARAMETERS} parameters. Send fewer.", param=param)
        if name in found and (strict or not name.startswith("filename")):
            raise MalformedBody(f"{of} has the parameter {name[:100]!r} twice. Send it once.", param=param)
        found[name] = _ESCAPED.sub(_unescape, quoted) if quoted is not None else plain.rstrip(" \t")
        at = match.end()
    return found


def _unescape(match: re.Match[str]) -> str:
    """Browsers percent-encode the quote and the line ends alone; older clients put a backslash."""
    return str(match[1] or chr(int(match[2], 16)))


def _extended(value: str, *, param: str) -> str:
    """A filename* by RFC 8187: `UTF-8''na%C3%AFve.txt`."""
    match = _EXTENDED.match(value)
    if match is None:
        raise MalformedBody("filename* must be of the form UTF-8''percent-encoded.", param=param)
    try:
        return unquote_to_bytes(match[2]).decode(match[1])
    except UnicodeDecodeError:
        raise MalformedBody(
            "filename* must be valid in the character set that it names.", param=param
        ) from None
