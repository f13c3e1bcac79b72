"""An answer as a test wants it on the wire, true or not: status, headers, pieces, and where it is cut."""

import gzip
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import responses
from typing import Literal

Piece = bytes | Callable[[], object]
"""Bytes, or what happens before the next ones: an event that is waited for, a change of the world."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came. Header names are in lower case; `caller` tells connections apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    caller: tuple[str, int]
    body: bytes = b""

    @property
    def line(self) -> str:
        """As `StandIn.asked` has it: the method, and the path with its query behind /v1."""
        return f"{self.method} {self.path.removeprefix('/v1')}"

    @property
    def range(self) -> tuple[int, int | None] | None:
        """The first byte and the last of a Range; None for no such header."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return (int(found[1]), int(found[2]) if found[2] else None) if found else None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. Content-Length is that of all bytes, unless `headers` say otherwise; None leaves one out.

    `cut`: after so many bytes of the body the connection ends, by `FIN` as a process that is
    stopped, or by `RST` as one that is killed. `head` stands in for status line and headers as it is.
    """

    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | Sequence[Piece] = b""
    cut: int | None = None
    by: Literal["FIN", "RST"] = "FIN"
    head: bytes | None = None

    @property
    def pieces(self) -> Sequence[Piece]:
        """The body in a row of pieces."""
        return [self.body] if isinstance(self.body, bytes) else self.body

    def opening(self) -> bytes:
        """Status line and headers."""
        if self.head is not None:
            return self.head
        length = sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))
        said: dict[str, str | None] = {
            "content-type": "application/octet-stream",
            "content-length": str(length),
            **{name.lower(): value for name, value in self.headers.items()},
        }
        if said.get("transfer-encoding") is not None:
            said["content-length"] = None
        reason = responses.get(self.status, "Odd")
        lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
        return "\r\n".join([f"HTTP/1.1 {self.status} {reason}", *lines, "", ""]).encode("latin-1")

    def send(self, connection: socket.socket) -> bool:
        """Onto the connection; whether it may be used for another request."""
        connection.sendall(self.opening())
        left = self.cut
        for piece in self.pieces:
            if not isinstance(piece, bytes):
                piece()
                continue
            connection.sendall(piece if left is None else piece[:left])
            left = None if left is None else max(0, left - len(piece))
            if left == 0:
                break
        if self.cut is not None and self.by == "RST":
            reset(connection)
        without_end = self.headers.get("content-length", "") is None and self.head is None
        return self.cut is None and not without_end


def reset(connection: socket.socket) -> None:
    """End it as the system does for a process that was killed: what was not read yet is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.close()


def partial(content: bytes, start: int, end: int, **changes: str | None) -> Answer:
    """206 with the bytes from `start` to before `end`. `changes` are headers: content_range="bytes 7-9/3"."""
    headers: dict[str, str | None] = {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return Answer(status=206, headers=headers, body=content[start:end])


def chunked(*pieces: Piece) -> Answer:
    """200 in chunks, of a length that nobody tells beforehand."""
    framed = [
        b"%x\r\n%s\r\n" % (len(piece), piece) if isinstance(piece, bytes) else piece for piece in pieces
    ]
    return Answer(headers={"transfer-encoding": "chunked"}, body=[*framed, b"0\r\n\r\n"])


def zipped(content: bytes, *, level: int = 6) -> Answer:
    """200 with a coding that nobody asked for, as some proxies do."""
    return Answer(headers={"content-encoding": "gzip"}, body=gzip.compress(content, level))


def page(status: int = 404, text: str = "default backend - 404") -> Answer:
    """What a proxy says of its own: no envelope, no JSON."""
    return Answer(status=status, headers={"content-type": "text/plain; charset=utf-8"}, body=text.encode())
