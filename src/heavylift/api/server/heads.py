"""Heads: cut out of the stream, counted raw, and only then shown to a parser; checked for what it lets pass.

The parser (httptools) cannot be stopped within a piece and does not say how far it came. So each head is cut
off here, at its empty line, and given to a parser of its own, which costs less than half a microsecond.
"""

import re
import time
from typing import Any, Final

import httptools

from heavylift.api.server.bounds import LINES

END: Final = b"\r\n\r\n"
_LINE = re.compile(rb"[A-Z-]+ [!-~]+ HTTP/1\.[01]\r\n")
_DIGITS = re.compile(rb"[0-9]{1,20}")
_NOT_ASCII = re.compile(rb"[^!-~]")
TLS_HELLO: Final = b"\x16\x03"
"""How every TLS connection begins."""


class Refused(Exception):
    """This is no request that can be understood safely, or costs too much. The connection ends with it."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def malformed(why: str) -> Refused:
    """What came is not HTTP/1.1."""
    return Refused(400, f"{why} Send HTTP/1.1 as RFC 9112 has it.", "malformed_request")


def too_large(most: int) -> Refused:
    """A head, or trailers, beyond the bounds."""
    return Refused(
        431,
        f"The headers of a request may hold {most} bytes in {LINES} lines. Send less.",
        "headers_too_large",
    )


class Head:
    """A request's head. `fields` has the last value of each name, `repeats` whether one came twice.

    It is its own parser's listener.
    """

    __slots__ = (
        "began", "fields", "headers", "keep_alive", "length", "method", "parser", "repeats", "target",
        "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.target, self.method, self.version = b"", b"", ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.keep_alive = self.repeats = False
        self.length: int | None = 0
        self.parser: Any = None

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """Here, since the parser forgets with the end of the message whether to keep the connection."""
        self.method, self.version = self.parser.get_method(), self.parser.get_http_version()
        self.keep_alive = self.version == "1.1" and self.parser.should_keep_alive()

    @property
    def expects(self) -> bool:
        """Whether the client waits for leave to send its body. One of HTTP/1.0 does not know how."""
        return self.fields.get(b"expect", b"").lower() == b"100-continue" and self.version == "1.1"


class Cutter:
    """Finds where the heads of one connection end. Remembers what it has looked at."""

    __slots__ = ("_ends", "_lines", "_most", "_seen")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = self._lines = self._ends = 0

    def cut(self, data: bytes | bytearray) -> int:
        """The length of the head that `data` begins with, 0 if it is not all there. Raises Refused.

        Until a head has been found, `data` is what it was before and whatever came since.
        """
        seen = self._seen
        end = data.find(END, seen - 3 if seen > 3 else 0)
        stop = len(data) if end < 0 else end + 4
        self._lines += data.count(b"\n", seen, stop)
        self._ends += data.count(b"\r\n", seen - 1 if seen else 0, stop)
        if self._lines != self._ends:
            raise malformed("Lines end in CR LF, this one in a bare LF.")
        if stop > self._most or self._lines > LINES + 2:  # beside them the request's line, and the empty one
            raise too_large(self._most)
        if end < 0:
            if not seen:
                _begins_well(data)
            self._seen = stop
            return 0
        self._seen = self._lines = self._ends = 0
        return stop


def _begins_well(data: bytes | bytearray) -> None:
    """Whoever speaks another protocol waits for no end of a head."""
    if data[:2] == TLS_HELLO:
        raise malformed("This port speaks HTTP in the clear, and this is TLS: the URL begins with http://.")
    if not data[:1].isupper():
        raise malformed("This cannot be read.")


def parsed(raw: bytes) -> Head:
    """The head that these bytes are, found sound. Raises Refused."""
    head = Head()
    parser = head.parser = httptools.HttpRequestParser(head)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # an offer is declined by going on as if it had not been made (RFC 9110, 7.8)
    except httptools.HttpParserError:
        _check_coding([value.lower() for name, value in head.headers if name == b"transfer-encoding"])
        if raw[:2] == TLS_HELLO:
            _begins_well(raw)
        raise malformed("This cannot be read.") from None
    finally:
        head.parser = None  # else the two would hold each other
    head.fields = fields = dict(head.headers)
    head.repeats = len(fields) != len(head.headers)
    _check(head)
    if not _LINE.match(raw):
        raise malformed("The line of a request has three words, and one space between two of them.")
    return head


def _check(head: Head) -> None:
    """What the parser lets pass."""
    if head.version not in {"1.0", "1.1"}:
        raise malformed(f"HTTP/{head.version} is not spoken here.")
    if not head.target or _NOT_ASCII.search(head.target):
        raise malformed("What a request is for is written in ASCII.")
    fields = head.fields
    hosts = _count(head, b"host")
    if hosts > 1 or (not hosts and head.version == "1.1"):
        raise malformed(f"A request names one Host, this names {hosts}.")
    if head.repeats and _count(head, b"authorization") > 1:
        raise malformed("A request has one Authorization, this has more.")
    length = fields.get(b"content-length")
    if b"transfer-encoding" in fields:
        _check_coding([value.lower() for name, value in head.headers if name == b"transfer-encoding"])
        if length is not None or head.version == "1.0":
            raise malformed("A body has either a length or, in HTTP/1.1, chunks.")
        head.length = None
    elif length is not None:
        if _count(head, b"content-length") > 1 or not _DIGITS.fullmatch(length):
            raise malformed("A body has one length, in digits.")
        head.length = int(length)


def _count(head: Head, wanted: bytes) -> int:
    if not head.repeats:
        return int(wanted in head.fields)
    return sum(name == wanted for name, _ in head.headers)


def _check_coding(lines: list[bytes]) -> None:
    """Chunked is the one transfer coding there is here, once, and without others."""
    if not lines or lines == [b"chunked"]:
        return
    codings = [coding.strip() for line in lines for coding in line.split(b",")]
    if b"chunked" in codings[:-1]:
        raise malformed("Chunked is the last of the transfer codings, and comes once.")
    raise Refused(
        501,
        "The only Transfer-Encoding here is chunked. Send the body so, or with a length.",
        "unknown_transfer_coding",
    )
