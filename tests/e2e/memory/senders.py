"""Bytes by the gigabyte from and to a server, out of one small buffer. Blocking, for threads."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from tests.e2e.wire import Json
from tests.serving import Served

How = Literal["form", "raw", "chunked"]
"""A Part in a form, as the body itself, or in a form of unknown length."""

MIB = 1024 * 1024
PART = 64 * MIB
BODY = os.urandom(MIB) * 64
"""The one body that every Part has: 64 MiB."""

BOUNDARY = "the-boundary"
OPENING = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="data"; filename="data"\r\n\r\n'.encode()
CLOSING = f"\r\n--{BOUNDARY}--\r\n".encode()


class Connection:
    """One HTTP/1.1 connection, kept open."""

    def __init__(self, served: Served) -> None:
        self._key = served.key
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=120)
        self._answers = self._socket.makefile("rb")

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def begin(self, method: str, path: str, *, kind: str = "", length: int | None = None) -> None:
        """Send a head. The body has `length` bytes, or comes in chunks; of no kind, there is none."""
        lines = [f"{method} /v1{path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._key}"]
        if kind:
            lines.append(f"Content-Type: {kind}")
            lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, *pieces: bytes | memoryview) -> None:
        """Send what belongs to the body."""
        for piece in pieces:
            self._socket.sendall(piece)

    def answer(self) -> int:
        """Read the head of a 200; the length of its body."""
        head = b"".join(iter(self._answers.readline, b"\r\n"))
        assert head.startswith(b"HTTP/1.1 200"), head + self._answers.read1(2000)
        length = re.search(rb"(?i)\ncontent-length: (\d+)", head)
        assert length is not None
        return int(length[1])

    def take(self, length: int, into: bytearray) -> Iterator[memoryview]:
        """Read a body of that length, in pieces that are overwritten by the next."""
        view = memoryview(into)
        while length:
            got = self._answers.readinto(view[:length])
            assert got, "the server hung up"
            yield view[:got]
            length -= got

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """A small call."""
        content = json.dumps(body).encode() if body else b""
        self.begin(method, path, kind="application/json", length=len(content))
        self.send(content)
        answer: Json = json.loads(self._answers.read(self.answer()))
        return answer

    def part(self, upload: str, how: How = "form", *, at_half: Callable[[], object] = lambda: None) -> str:
        """Send BODY as a Part. Its id. `at_half` is called in the middle."""
        opening, closing = (b"", b"") if how == "raw" else (OPENING, CLOSING)
        kind = "application/octet-stream" if how == "raw" else f"multipart/form-data; boundary={BOUNDARY}"
        length = None if how == "chunked" else len(opening) + PART + len(closing)
        self.begin("POST", f"/uploads/{upload}/parts", kind=kind, length=length)
        framed = in_chunks if how == "chunked" else as_it_is
        halves = memoryview(BODY)[: PART // 2], memoryview(BODY)[PART // 2 :]
        self.send(*framed(opening, halves[0]))
        at_half()
        self.send(*framed(halves[1], closing))
        if how == "chunked":
            self.send(b"0\r\n\r\n")
        return str(json.loads(self._answers.read(self.answer()))["id"])


def as_it_is(*pieces: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """A body whose length the head tells."""
    yield from pieces


def in_chunks(*pieces: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """The pieces as chunks of HTTP/1.1, of up to a mebibyte."""
    for piece in pieces:
        for start in range(0, len(piece), MIB):
            chunk = piece[start : start + MIB]
            yield from (b"%x\r\n" % len(chunk), chunk, b"\r\n")


@contextmanager
def connected(served: Served) -> Iterator[Connection]:
    """A connection for the length of a `with` block."""
    connection = Connection(served)
    try:
        yield connection
    finally:
        connection.close()
