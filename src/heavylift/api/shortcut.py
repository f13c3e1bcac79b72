"""The byte path's own ways: Parts and downloads go around the framework, which costs more than a small one.

FastAPI's routes of the same operations stay, for the documentation and for their refusals'
sake (405); both call `uploads.receive_part` and `files.send_content`.
"""

import re
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api import files, uploads
from heavylift.api.context import Context, authenticate
from heavylift.api.cork import hold_head
from heavylift.api.errors import as_refusal, refusal_response
from heavylift.service.ports import Project

Answer = Callable[[str, Request, Context, Project], Awaitable[Response]]
"""What makes the answer to a request about the thing of that id."""


async def _part(upload_id: str, request: Request, context: Context, caller: Project) -> Response:
    part = await uploads.receive_part(upload_id, request, context, caller)
    return Response(part.model_dump_json(), media_type="application/json")


def _route(router: APIRouter, name: str) -> BaseRoute:
    """FastAPI's own route of that operation: the log names it."""
    return next(route for route in router.routes if getattr(route, "name", "") == name)


WAYS: dict[tuple[str, str], tuple[Answer, BaseRoute]] = {
    ("POST", "parts"): (_part, _route(uploads.router, "add_upload_part")),
    ("GET", "content"): (files.send_content, _route(files.router, "download_file")),
    ("HEAD", "content"): (files.send_content, _route(files.router, "download_file")),
}
"""By the method and the end of the path."""


class Shortcut:
    """ASGI middleware around the application: Parts and downloads are taken here, all else goes on."""

    def __init__(self, app: FastAPI, *, bare_paths: bool) -> None:
        self._app: ASGIApp = app
        self._state = app.state
        prefix = rf"(?:/v1){'?' if bare_paths else ''}"
        self._path = re.compile(rf"{prefix}/(?:uploads/([^/]+)/(parts)|files/([^/]+)/(content))")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        found = self._path.fullmatch(scope["path"]) if scope["type"] == "http" else None
        way = found and WAYS.get((scope["method"], found[2] or found[4]))
        if not (found and way):
            await self._app(scope, receive, send)
            return
        make, scope["route"] = way
        request = Request(scope, receive)
        answer = await _answer(make, found[1] or found[3], request, self._state.context)
        if type(answer) is Response and scope["method"] != "HEAD":  # its body follows at once, and in one
            hold_head(scope)
        await answer(scope, receive, send)


async def _answer(make: Answer, thing_id: str, request: Request, context: Context) -> Response:
    try:
        return await make(thing_id, request, context, await authenticate(request, context))
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        return refusal_response(refusal)
