"""One request through ASGI, and its answer, whose head waits for its body: they leave in one write."""

import asyncio
import http
import urllib.parse
from collections.abc import Iterable
from typing import Any, Protocol

import httptools
from starlette.types import Message, Scope

from heavylift.api.server.bounds import PIECE
from heavylift.api.server.heads import Head, malformed

STATUS = {status.value: b"%d %s" % (status.value, status.phrase.encode()) for status in http.HTTPStatus}

GONE: Message = {"type": "http.disconnect"}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Pairs = Iterable[tuple[bytes, bytes]]


class Wire(Protocol):
    """What a request needs of its connection."""

    def lead(self, status: int) -> bytes:
        """How an answer begins."""

    def write(self, data: bytes | memoryview) -> None:
        """Send, or keep until the client takes it."""

    def borrow(self, wanted: int) -> int:
        """So many of these bytes may be written at once."""

    def give_back(self, size: int) -> None:
        """The client has taken them, or never will."""

    async def until_writable(self) -> None:
        """Wait until the client has taken what was written."""

    def proceed(self) -> None:
        """There is room for more of the body."""

    def answered(self, cycle: "Cycle") -> None:
        """The answer is written, or given up."""


class Cycle:
    """A request as it comes in, and its answer as it goes out.

    `more` tells whether there is more of the body than what waits here, `begun` whether anyone has asked for
    it; `started` and `complete` speak of the answer; `gone` tells that the client has left.
    """

    __slots__ = (
        "_chunked", "_held", "_left", "_news", "_pieces", "_told", "_waits_for_leave", "_wire", "begun",
        "complete", "gone", "head", "kept", "last", "more", "scope", "started", "watched",
    )  # fmt: skip

    def __init__(self, wire: Wire, head: Head, scope: Scope, *, more: bool) -> None:
        self._wire = wire
        self.head = head
        self.scope = scope
        self.more = more
        self.last = not head.keep_alive  # no other request follows on this connection
        self.kept = 0  # bytes of the body that wait here
        self._pieces: list[bytes] = []
        self._told = False  # that the body is over
        self._waits_for_leave = more and head.expects
        self._news: asyncio.Event | None = None
        self.watched = False  # a client that closes its side counts as gone
        self.begun = self.started = self.complete = self.gone = self._chunked = False
        self._held = b""
        self._left: int | None = None  # bytes that the answer still owes, if that is known

    # The request.

    def watch(self) -> None:
        """From now on a client that closes its side of the connection counts as gone."""
        self.watched = True

    def feed(self, payload: bytes, *, over: bool) -> None:
        """More of the body, or its end. Nothing of either is no news: who waits would look again for ever."""
        if payload:
            self._pieces.append(payload)
            self.kept += len(payload)
        self.more = not over
        if payload or over:
            self._tell()

    def disconnect(self) -> None:
        """The client has left, in the middle of its request or before its answer."""
        self.gone = not self.complete
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    @property
    def waiting(self) -> bool:
        """Whether the client waits for leave to send its body, and has not got it."""
        return self._waits_for_leave

    def give_leave(self) -> None:
        """Let the client send its body, if it waits for that."""
        if self._waits_for_leave and not self.started:
            self._wire.write(CONTINUE)
        self._waits_for_leave = False

    def take(self) -> bytes:
        """All of the body that waits here."""
        pieces, self._pieces, self.kept, self.begun = self._pieces, [], 0, True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def receive(self) -> Message:
        """ASGI's: the next of the request."""
        self.begun = True
        if self._waits_for_leave:
            self.give_leave()
        while not (self.gone or self.complete) and (self._told or (self.more and not self._pieces)):
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            self._wire.proceed()
            await self._news.wait()
        if self.gone or self.complete:
            return GONE
        self._told = not self.more
        message = {"type": "http.request", "body": self.take(), "more_body": self.more}
        if self.more:
            self._wire.proceed()
        return message

    # The answer.

    async def send(self, message: Message) -> None:
        """ASGI's: the next of the answer. Raises RuntimeError if it is not as long as it says."""
        if message["type"] == "http.response.start":
            if self.started:
                raise RuntimeError("an answer has begun already")
            self.start(message["status"], message.get("headers", ()))
            return
        if not self.started or self.complete:
            raise RuntimeError(f"{message['type']} has no place here")
        body, more = message.get("body", b""), message.get("more_body", False)
        if not more and len(body) <= PIECE:
            self._write(body, more=False)
            return
        view = memoryview(body)
        while True:
            size = self._wire.borrow(len(view))
            try:
                piece, view = view[:size], view[size:]
                self._write(piece, more=more or bool(view))
                await self._wire.until_writable()
            finally:
                self._wire.give_back(size)
            if not view:
                return

    def start(self, status: int, headers: Pairs) -> None:
        """Begin the answer. It leaves with the first of its body."""
        lines, left = [self._wire.lead(status)], None
        for name, value in headers:
            low = name.lower()
            if low == b"content-length":
                left = int(value)
            elif low == b"connection":
                self.last = self.last or b"close" in value.lower()
                continue
            lines.append(b"%s: %s\r\n" % (low, value))
        if self.head.method == b"HEAD" or status in {204, 304}:
            left = 0
        elif left is None:  # chunks, or for HTTP/1.0 the end of the connection, tell where it ends
            self._chunked = self.head.version == "1.1"
            self.last = self.last or not self._chunked
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        # It may send its body, or not; and to look for the end of chunks that nobody wants is dear.
        self.last = self.last or self._waits_for_leave or (self.more and self.head.length is None)
        lines.append(b"connection: close\r\n\r\n" if self.last else b"\r\n")
        self.started, self._left, self._held = True, left, b"".join(lines)

    def respond(self, status: int, headers: Pairs, body: bytes) -> None:
        """The whole answer, in one write."""
        self.start(status, headers)
        self._write(body, more=False)

    def _write(self, body: bytes | memoryview, *, more: bool) -> None:
        if self.head.method == b"HEAD":
            body = b""
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the answer is not as long as its Content-Length says")
        elif self._chunked:
            body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        if not self.gone:
            held, self._held = self._held, b""
            self._wire.write(held + body if held else body)
        if not more:
            self.finish()

    def finish(self) -> None:
        """The answer is complete."""
        self.complete = True
        self._tell()
        self._wire.answered(self)

    def let_go(self) -> None:
        """Its request is over. What the scope offers, like a lane, knows its cycle: the two would hold each
        other, and all that came of the body, until the garbage collector finds them."""
        self.scope = {}

    # For a thread that sends the body in our place.

    def take_head(self) -> bytes:
        """The head of the answer, which has not left yet."""
        held, self._held = self._held, b""
        return held

    def sent(self, count: int) -> None:
        """So many bytes of the body have left in another way."""
        if self._left is not None:
            self._left -= count

    def unstart(self) -> None:
        """Nothing has left: there can be another answer."""
        self.started = self._chunked = False
        self._left = None


def scope_of(head: Head, *, root: str, scheme: str, server: Any, client: Any) -> Scope:
    """The request as ASGI describes it. Raises Refused if its target cannot be understood."""
    target = head.target
    if target[:1] == b"/":
        path, _, query = target.partition(b"#")[0].partition(b"?")
    else:
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise malformed("What the request is for cannot be read.") from None
        path, query = url.path or b"/", url.query or b""
    text = path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "server": server,
        "client": client,
        "scheme": scheme,
        "root_path": root,
        "method": head.method.decode("ascii"),
        "path": root + (urllib.parse.unquote(text) if "%" in text else text),
        "raw_path": root.encode("ascii") + path,
        "query_string": query,
        "headers": head.headers,
    }
