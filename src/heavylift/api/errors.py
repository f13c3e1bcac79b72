"""From refusal to answer: the one table of statuses, the one envelope, the handlers."""

import errno
import json
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from heavylift.api.body import ClientGone
from heavylift.api.ranges import Unsatisfiable
from heavylift.api.welcome import welcome
from heavylift.domain import errors
from heavylift.domain.errors import Refusal
from heavylift.service.ports import BlobMissing, StorageDown, StorageFull

log = structlog.get_logger("heavylift.request")

STATUS: dict[type[Refusal], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.ForeignPage: 403,
    errors.NotFound: 404,
    errors.TooSlow: 408,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedCoding: 415,
    Unsatisfiable: 416,
    errors.WrongHost: 421,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.InsufficientStorage: 507,
}
"""By the nearest class upwards. A state that is final is 400, never 409: openai-python repeats a 409."""

TYPES = {429: "requests", 500: "server_error", 503: "server_error", 507: "server_error"}
"""OpenAI's `type` of an error by status; all others are `invalid_request_error`."""


NO_THREAD = "can't start new thread"
"""All that Python says of it: there is no class and no number."""

CLIENT_GONE = 499
"""The status that the log shows when nobody waited for one. nginx's number for it."""


def status_of(refusal: Refusal) -> int:
    """The status that a refusal is answered with."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def as_refusal(error: Exception) -> Refusal | None:
    """The refusal that an exception amounts to, if it is not a bug. What the stores say is logged."""
    match error:
        case Refusal():
            return error
        case StorageFull():
            log.warning("storage.full", reason=str(error))
            return errors.InsufficientStorage(
                "There is no room left to store this. Nothing was kept, and what is stored can still be"
                " read. Delete files, or give the service more room, and send it again."
            )
        case StorageDown() | BlobMissing():
            log.error("storage.failed", exc_info=error)
            return errors.StorageUnavailable("The storage behind this service does not answer. Try again.")
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            log.warning("descriptors.exhausted", reason=error.strerror)
            return errors.Overloaded(
                "This server has no file descriptor left for the request. Nothing was kept."
                " Send it again in a moment."
            )
        case RuntimeError() if str(error) == NO_THREAD:
            log.warning("threads.exhausted", reason=NO_THREAD)
            return errors.Overloaded(
                "This server has no thread left for the request. Nothing was kept. Send it again in a moment."
            )
    return None


def envelope(status: int, message: str, *, param: str | None = None, code: str | None = None) -> bytes:
    """OpenAI's error object, all four keys always there."""
    error = {
        "message": message,
        "type": TYPES.get(status, "invalid_request_error"),
        "param": param,
        "code": code,
    }
    return json.dumps({"error": error}).encode()


def error_response(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """An error as an answer."""
    body = envelope(status, message, param=param, code=code)
    return Response(body, status, headers, media_type="application/json")


def refusal_response(refusal: Refusal) -> Response:
    """A refusal as an answer, with the headers that its kind asks for."""
    headers = {}
    retry_after = getattr(refusal, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if isinstance(refusal, Unsatisfiable):
        headers["Content-Range"] = f"bytes */{refusal.size}"
    if isinstance(refusal, errors.UnsupportedCoding):
        headers["Accept-Encoding"] = "identity"
    if isinstance(refusal, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return error_response(
        status_of(refusal), refusal.message, param=refusal.param, code=refusal.code, headers=headers
    )


def failure_response(request_id: str) -> Response:
    """The answer to a request that ran into a bug."""
    return error_response(
        500,
        f"The server had an error. Please report it with the request id {request_id}.",
        code="internal_error",
        headers={"Connection": "close"},
    )


async def _failed(request: Request, error: Exception) -> Response:
    """What the framework would answer in plain text, and even to a client that has left."""
    if isinstance(error, ClientGone):
        return Response(status_code=CLIENT_GONE)
    return failure_response(request.state.request_id)


async def _refused(_: Request, error: Exception) -> Response:
    refusal = as_refusal(error)
    if refusal is None:
        raise error
    return refusal_response(refusal)


async def _not_routed(request: Request, error: Exception) -> Response:
    """Unknown paths and methods: what the router itself refuses."""
    assert isinstance(error, HTTPException)
    asked = f"{request.method[:20]} {request.url.path[:200]}"
    if error.status_code == 405:
        allowed = allowed_methods(request)
        return error_response(
            405,
            f"Not allowed: {asked}. This path takes {allowed}.",
            code="method_not_allowed",
            headers={"Allow": allowed},
        )
    if error.status_code == 404:
        if (page := welcome(request)) is not None:
            return page
        return error_response(404, f"Invalid URL ({asked})", code="unknown_url")
    return error_response(error.status_code, str(error.detail))


METHODS = ("DELETE", "GET", "HEAD", "POST")


def allowed_methods(request: Request) -> str:
    """Every method that this path takes. The router's own list is of the first fitting route alone."""
    routes = request.app.routes
    taken = [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(taken)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every refusal, and what the stores raise, in the envelope."""
    handlers: dict[Any, Any] = {HTTPException: _not_routed, Exception: _failed}
    handlers |= dict.fromkeys(
        (Refusal, StorageFull, StorageDown, BlobMissing, OSError, RuntimeError), _refused
    )
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
