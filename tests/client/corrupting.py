"""A TCP proxy that flips one bit of what the client sends, once, as a bad cable would."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

MARK = b"MARK"
"""Where the bit is flipped: in the middle of a payload that holds this."""


@dataclass
class Corrupting:
    """`url` is to be used instead of the server's; `flipped` tells how often it has struck."""

    target: tuple[str, int]
    url: str = ""
    times: int = 1
    flipped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def damage(self, data: bytes) -> bytes:
        """The data, with a bit of the mark flipped as long as that is to be done."""
        place = data.find(MARK)
        with self.lock:
            if place < 0 or self.flipped >= self.times:
                return data
            self.flipped += 1
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@contextmanager
def corrupting(host: str, port: int, *, times: int = 1) -> Iterator[Corrupting]:
    """A proxy in front of that server, gone afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Corrupting((host, port), times=times)
    proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = [listener]
    accepting = threading.Thread(target=_accept, args=(listener, proxy, threads, sockets))
    accepting.start()
    try:
        yield proxy
    finally:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        accepting.join()
        for thread in threads:
            thread.join()


def _accept(
    listener: socket.socket,
    proxy: Corrupting,
    threads: list[threading.Thread],
    sockets: list[socket.socket],
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(proxy.target)
        sockets += [client, server]
        for source, sink, damage in ((client, server, proxy.damage), (server, client, bytes)):
            thread = threading.Thread(target=_pump, args=(source, sink, damage))
            thread.start()
            threads.append(thread)


def _pump(source: socket.socket, sink: socket.socket, damage: object) -> None:
    assert callable(damage)
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(damage(data))
        sink.shutdown(socket.SHUT_WR)
