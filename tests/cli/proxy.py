"""A proxy as people put in front of services: it collects bodies, may limit them, and can stall parts."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.stand_in import Server

HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Proxy:
    """`url` is to be used instead of the server's. Parts from number `stall_from` on wait and are dropped."""

    target: str
    limit: int | None = None
    stall_from: int | None = None
    url: str = ""
    parts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def stalls(self) -> bool:
        """Count a part; whether it is one that gets no further."""
        with self.lock:
            self.parts += 1
            return self.stall_from is not None and self.parts >= self.stall_from


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def forward(self) -> None:
        """The request as it is, once all of it is here."""
        length = int(self.headers.get("Content-Length", 0))
        if self.proxy.limit is not None and length > self.proxy.limit:
            self.close_connection = True
            self.send_response(413)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        if self.command == "POST" and self.path.endswith("/parts") and self.proxy.stalls():
            self.proxy.stalled.set()
            self.proxy.released.wait()
            self.close_connection = True
            return
        self.pass_on(body)

    def pass_on(self, body: bytes) -> None:
        where = urlsplit(self.proxy.target)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        finally:
            connection.close()


@contextmanager
def proxying(target: str, *, limit: int | None = None, stall_from: int | None = None) -> Iterator[Proxy]:
    """A proxy in front of the server at that URL, gone afterwards."""
    proxy = Proxy(target=target, limit=limit, stall_from=stall_from)
    methods = {f"do_{method}": Handler.forward for method in ("GET", "POST", "DELETE")}
    server = Server(
        ("127.0.0.1", 0), type("BoundHandler", (Handler,), {"proxy": proxy, "timeout": 30, **methods})
    )
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
