"""JSON bodies as models: bounded before they are looked at, refused at the first thing that is wrong."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from math import nan
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from heavylift.api.body import Patience, read_all
from heavylift.api.gate import Stay
from heavylift.domain.errors import InvalidRequest, MalformedBody, Refusal, UnknownParameter
from heavylift.domain.limits import KIB, Limits

Model = TypeVar("Model", bound=BaseModel)

MOST_DIGITS: Final = 100
"""Of a whole number in JSON: far more than any field takes, and still fit for a sentence."""

MOST_NAMES: Final = 100
"""Of one object in JSON. No body of ours has six."""

MOST_COMMAS: Final = 1000
"""Of a body beside its list of Parts. A file's name may hold some, and what stands between fields is few."""

QUICK: Final = 4 * KIB
"""Bytes of a body for which it is worth while to try the quick way first."""

MOST_INTEGER: Final = 2**63
"""Beyond it the parsers differ."""

SMALL: Final = 16 * KIB
"""Bytes of a body that is parsed where it arrived, which costs less than to tell a thread of it."""

_parser: Final = ThreadPoolExecutor(1, thread_name_prefix="json")
"""One for all larger bodies: several would only take the interpreter from the event loop in turns."""


async def read_json(
    request: Request, model: type[Model], *, limits: Limits, patience: Patience, stay: Stay
) -> Model:
    """The body as `model`, whatever its content type says: plain `curl -d` must work.

    Once it is there, its place is free for others.
    """
    body = await read_all(request, limit=limits.json_bytes, patience=patience, place=stay.place)
    stay.arrived()
    if len(body) <= SMALL:
        return parse_json(body, model, limits)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_parser, parse_json, body, model, limits)


def parse_json(body: bytes, model: type[Model], limits: Limits) -> Model:
    """A JSON object as `model`, or a refusal that names the field at fault."""
    if body.count(b",") > limits.parts + MOST_COMMAS:
        raise MalformedBody(
            f"The body lists more than {limits.parts + MOST_COMMAS} things, and none here takes so many:"
            f" an Upload has at most {limits.parts} Parts. Send a shorter list."
        )
    if len(body) <= QUICK and (found := _quickly(body, model, limits)) is not None:
        return found
    try:
        document = json.loads(body, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise MalformedBody(f"The body is not valid JSON: {reason}. Send one JSON object in UTF-8.") from None
    if not isinstance(document, dict):
        raise MalformedBody('The body must be a JSON object, such as {"name": "value"}.')
    return validated(document, model, limits)


def _quickly(body: bytes, model: type[Model], limits: Limits) -> Model | None:
    """The body by pydantic's own parser, if it is right beyond doubt.

    That parser takes the last of several equal keys. Each has two quotation marks of its own, so a body that
    has no more of them than the model needs has no such key. Escaped ones count, and send it the other way.
    """
    try:
        found = model.model_validate_json(body, context=limits)
    except ValidationError:
        return None
    return found if body.count(b'"') == _quotation_marks(found) else None


def _quotation_marks(value: object) -> float:
    """How many a document of this value has at least; not a number where it is not known."""
    match value:
        case BaseModel():
            return sum(2 + _quotation_marks(getattr(value, name)) for name in value.model_fields_set)
        case str():
            return 2
        case int() if abs(value) < MOST_INTEGER:
            return 0
        case None:
            return 0
    return nan


def validated(document: dict[str, Any], model: type[Model], limits: Limits) -> Model:
    """A dictionary as `model`, or a refusal that names the field at fault."""
    try:
        return model.model_validate(document, context=limits)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> Refusal:
    """The first thing that is wrong, in a sentence."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    names = []
    for step in first["loc"]:
        if isinstance(step, int):
            break
        names.append(step)
    param = ".".join(names)[:200]
    match first["type"]:
        case "extra_forbidden":
            return UnknownParameter(f"Unknown parameter: '{param}'. Leave it out.", param=param)
        case "missing":
            return InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
    return InvalidRequest(f"Invalid '{param}': {first['msg']}.", param=param)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    if len(document) > MOST_NAMES:
        raise ValueError(f"an object has more than {MOST_NAMES} names")
    return document


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has more than {MOST_DIGITS} digits")
    return int(digits)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
