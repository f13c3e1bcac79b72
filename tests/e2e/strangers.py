"""Clients without a key that want to cost much: what each sends, again and again, without ever reading."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW_GET = b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/uploads/upload_x/parts HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

ROUND = 256 * 1024
"""Bytes that each wants to send in a round."""


def always(data: bytes) -> Callable[[], Iterator[bytes]]:
    """The same for ever."""
    block = data * (ROUND // len(data) + 1)

    def again() -> Iterator[bytes]:
        while True:
            yield block

    return again


def once(data: bytes, then: bytes = b"") -> Callable[[], Iterator[bytes]]:
    """A beginning, then the same for ever, or nothing."""

    def begun() -> Iterator[bytes]:
        yield data
        if then:
            yield from always(then)()

    return begun


KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "pipelines and never reads": always(GET),
    "pipelines through the framework and never reads": always(SLOW_GET),
    "sends short header lines without an end": once(b"GET / HTTP/1.1\r\n", b"a:\r\n"),
    "begins a large head and does not end it": once(b"GET / HTTP/1.1\r\nX: " + b"y" * 60_000),
    "sends one header line without an end": once(b"GET / HTTP/1.1\r\nX: ", b"y"),
    "begins a small body and does not end it": once(POST + b"Content-Length: 65536\r\n\r\n" + bytes(65_000)),
    "sends a large body that is refused": once(POST + b"Content-Length: 999999999999\r\n\r\n", bytes(1000)),
    "sends chunks of one byte": once(CHUNKED, b"1\r\nx\r\n"),
    "sends an extension of a chunk without an end": once(CHUNKED + b"1;", b"x"),
    "sends trailers without an end": once(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "sends empty lines": always(b"\r\n"),
}


class Stranger:
    """One of them, on one connection."""

    def __init__(self, port: int, kind: Callable[[], Iterator[bytes]]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setblocking(False)
        self._wants = kind()
        self._left = b""
        self.sent = 0

    def go_on(self) -> None:
        """Send what the server takes just now, at most a round's worth."""
        with suppress(BlockingIOError, ConnectionError):
            self._left = self._left or next(self._wants, b"")
            count = self._socket.send(self._left) if self._left else 0
            self._left, self.sent = self._left[count:], self.sent + count

    def close(self) -> None:
        self._socket.close()


@contextmanager
def strangers(port: int, kind: Callable[[], Iterator[bytes]], count: int) -> Iterator[list[Stranger]]:
    """So many of a kind."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(Stranger(port, kind))
            stack.callback(found[-1].close)
        yield found


def more_descriptors(wanted: int) -> None:
    """Let this process open so many files, if it may."""
    if os.name == "posix":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
