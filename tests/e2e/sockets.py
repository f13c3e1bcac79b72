"""HTTP by hand: requests that no client library would send, and answers read off the socket."""

import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2

from tests.e2e.wire import WITNESS

SECONDS = 60.0
"""That an answer may take. A bound, not a wait."""


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection to a server on this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        yield connection


def head(method: str, path: str, key: str | None = None, **headers: str | int) -> bytes:
    """A request's head; underscores in header names become hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(connection: socket.socket, method: str = "GET") -> httpx2.Response:
    """The next answer on a connection."""
    with http.client.HTTPResponse(connection, method=method) as raw:
        raw.begin()
        body = raw.read()
        found = httpx2.Response(raw.status, headers=raw.getheaders(), content=body)
    WITNESS(found)
    return found


def ask(port: int, *pieces: bytes, method: str = "GET") -> httpx2.Response:
    """One request of those pieces on a connection of its own."""
    with connected(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return answer(connection, method)


def form(*fields: tuple[str, bytes], boundary: str = "cut-here", closed: bool = True) -> bytes:
    """A multipart body: for each field its disposition's parameters (and further headers), and its bytes."""
    out = bytearray()
    for parameters, payload in fields:
        out += f"--{boundary}\r\nContent-Disposition: form-data; {parameters}\r\n\r\n".encode()
        out += payload + b"\r\n"
    if closed:
        out += f"--{boundary}--\r\n".encode()
    return bytes(out)


FORM = "multipart/form-data; boundary=cut-here"
"""The content type of `form`."""


@contextmanager
def part_under_way(port: int, key: str, upload_id: str, first: bytes, rest: bytes) -> Iterator[socket.socket]:
    """A Part of which the server is known to be taking the body: `first` is sent, `rest` is to come.

    `Expect: 100-continue` tells: the server asks for the body when it begins to read it.
    """
    with connected(port) as connection:
        connection.sendall(
            head(
                "POST", f"/v1/uploads/{upload_id}/parts", key,
                Content_Type="application/octet-stream",
                Content_Length=len(first) + len(rest),
                Expect="100-continue",
            )
        )  # fmt: skip
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            assert piece, said
            said += piece
        assert said.startswith(b"HTTP/1.1 100 "), said
        connection.sendall(first)
        yield connection


def held(pid: int) -> int:
    """The sockets, files and pipes that a process has open; what watches them comes once and stays, and a
    catalog opens a few more of its own when many ask at once, and keeps them."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += not re.search(r"^anon_inode:|/catalog\.sqlite", str(entry.readlink()))
    return found
