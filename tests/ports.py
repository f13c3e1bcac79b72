"""Ports for servers that cannot choose one themselves, or that come back on the one they had."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

LOWEST, HIGHEST = 10_240, 22_000
"""Below what the kernel hands out by itself (32768 and up), also 10,000 higher: no outgoing connection and
no server on port 0 takes one of these between the look and the bind, or while its server restarts."""


def free_port() -> int:
    """A port of loopback that nobody has."""
    [port] = free_ports(1)
    return port


def free_ports(count: int, *, above: int = 0) -> list[int]:
    """Different ports that are free, and so are those `above` higher: SeaweedFS opens each port twice."""
    found: list[int] = []
    while len(found) < count:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if port not in found and all(map(_is_free, {port, port + above})):
            found.append(port)
    return found


@contextmanager
def closed_ports(*ports: int) -> Iterator[None]:
    """Connections to these are refused: they are taken by somebody who does not listen, not by a stranger
    who looks for a free one."""
    with ExitStack() as taken:
        for port in ports:
            one = taken.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the dead may linger
            one.bind(("127.0.0.1", port))
        yield


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of loopback on which nobody listens, and nobody will."""
    port = free_port()
    with closed_ports(port):
        yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
