"""The byte path's own way in: a Part goes around the framework, which costs more than a small Part.

FastAPI's route of the same operation stays, for the documentation and for its refusals'
sake (405); both call `uploads.receive_part`.
"""

import re

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api import uploads
from heavylift.api.context import Context, authenticate
from heavylift.api.errors import as_refusal, refusal_response

ROUTE = next(route for route in uploads.router.routes if getattr(route, "name", "") == "add_upload_part")


class Shortcut:
    """ASGI middleware around the application: Parts are taken here, all else goes on."""

    def __init__(self, app: FastAPI, *, bare_paths: bool) -> None:
        self._app: ASGIApp = app
        self._state = app.state
        self._path = re.compile(rf"(?:/v1){'?' if bare_paths else ''}/uploads/([^/]+)/parts")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        part_of = (
            scope["type"] == "http" and scope["method"] == "POST" and self._path.fullmatch(scope["path"])
        )
        if not part_of:
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE
        answer = await _answer(part_of[1], Request(scope, receive), self._state.context)
        await answer(scope, receive, send)


async def _answer(upload_id: str, request: Request, context: Context) -> Response:
    try:
        caller = await authenticate(request, context)
        part = await uploads.receive_part(upload_id, request, context, caller)
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        return refusal_response(refusal)
    return Response(part.model_dump_json(), media_type="application/json")
