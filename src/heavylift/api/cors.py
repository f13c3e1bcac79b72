"""Web pages of other origins: which may call, and what they may read of the answers."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api.errors import refusal_response
from heavylift.domain.errors import InvalidRequest

ANY = "*"

METHODS = ("GET", "HEAD", "POST", "DELETE")

SHOWN_HEADERS = (
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-length",
    "content-range",
    "etag",
    "heavylift-idempotency",
    "heavylift-verified",
    "last-modified",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "x-request-id",
)
"""What a web page of another origin may read of an answer."""

MOST_SHOWN = 200
"""Characters of a header that a refusal repeats."""


class PreflightRefused(InvalidRequest):
    """A browser asks whether a web page may call, and it may not."""

    code = "cors_refused"


class CrossOrigin(CORSMiddleware):
    """The framework's, with its refusals in the envelope.

    Who names an origin means it, also where the page is public and this service is not.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=[ANY],
            allow_private_network=ANY not in origins,
            expose_headers=SHOWN_HEADERS,
            max_age=3600,
        )
        self._named = bool(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request. An origin that may not call is for the log."""
        origin = None
        if scope["type"] == "http":
            origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        if origin is None:
            await self.app(scope, receive, send)
            return
        shown = origin.decode("latin-1")
        if not self.is_allowed_origin(shown):
            scope.setdefault("state", {})["refused_origin"] = shown[:MOST_SHOWN]
        await super().__call__(scope, receive, send)

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Where no origin is named, answers are as they are without any of this."""
        if self._named:
            await super().simple_response(scope, receive, send, request_headers)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Leave to call, or the reason why not."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refusal = refusal_response(self._reason(request_headers))
        for name, value in answer.headers.items():
            if name not in refusal.headers:  # those of its text
                refusal.headers[name] = value
        return refusal

    def _reason(self, asked: Headers) -> PreflightRefused:
        origin, method = asked["origin"][:MOST_SHOWN], asked["access-control-request-method"][:MOST_SHOWN]
        if not self.is_allowed_origin(asked["origin"]):
            return PreflightRefused(
                f"Web pages of {origin} may not call this service."
                " Its operator names those that may in HEAVYLIFT_CORS_ORIGINS.",
                param="Origin",
            )
        if method not in METHODS:
            return PreflightRefused(
                f"Nothing here takes {method}. The methods are {', '.join(METHODS)}.",
                param="Access-Control-Request-Method",
            )
        return PreflightRefused(
            f"This service is in a private network, where pages of {origin} may call it only if its operator"
            f" names them in HEAVYLIFT_CORS_ORIGINS: {ANY} does not do.",
            param="Access-Control-Request-Private-Network",
        )
