"""What is settled by a request's head alone, before anything is looked up: its path, its query, its coding.

Pure functions over an ASGI scope, so that every way into the service can ask them first.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api.errors import refusal_response
from heavylift.domain.errors import InvalidRequest, Refusal, UnsupportedCoding

MOST_QUERY_FIELDS: Final = 100
"""Of one request. No operation knows five; each costs some time to take apart."""

_ENCODED_SLASH = re.compile(rb"%2[fF]")
_COMPATIBLE = re.compile(r"(?:/openai)?(?:/v1)?(/(?:uploads|files|whoami)(?:/.*)?)", re.DOTALL)


def path_of(scope: Scope, *, compatible: bool) -> str:
    """The path that is meant: an encoded slash is part of a name, and parts nothing.

    `compatible` takes what Azure's and Groq's clients put in front of it, or nothing, for /v1.
    """
    path: str = scope["path"]
    raw = scope.get("raw_path") or b""
    if b"%2" in raw and _ENCODED_SLASH.search(raw):
        kept = _ENCODED_SLASH.sub(b"%252F", raw.partition(b"?")[0])
        path = unquote_to_bytes(kept).decode("utf-8", "replace")
    if compatible and (found := _COMPATIBLE.fullmatch(path)):
        path = f"/v1{found[1]}"
    return path


def wrong_in_head(scope: Scope) -> Refusal | None:
    """Why this request cannot be served, whatever it is for."""
    if scope["query_string"].count(b"&") >= MOST_QUERY_FIELDS:
        return InvalidRequest(
            f"The URL has more than {MOST_QUERY_FIELDS} query parameters. Leave out those that mean nothing"
            " here.",
        )
    if scope["method"] != "POST":
        return None
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            shown = value[:100].decode("latin-1")
            return UnsupportedCoding(
                f"The body's Content-Encoding is {shown!r}. Bodies are stored as they come: send it without"
                " a coding.",
                param="Content-Encoding",
            )
    return None


class Screen:
    """ASGI middleware: what these functions say, for all that goes on."""

    def __init__(self, app: ASGIApp, *, compatible: bool) -> None:
        self._app = app
        self._compatible = compatible

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = wrong_in_head(scope)
        if refusal is not None:
            await refusal_response(refusal)(scope, receive, send)
            return
        scope["path"] = path_of(scope, compatible=self._compatible)
        await self._app(scope, receive, send)
