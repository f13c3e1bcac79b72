"""Where bodies come in: the one seam between the socket and what stands above it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from heavylift.domain.errors import (
    BodyTooLarge,
    InvalidRequest,
    MalformedBody,
    Refusal,
    TooSlow,
    UnknownParameter,
)

Model = TypeVar("Model", bound=BaseModel)

MOST_DIGITS = 100
"""Of a whole number in JSON: far more than any field takes, and still fit for a sentence."""


class ClientGone(Exception):
    """The client closed the connection in the middle of its request. There is nobody to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a body may stand still, and how long it may take in all, in seconds."""

    idle: float
    total: float


async def chunks(request: Request, patience: Patience) -> AsyncIterator[bytes]:
    """The body as it arrives, pulled: nothing is read from the socket that nobody asked for.

    Raises ClientGone when the client leaves and TooSlow when it stops sending.
    """
    deadline = asyncio.get_running_loop().time() + patience.total
    more = True
    while more:
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(patience.idle, left)):
                message = await request.receive()
        except TimeoutError:
            raise too_slow(patience) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        if body := message.get("body"):
            yield body


def too_slow(patience: Patience) -> TooSlow:
    """The refusal of a client that has used up our patience."""
    return TooSlow(
        f"The body stood still for {patience.idle:g} seconds, or took more than"
        f" {patience.total:g} in all. Send it again."
    )


def declared_length(request: Request) -> int | None:
    """The body's size in bytes as the head says it, None for a chunked body."""
    length = b""
    for name, value in request.scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = length or value
    return int(length) if re.fullmatch(b"[0-9]{1,20}", length) else None


async def read_json(request: Request, model: type[Model], *, limit: int, patience: Patience) -> Model:
    """The body as `model`, whatever its content type says: plain `curl -d` must work."""
    return parse_json(await read_all(request, limit=limit, patience=patience), model)


async def read_all(request: Request, *, limit: int, patience: Patience) -> bytes:
    """A small body as a whole. Raises BodyTooLarge beyond `limit` bytes."""
    too_large = BodyTooLarge(f"This body holds at most {limit} bytes.")
    if (declared_length(request) or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in chunks(request, patience):
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def parse_json(body: bytes, model: type[Model]) -> Model:
    """A JSON object as `model`, or a refusal that names the field at fault."""
    try:
        document = json.loads(body, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise MalformedBody(f"The body is not valid JSON: {reason}.") from None
    if not isinstance(document, dict):
        raise MalformedBody("The body must be a JSON object.")
    return validated(document, model)


def validated(document: dict[str, Any], model: type[Model]) -> Model:
    """A dictionary as `model`, or a refusal that names the field at fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> Refusal:
    """The first thing that is wrong, in a sentence."""
    first = error.errors(include_url=False, include_context=False)[0]
    names = []
    for step in first["loc"]:
        if isinstance(step, int):
            break
        names.append(step)
    param = ".".join(names)[:200]
    match first["type"]:
        case "extra_forbidden":
            return UnknownParameter(f"Unknown parameter: '{param}'.", param=param)
        case "missing":
            return InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
    return InvalidRequest(f"Invalid '{param}': {first['msg']}.", param=param)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has more than {MOST_DIGITS} digits")
    return int(digits)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
