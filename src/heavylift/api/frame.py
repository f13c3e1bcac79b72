"""The frame around every request: its id, its time, its line in the log, its last resort."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heavylift.api.body import ClientGone
from heavylift.api.download import AnswerCut
from heavylift.api.errors import CLIENT_GONE, failure_response
from heavylift.api.server.cycle import Pairs
from heavylift.domain import ids

log = structlog.get_logger("heavylift.request")

PROBES = frozenset({"/healthz", "/readyz"})
"""Asked every few seconds, by machines."""

OPENAI_VERSION = b"2020-10-01"
"""What OpenAI's own service answers, documented under "Debugging requests"."""


class Frame:
    """ASGI middleware, outermost. One log line a request; never a stack trace to the client."""

    def __init__(
        self, app: ASGIApp, *, access_log: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._access_log = access_log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = Passage(
            scope, receive, send,
            request_id=ids.new_request_id(now=self._clock()), began=time.perf_counter(),
            access_log=self._access_log,
        )  # fmt: skip
        await passage.run(self._app(scope, passage.receive, passage.send))


class Whole(Protocol):
    """Whoever can send an answer in one piece."""

    def respond(self, status: int, headers: Pairs, body: bytes) -> None:
        """Send it."""


class Passage:
    """One request and its answer as they pass: counted, timed, and given their headers."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, request_id: str, began: float, access_log: bool
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began = began
        self._access_log = access_log
        self.request_id = request_id
        scope.setdefault("state", {})["request_id"] = request_id
        self.status = 0
        self._cut = False
        self._bytes_in = 0
        self._bytes_out = 0

    async def run(self, answering: Awaitable[None]) -> None:
        """Let it answer, and see to what it leaves undone."""
        try:
            await answering
        except AnswerCut as cut:  # the server ends the connection: the client sees that it is not whole
            self._tell_cut(cut.__cause__)
        except ClientGone:
            self.status = CLIENT_GONE
        except asyncio.CancelledError:  # the service ends, and does not wait for it
            self.status = CLIENT_GONE
            raise
        except Exception:
            log.exception("request.failed", request_id=self.request_id)
            if not self.status:
                answer = failure_response(self.request_id)
                await answer(self._scope, self.receive, self.send)
        finally:
            self.log()

    @property
    def _milliseconds(self) -> float:
        return (time.perf_counter() - self._began) * 1000

    async def receive(self) -> Message:
        """The next of the request."""
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """The next of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._own()]
        self._bytes_out += len(message.get("body", b""))
        await self._send(message)

    def respond(self, whole: Whole, status: int, headers: Pairs, body: bytes) -> None:
        """The whole answer at once."""
        self.status = status
        self._bytes_out += len(body)
        whole.respond(status, [*headers, *self._own()], body)

    def _own(self) -> tuple[tuple[bytes, bytes], ...]:
        return (
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"openai-processing-ms", b"%d" % round(self._milliseconds)),
            (b"openai-version", OPENAI_VERSION),
        )

    def _tell_cut(self, reason: BaseException | None) -> None:
        """The answer ends before its end, because a store failed."""
        self._cut = True
        log.error(
            "storage.failed",
            request_id=self.request_id,
            file=self._scope["state"].get("file"),
            blob=getattr(reason, "blob", None),
            exc_info=reason,
        )

    def log(self) -> None:
        """One line, if they are wanted or the answer was cut. Never a header: a key is in one of them."""
        if not (self._access_log or self._cut):
            return
        scope = self._scope
        state: dict[str, Any] = scope["state"]
        line = {
            "request_id": self.request_id,
            "project": state.get("project"),
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path", None),
            "path": scope["path"][:200],
            "status": self.status,
            "bytes_in": self._bytes_in + state.get("bytes_in", 0),
            "bytes_out": self._bytes_out + state.get("bytes_out", 0),
            "ms": round(self._milliseconds, 1),
        }
        if self._cut:
            line["cut"] = True
        if "refused_origin" in state:
            line["refused_origin"] = state["refused_origin"]
        say = log.error if self._cut else log.debug if scope["path"] in PROBES else log.info
        say("request", **line)
