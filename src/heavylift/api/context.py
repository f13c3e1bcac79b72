"""What a route needs: the stories, the settings of the edge, and who is asking."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from heavylift.api.body import Patience
from heavylift.api.gate import Gate
from heavylift.api.rate import RateLimit
from heavylift.api.readers import Readers
from heavylift.api.readiness import Readiness
from heavylift.domain.errors import InvalidKey, MissingKey
from heavylift.domain.limits import Limits
from heavylift.service.files import Files
from heavylift.service.keys import DEFAULT_PROJECT, Keys
from heavylift.service.ports import Project
from heavylift.service.uploads import Uploads

KEY_HEADERS = ("api-key", "x-api-key")
"""Where clients of other services put their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything behind the routes. `authenticate` False lets everyone in as the first project;
    `api_key_header` takes the key from a header of that name too.

    `patience` is for bytes, `document_patience` for JSON.
    """

    uploads: Uploads
    files: Files
    keys: Keys
    readiness: Readiness
    limits: Limits
    gate: Gate
    readers: Readers
    patience: Patience
    document_patience: Patience
    rate: RateLimit
    authenticate: bool = True
    api_key_header: bool = False


async def _context(request: Request) -> Context:  # not a plain function: those run in a thread
    return cast("Context", request.app.state.opening.context)


Stories = Annotated[Context, Depends(_context)]

_bearer = HTTPBearer(
    scheme_name="ApiKey",
    description="An API key of the project, as it is: `Bearer` is put in front of it.",
    auto_error=False,  # what it makes of the header is for the documentation: `authenticate` reads it itself
)


async def authenticate(scope: Scope, context: Context) -> Project:
    """The project that the key of the request opens. Raises Unauthenticated, RateLimited."""
    if context.authenticate:
        project = await context.keys.owner(_secret(scope, context))
    else:
        project = next(p for p in await context.keys.projects() if p.name == DEFAULT_PROJECT)
    scope["state"]["project"] = project.name
    context.rate.hit(project.id)
    return project


async def _caller(
    request: Request, context: Stories, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Project:
    return await authenticate(request.scope, context)


def _secret(scope: Scope, context: Context) -> str:
    sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    if not sent:
        headers = Headers(scope=scope)
        if context.api_key_header and (secret := headers.get("api-key", "").strip()):
            return secret
        raise MissingKey(
            "You didn't provide an API key. Send it in an Authorization header, as"
            f" `Authorization: Bearer YOUR_KEY`.{_elsewhere(headers)}"
        )
    scheme, _, secret = sent.decode("latin-1").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise InvalidKey("The Authorization header must read `Bearer YOUR_KEY`.")
    return secret.strip()


def _elsewhere(headers: Headers) -> str:
    """Where a key was sent that is not looked for there."""
    seen = [name for name in KEY_HEADERS if headers.get(name)]
    if not seen:
        return ""
    hint = " unless HEAVYLIFT_COMPATIBLE_PATHS is on" if seen[0] == "api-key" else ""
    return f" There is a header {seen[0]}, which is not read here{hint}."


Caller = Annotated[Project, Depends(_caller)]
