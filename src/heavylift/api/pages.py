"""Where no key is asked for, whoever can send a request is believed. Web pages of elsewhere may not.

A browser on the operator's machine reaches a service on loopback, and sends there what any page tells
it to: simple POSTs without asking, and, where a name of the page's own is made to lead to 127.0.0.1,
anything at all. The names in `Host`, `Origin` and `Sec-Fetch-Site` are the browser's, not the page's.
"""

import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api.errors import refusal_response
from heavylift.domain.errors import ForeignPage, Refusal, WrongHost

ANY = "*"

HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d*)?")

OWN = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` says of our own pages, and of what a person typed."""

MAY_NOT = (
    "may not call a service that asks for no key. Its operator names the origins that may in"
    " HEAVYLIFT_CORS_ORIGINS."
)

MOST_SHOWN = 200
"""Characters of a header that a refusal repeats."""


class OwnPages:
    """ASGI middleware: requests by a name of ours, from pages of ours or of the given origins.

    `answers_to` judges a host's name or address, without its port.
    """

    def __init__(self, app: ASGIApp, *, answers_to: Callable[[str], bool], origins: Collection[str]) -> None:
        self._app = app
        self._answers_to = answers_to
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        refusal = self.refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal_response(refusal)(scope, receive, send)

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why this request is not served; None where it is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._answers_to(name_of(host)):
            return WrongHost(
                "This service asks for no key, and so answers on loopback only, not as"
                f" {host[:MOST_SHOWN]!r}. Its operator names further hosts in HEAVYLIFT_ALLOWED_HOSTS,"
                " or sets HEAVYLIFT_AUTH=on.",
                param="Host",
            )
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return None  # a question, which has its own answers
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None:
            if self._is_own(origin, host):
                return None
            return ForeignPage(f"Web pages of {origin[:MOST_SHOWN]} {MAY_NOT}", param="Origin")
        if site is None or site in OWN or ANY in self._origins:
            return None
        return ForeignPage(f"Web pages of another site {MAY_NOT}", param="Sec-Fetch-Site")

    def _is_own(self, origin: str, host: str) -> bool:
        if ANY in self._origins or origin in self._origins:
            return True
        return origin.partition("://")[2].lower() == host.lower()


def name_of(host: str) -> str:
    """The name or address in a Host header, without its port; empty for what is none."""
    found = HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""
