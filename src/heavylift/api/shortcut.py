"""Around the framework, which costs more than a small Part does: Parts, downloads, what clients poll.

FastAPI's routes of the same operations stay, for the documentation and for their refusals'
sake (405); both call the same functions.
"""

import re
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from heavylift.api import files, uploads
from heavylift.api.context import Context, authenticate
from heavylift.api.errors import as_refusal, refusal_response
from heavylift.api.opening import Opening
from heavylift.service.ports import Project

Answer = Callable[[str, Request, Context, Project], Awaitable[Response]]
"""What makes the answer to a request about the thing of that id."""


async def _part(upload_id: str, request: Request, context: Context, caller: Project) -> Response:
    return _object(await uploads.receive_part(upload_id, request, context, caller))


async def _upload(upload_id: str, request: Request, context: Context, caller: Project) -> Response:
    return _object(await uploads.retrieve_upload(upload_id, context, caller))


async def _file(file_id: str, request: Request, context: Context, caller: Project) -> Response:
    return _object(await files.retrieve_file(file_id, context, caller))


def _object(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _route(router: APIRouter, name: str) -> BaseRoute:
    """FastAPI's own route of that operation: the log names it."""
    return next(route for route in router.routes if getattr(route, "name", "") == name)


WAYS: dict[tuple[str, str, str | None], tuple[Answer, BaseRoute]] = {
    ("POST", "uploads", "parts"): (_part, _route(uploads.router, "add_upload_part")),
    ("GET", "uploads", None): (_upload, _route(uploads.router, "retrieve_upload")),
    ("GET", "files", None): (_file, _route(files.router, "retrieve_file")),
    ("GET", "files", "content"): (files.send_content, _route(files.router, "download_file")),
    ("HEAD", "files", "content"): (files.send_content, _route(files.router, "download_file")),
}
"""By the method and what the path names beside the id."""


class Shortcut:
    """ASGI middleware around the application: what is asked most is taken here, all else goes on."""

    def __init__(self, app: FastAPI) -> None:
        self._app: ASGIApp = app
        self._state = app.state
        self._path = re.compile(r"/v1/(uploads|files)/([^/]+)(?:/(parts|content))?")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        found = self._path.fullmatch(scope["path"]) if scope["type"] == "http" else None
        way = found and WAYS.get((scope["method"], found[1], found[3]))
        if not (found and way):
            await self._app(scope, receive, send)
            return
        make, scope["route"] = way
        request = Request(scope, receive)
        answer = await _answer(make, found[2], request, self._state.opening)
        await answer(scope, receive, send)


async def _answer(make: Answer, thing_id: str, request: Request, opening: Opening) -> Response:
    try:
        context = opening.context
        return await make(thing_id, request, context, await authenticate(request, context))
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        return refusal_response(refusal)
