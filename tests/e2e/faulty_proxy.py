"""A TCP proxy that cuts one connection in the middle of what a client sends, once."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

How = Literal["rst", "fin"]

PIECE = 16 * 1024


class FaultyProxy:
    """Passes bytes on to `upstream`. After `after` bytes from clients, in all, it cuts the connection that
    sent them: by a reset, or by closing it politely. Everything later passes."""

    def __init__(self, upstream: int, *, after: int, how: How) -> None:
        self._upstream = upstream
        self._left = after
        self._how = how
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self.connections = 0
        self._spawn(self._accept)

    def close(self) -> None:
        """Stop listening, close what is open, wait for every thread."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        for one in self._open:
            one.close()

    def _spawn(self, work: object, *args: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            self.connections += 1
            with self._lock:
                self._open |= {client, server}
            self._spawn(self._up, client, server)
            self._spawn(self._down, server, client)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        """Client to server, up to the byte at which the cut is due."""
        with suppress(OSError):
            while piece := client.recv(PIECE):
                with self._lock:
                    due = not self.cuts and len(piece) >= self._left
                    passed = piece[: self._left] if due else piece
                    self._left -= len(passed)
                    self.cuts += due
                server.sendall(passed)
                if due:
                    self._cut(client)
                    break
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(PIECE):
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)

    def _cut(self, client: socket.socket) -> None:
        with self._lock:
            self._open.discard(client)
        if self._how == "rst":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            client.shutdown(socket.SHUT_RDWR)
        client.close()


@contextmanager
def faulty_proxy(upstream: int, *, after: int, how: How) -> Iterator[FaultyProxy]:
    """A proxy for the length of a `with` block."""
    proxy = FaultyProxy(upstream, after=after, how=how)
    try:
        yield proxy
    finally:
        proxy.close()
