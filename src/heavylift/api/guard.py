"""uvicorn's HTTP protocol, guarded: bounded headers, bounded patience, errors in the envelope."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from heavylift.api.cork import EXTENSION, Corked
from heavylift.api.errors import envelope
from heavylift.api.upgrade import parser_behind_head
from heavylift.domain import ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Bounds of one connection: bytes of a head, and seconds for a head, for a client that takes nothing."""

    head_bytes: int
    head_seconds: float
    idle_seconds: float


class GuardedProtocol(HttpToolsProtocol):
    """A head must come whole, in time, and be of a decent size; an answer must be taken.

    The application puts its `Guard` into the lifespan's state, under "guard".
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.bounds: Guard = app_state["guard"]
        self._head_bytes = 0
        self._parsed_bytes = 0
        self._in_head = True
        self._offered = False  # another protocol
        self._head_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._corked = Corked(transport)
        self.transport = cast("asyncio.Transport", self._corked)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        while data:
            data = self._read(data)

    def _read(self, data: bytes) -> bytes:
        """Parse it, up to the end of a head that offers another protocol. What is behind that end."""
        rest = b""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._await_head()
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._offered = False
            self.parser = parser_behind_head(self, self.headers)
            rest = data[offer.args[0] :]
        except httptools.HttpParserError:
            self._refuse_request("This cannot be read.")
        if self._in_head and self._head_bytes > self.bounds.head_bytes:
            self._refuse_head()
        return rest

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._parsed_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._parsed_bytes += len(name) + len(value)
        if not self._in_head and self._parsed_bytes > self.bounds.head_bytes:  # trailers
            self.transport.abort()

    def on_headers_complete(self) -> None:
        if self._parsed_bytes > self.bounds.head_bytes:  # it came whole, in one large piece
            self._refuse_head()
            raise ValueError("the head is too large")  # which stops the parser
        if wrong := self._wrong_in_head():
            self._refuse_request(wrong)
            raise ValueError(wrong)
        self._offered = self.parser.should_upgrade()
        self._in_head = False
        self._head_bytes = self._parsed_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        extensions: Any = self.scope.setdefault("extensions", {})
        extensions[EXTENSION] = self._corked.hold
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._offered:  # the parser will not read the body, but another one will
            return
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = self._parsed_bytes = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._drain_timer = self.loop.call_later(self.bounds.idle_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client that says nothing more after its request still gets the answer to it."""
        cycle = self.cycle
        if self.scheme != "http" or cycle is None or cycle.response_complete or cycle.more_body:
            return None
        cycle.keep_alive = False
        return True

    def _wrong_in_head(self) -> str | None:
        """Why this is not a request that can be understood safely. What the parser lets pass."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return f"HTTP/{version} is not spoken here."
        hosts, codings = 0, []
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding":
                codings.append(value.strip().lower())
        if hosts > 1 or (not hosts and version == "1.1"):
            return f"A request names one Host, this names {hosts}."
        if codings and codings != [b"chunked"]:
            return "The only Transfer-Encoding that is understood here is chunked."
        if version == "1.0":
            self.expect_100_continue = False  # such a client does not know what a 100 is
        return None

    def _refuse_request(self, why: str) -> None:
        self._refuse(400, f"{why} Requests are HTTP/1.1 as RFC 9112 has it.", "malformed_request")

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.bounds.head_seconds, self._head_late)

    def _refuse_head(self) -> None:
        self._refuse(
            431, f"The headers of a request may hold {self.bounds.head_bytes} bytes.", "headers_too_large"
        )

    def _head_late(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes:
            self._refuse(
                408,
                f"The request's headers took more than {self.bounds.head_seconds:g} seconds.",
                "request_timeout",
            )
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str, code: str) -> None:
        """Answer what is no request, or no whole one, and close. Once. What came before is answered first."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        under_way = cycle is not None and not cycle.response_complete
        if under_way and not cycle.more_body:
            cycle.keep_alive = False
            return
        if under_way:  # it is this one: what the application says of it goes nowhere
            cycle.disconnected = True
            cycle.message_event.set()
        body = envelope(status, message, code=code)
        request_id = ids.new_id(ids.REQUEST, now=time.time())
        lines = [
            STATUS_LINE[status],
            b"content-type: application/json\r\n",
            b"content-length: %d\r\n" % len(body),
            b"x-request-id: %s\r\n" % request_id.encode(),
            b"openai-processing-ms: 0\r\n",
            b"connection: close\r\n\r\n",
            body,
        ]
        if not under_way or not (cycle.response_started or self.pipeline):
            self.transport.write(b"".join(lines))
        self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()
