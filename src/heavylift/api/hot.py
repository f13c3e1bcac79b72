"""The hot operations: what clients ask most reaches its function without a framework in between.

FastAPI's routes of the same operations stay: for the documentation, for their refusals' sake (405), for
pages of other origins, and under any other server than our own. Both call the same functions.
"""

import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope

from heavylift.api import files, health, uploads
from heavylift.api.context import Context, authenticate
from heavylift.api.errors import as_refusal, refusal_response
from heavylift.api.frame import Passage
from heavylift.api.schemas import Fields, file_fields, part_fields, upload_fields
from heavylift.api.screen import path_of, wrong_in_head
from heavylift.api.server.cycle import Cycle
from heavylift.domain import ids
from heavylift.domain.errors import Refusal
from heavylift.service.ports import Project

Answer = Callable[[str, Request, Context, Project], Awaitable[Response | BaseModel | Fields]]
"""What makes the answer to a request about the thing of that id, if it is about one."""


async def _create(_: str, request: Request, context: Context, caller: Project) -> Fields:
    return upload_fields(await uploads.open_upload(request, context, caller))


async def _part(upload_id: str, request: Request, context: Context, caller: Project) -> Fields:
    return part_fields(await uploads.receive_part(upload_id, request, context, caller))


async def _post(_: str, request: Request, context: Context, caller: Project) -> BaseModel:
    return await files.create_file(request, context, caller)


async def _upload(upload_id: str, request: Request, context: Context, caller: Project) -> Fields:
    return upload_fields(await context.uploads.retrieve(caller.id, upload_id))


async def _file(file_id: str, request: Request, context: Context, caller: Project) -> Fields:
    return file_fields(await context.files.retrieve(caller.id, file_id))


def _route(router: APIRouter, name: str) -> BaseRoute:
    """FastAPI's own route of that operation: the log names it."""
    return next(route for route in router.routes if getattr(route, "name", "") == name)


Way = tuple[Answer, BaseRoute]

WAYS: Final[dict[tuple[str, str, bool, str | None], Way]] = {
    ("POST", "uploads", False, None): (_create, _route(uploads.router, "create_upload")),
    ("POST", "uploads", True, "parts"): (_part, _route(uploads.router, "add_upload_part")),
    ("POST", "uploads", True, "complete"): (
        uploads.complete_upload, _route(uploads.router, "complete_upload"),
    ),
    ("POST", "files", False, None): (_post, _route(files.router, "create_file")),
    ("GET", "uploads", True, None): (_upload, _route(uploads.router, "retrieve_upload")),
    ("GET", "files", True, None): (_file, _route(files.router, "retrieve_file")),
    ("GET", "files", True, "content"): (files.send_content, _route(files.router, "download_file")),
    ("HEAD", "files", True, "content"): (files.send_content, _route(files.router, "download_file")),
}  # fmt: skip
"""By the method, what kind of thing the path names, whether it names one by its id, and what of it."""

ALIVE: Final = health.Health().model_dump_json().encode()
ALIVE_ROUTE: Final = _route(health.router, "alive")


_PATH: Final = re.compile(r"/v1/(uploads|files)(?:/([^/]+)(?:/(parts|complete|content))?)?")


class Hot:
    """Answers the hot operations of `app`, but for requests of pages of other origins, and those that the
    application around it `refuses`. `compatible` as for the application."""

    def __init__(
        self,
        app: FastAPI,
        *,
        compatible: bool,
        refuses: Callable[[Scope], Refusal | None] | None = None,
        access_log: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = app.state
        self._compatible = compatible
        self._refuses = refuses
        self._access_log = access_log
        self._clock = clock

    def begin(self, cycle: Cycle) -> Coroutine[Any, Any, None] | bool:
        """What answers this request; True if it is answered, False if it is not hot."""
        scope = cycle.scope
        if b"origin" in cycle.head.fields or wrong_in_head(scope) is not None:
            return False
        if self._refuses is not None and self._refuses(scope) is not None:
            return False
        path = path_of(scope, compatible=self._compatible)
        if path == "/healthz" and scope["method"] == "GET" and not cycle.more:
            scope["route"] = ALIVE_ROUTE
            passage = self._passage(cycle)
            passage.respond(cycle, 200, _json(ALIVE), ALIVE)
            passage.log()
            return True
        found = _PATH.fullmatch(path)
        way = found and WAYS.get((scope["method"], found[1], found[2] is not None, found[3]))
        if not (found and way):
            return False
        make, scope["route"] = way
        scope["path"] = path
        passage = self._passage(cycle)
        return passage.run(self._answer(make, found[2] or "", cycle, passage))

    def _passage(self, cycle: Cycle) -> Passage:
        return Passage(
            cycle.scope, cycle.receive, cycle.send,
            request_id=ids.new_request_id(now=self._clock()), began=cycle.head.began,
            access_log=self._access_log,
        )  # fmt: skip

    async def _answer(self, make: Answer, thing_id: str, cycle: Cycle, passage: Passage) -> None:
        request = Request(cycle.scope, passage.receive)
        try:
            context = self._state.opening.context
            made = await make(thing_id, request, context, await authenticate(cycle.scope, context))
        except Exception as error:
            made = _refusal(error)
        if isinstance(made, Response):
            await _respond(made, cycle, passage)
            return
        body = made.model_dump_json().encode() if isinstance(made, BaseModel) else orjson.dumps(made)
        passage.respond(cycle, 200, _json(body), body)


def _refusal(error: Exception) -> Response:
    """What is answered to it. Raises it if it is a bug. No frame that it came through may name it: the two
    would hold each other, and the request."""
    refusal = as_refusal(error)
    if refusal is None:
        raise error
    return refusal_response(refusal)


async def _respond(answer: Response, cycle: Cycle, passage: Passage) -> None:
    if type(answer) is Response:
        passage.respond(cycle, answer.status_code, answer.raw_headers, bytes(answer.body))
    else:
        await answer(cycle.scope, passage.receive, passage.send)


def _json(body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers that the framework gives to a body of JSON."""
    return [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
