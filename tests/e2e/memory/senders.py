"""Bytes by the gigabyte from and to a server, out of one small buffer. Blocking, for threads."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.e2e.wire import Json
from tests.serving import Served

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

    def begin(self, method: str, path: str, *, kind: str = "", length: int = 0) -> None:
        """Send a request's head."""
        lines = [f"{method} /v1{path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._key}"]
        lines += [f"Content-Type: {kind}"] * bool(kind) + [f"Content-Length: {length}"] * (method == "POST")
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

    def part(self, upload: str, *, form: bool = True, at_half: Callable[[], object] = lambda: None) -> str:
        """Send BODY as a Part, in a form or raw. Its id. `at_half` is called in the middle."""
        opening, closing = (OPENING, CLOSING) if form else (b"", b"")
        kind = f"multipart/form-data; boundary={BOUNDARY}" if form else "application/octet-stream"
        length = len(opening) + PART + len(closing)
        self.begin("POST", f"/uploads/{upload}/parts", kind=kind, length=length)
        halves = memoryview(BODY)[: PART // 2], memoryview(BODY)[PART // 2 :]
        self.send(opening, halves[0])
        at_half()
        self.send(halves[1], closing)
        return str(json.loads(self._answers.read(self.answer()))["id"])


@contextmanager
def connected(served: Served) -> Iterator[Connection]:
    """A connection for the length of a `with` block."""
    connection = Connection(served)
    try:
        yield connection
    finally:
        connection.close()
