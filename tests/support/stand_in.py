"""A small real HTTP server: OpenAI's own operations, heavylift's extensions if wanted, misbehaviour on order.

`answers("GET /files/.*", Answer(...), ...)` orders what the next such requests get instead, in turn.
"""

import hashlib
import itertools
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from heavylift.client import checksums
from tests.support.answers import Answer, Asked
from tests.support.forms import read_form

Fault = Callable[["Handler"], bool]
"""Looks at a request before it is answered; true when it has dealt with it itself."""

Order = Answer | Callable[[Asked], Answer | None]
"""An answer, or what makes one out of the request; None is what the server says of its own."""


@dataclass
class StandIn:
    """What the server knows and was asked. `faults` are consulted, newest last, before every answer.

    `extensions`: it shows checksums, ETags, and knows ranges, look-ups of Uploads and the keys of their
    creation, as heavylift does.
    """

    url: str = ""
    extensions: bool = False
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    completions: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    at_heads: list[Fault] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def count(self, pattern: str) -> int:
        """How many requests matched."""
        return len(self.matching(pattern))

    def matching(self, pattern: str) -> list[Asked]:
        """The requests that matched, in the order in which they came."""
        with self.lock:
            return [asked for asked in self.requests if re.fullmatch(pattern, asked.line)]

    def answers(self, pattern: str, *orders: Order, forever: bool = False, unread: bool = False) -> None:
        """What the next requests of this kind get, one after the other; with `forever` the last one stays.

        `unread`: already when the head is there; what comes of the body is left where it is.
        """
        waiting = list(orders)

        def fault(handler: "Handler") -> bool:
            with self.lock:
                if not waiting or not re.fullmatch(pattern, handler.asked.line):
                    return False
                order = waiting[0] if forever and len(waiting) == 1 else waiting.pop(0)
            answer = order if isinstance(order, Answer) else order(handler.asked)
            if answer is not None:
                if unread:
                    handler.note()
                handler.give(answer)
            return answer is not None

        (self.at_heads if unread else self.faults).append(fault)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def say(self, status: int, body: object, **headers: str) -> None:
        """Answer with JSON, or with bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        """Answer with the error envelope."""
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self.say(status, {"error": error}, **headers)

    def give(self, answer: Answer) -> None:
        """Answer with that, as it is."""
        self.wfile.flush()
        if not answer.send(self.connection):
            self.close_connection = True

    def handle_any(self) -> None:
        self.asked = Asked(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            caller=self.client_address,
        )
        with self.stand_in.lock:
            at_heads = list(self.stand_in.at_heads)
        if any(fault(self) for fault in at_heads):
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        if len(self.body) < length:  # whoever sent it has left
            self.close_connection = True
            return
        self.asked = replace(self.asked, body=self.body)
        self.note()
        with self.stand_in.lock:
            faults = list(self.stand_in.faults)
        if not any(fault(self) for fault in faults):
            self._answer()

    def note(self) -> None:
        """Keep what was asked, for the test to look at."""
        with self.stand_in.lock:
            self.stand_in.asked.append(self.asked.line)
            self.stand_in.requests.append(self.asked)

    def _answer(self) -> None:
        for pattern, answer in ROUTES + (EXTRA if self.stand_in.extensions else []):
            if match := re.fullmatch(pattern, self.asked.line):
                with self.stand_in.lock:
                    answer(self, *match.groups())
                return
        self.refuse(404, f"Invalid URL ({self.asked.line})")


def create_upload(handler: Handler) -> None:
    asked = json.loads(handler.body)
    stand_in, key = handler.stand_in, handler.asked.headers.get("idempotency-key", "")
    if stand_in.extensions and key in stand_in.keys:
        earlier = stand_in.uploads[stand_in.keys[key]]
        if any(earlier[name] != value for name, value in asked.items() if name in earlier):
            return handler.refuse(400, "The key belongs to another request", "idempotency_key_reused")
        return handler.say(200, earlier)
    upload = {
        "id": f"upload_{next(handler.stand_in.numbers)}",
        "object": "upload",
        "bytes": asked["bytes"],
        "created_at": 1790000000,
        "expires_at": 1790003600,
        "filename": asked["filename"],
        "purpose": asked["purpose"],
        "status": "pending",
    }
    stand_in.uploads[upload["id"]] = upload
    stand_in.keys[key] = upload["id"]
    return handler.say(200, upload)


def add_part(handler: Handler, upload_id: str) -> None:
    upload = handler.stand_in.uploads.get(upload_id)
    if upload is None:
        return handler.refuse(404, "No such Upload", "upload_not_found")
    if upload["status"] != "pending":
        return handler.refuse(400, f"The upload is {upload['status']}", f"upload_{upload['status']}")
    form = read_form(handler.headers["Content-Type"], handler.body)
    part = f"part_{next(handler.stand_in.numbers)}"
    handler.stand_in.parts[part] = form["data"][1]
    upload.setdefault("parts_here", []).append(part)
    return handler.say(200, shown_part(handler, upload_id, part))


def shown_part(handler: Handler, upload_id: str, part_id: str) -> dict[str, Any]:
    part = {"id": part_id, "object": "upload.part", "created_at": 1790000001, "upload_id": upload_id}
    if handler.stand_in.extensions:
        payload = handler.stand_in.parts[part_id]
        part |= {"bytes": len(payload), "checksum": checksums.show(checksums.extend(0, payload))}
    return part


def one_upload(handler: Handler, upload_id: str) -> None:
    upload = handler.stand_in.uploads.get(upload_id)
    if upload is None:
        return handler.refuse(404, "No such Upload", "upload_not_found")
    return handler.say(200, upload)


def list_parts(handler: Handler, upload_id: str) -> None:
    parts = handler.stand_in.uploads[upload_id].get("parts_here", [])
    data = [shown_part(handler, upload_id, part) for part in parts]
    handler.say(200, {"object": "list", "data": data, "has_more": False})


def complete(handler: Handler, upload_id: str) -> None:
    upload = handler.stand_in.uploads.get(upload_id)
    asked = json.loads(handler.body)
    handler.stand_in.completions.append(asked)
    if upload is None:
        return handler.refuse(404, "No such Upload", "upload_not_found")
    if upload["status"] == "completed":
        return handler.say(200, upload)
    content = b"".join(handler.stand_in.parts[part] for part in asked["part_ids"])
    if len(content) != upload["bytes"]:
        return handler.refuse(400, "The parts do not add up", "bytes_mismatch")
    if asked.get("md5") not in {None, hashlib.md5(content).hexdigest()}:
        return handler.refuse(400, "The md5 is another", "md5_mismatch")
    upload |= {
        "status": "completed",
        "file": keep(handler.stand_in, upload["filename"], upload["purpose"], content),
    }
    return handler.say(200, upload)


def keep(stand_in: StandIn, filename: str, purpose: str, content: bytes) -> dict[str, Any]:
    """A File of these bytes."""
    file = {
        "id": f"file-{next(stand_in.numbers)}",
        "object": "file",
        "bytes": len(content),
        "created_at": 1790000002,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
    if stand_in.extensions:
        file["checksum"] = checksums.show(checksums.extend(0, content))
    stand_in.files[file["id"]] = (file, content)
    return file


def cancel(handler: Handler, upload_id: str) -> None:
    if upload_id not in handler.stand_in.uploads:
        return handler.refuse(404, "No such Upload", "upload_not_found")
    handler.stand_in.uploads[upload_id]["status"] = "cancelled"
    return handler.say(200, handler.stand_in.uploads[upload_id])


def create_file(handler: Handler) -> None:
    form = read_form(handler.headers["Content-Type"], handler.body)
    name, content = form["file"]
    handler.say(200, keep(handler.stand_in, name, form["purpose"][1].decode(), content))


def list_files(handler: Handler) -> None:
    handler.say(200, {"object": "list", "data": [file for file, _ in handler.stand_in.files.values()]})


def one_file(handler: Handler, file_id: str) -> None:
    if file_id not in handler.stand_in.files:
        return handler.refuse(404, f"No such File object: {file_id}")
    return handler.say(200, handler.stand_in.files[file_id][0])


def delete_file(handler: Handler, file_id: str) -> None:
    if handler.stand_in.files.pop(file_id, None) is None:
        return handler.refuse(404, f"No such File object: {file_id}")
    return handler.say(200, {"id": file_id, "object": "file", "deleted": True})


def content(handler: Handler, file_id: str) -> None:
    if file_id not in handler.stand_in.files:
        return handler.refuse(404, f"No such File object: {file_id}")
    whole = handler.stand_in.files[file_id][1]
    if not handler.stand_in.extensions:
        return handler.say(200, whole)
    etag = f'"{checksums.extend(0, whole):016x}"'
    span = handler.asked.range
    if span is None or handler.headers.get("If-Range", etag) != etag:
        return handler.say(200, whole, ETag=etag)
    start, last = span[0], min(len(whole) - 1 if span[1] is None else span[1], len(whole) - 1)
    if start >= len(whole):
        return handler.refuse(416, "No such range", Content_Range=f"bytes */{len(whole)}")
    shown = f"bytes {start}-{last}/{len(whole)}"
    return handler.say(206, whole[start : last + 1], ETag=etag, Content_Range=shown)


ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"POST /uploads", create_upload),
    (r"POST /uploads/([^/?]+)/parts", add_part),
    (r"POST /uploads/([^/?]+)/complete", complete),
    (r"POST /uploads/([^/?]+)/cancel", cancel),
    (r"POST /files", create_file),
    (r"GET /files(?:\?.*)?", list_files),
    (r"GET /files/([^/?]+)", one_file),
    (r"DELETE /files/([^/?]+)", delete_file),
    (r"GET /files/([^/?]+)/content", content),
]

EXTRA: list[tuple[str, Callable[..., None]]] = [
    (r"GET /uploads/([^/?]+)", one_upload),
    (r"GET /uploads/([^/?]+)/parts(?:\?.*)?", list_parts),
]


class Server(ThreadingHTTPServer):
    """Threads that are waited for, so that teardown leaves none behind."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests; a mistake in an order is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def stand_in_server(tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """A server on a free port of loopback, gone afterwards."""
    stand_in = StandIn()
    methods = {f"do_{method}": Handler.handle_any for method in ("GET", "POST", "DELETE", "HEAD")}
    handler = type("BoundHandler", (Handler,), {"stand_in": stand_in, "timeout": 30, **methods})
    server = Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    stand_in.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
