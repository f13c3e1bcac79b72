"""What the operations share: checking arguments before anything is sent, reading answers."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from heavylift.client.calls import Answer
from heavylift.client.errors import SDKError, SDKValidationError
from heavylift.client.models import ExpiresAfter
from heavylift.client.options import NO_OPTIONS, RequestOptions

M = TypeVar("M", bound=BaseModel)

Expiry: TypeAlias = ExpiresAfter | Mapping[str, Any] | int
"""When a File is to expire: an ExpiresAfter, the same as a mapping, or simply seconds."""


def _seconds(value: object) -> object:
    return {"seconds": value} if isinstance(value, int) and not isinstance(value, bool) else value


MOST_VALUES: Final = 500_000
"""Values in one page: 10,000 entries of 20 fields each have 220,000."""

_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?')

Named = Annotated[str, StringConstraints(min_length=1)]
Expires = Annotated[ExpiresAfter | None, BeforeValidator(_seconds)]


class Arguments(BaseModel):
    """The arguments of an operation, checked before anything is sent. Numbers are not made of strings."""

    model_config = ConfigDict(extra="forbid", strict=True)


def checked(kind: type[M], **values: object) -> M:
    """The arguments as a model, or SDKValidationError that names those at fault."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SDKValidationError("Input validation failed", cause=error, raw_value=values) from error


def segment(name: str, value: str) -> str:
    """An id as a piece of a path. Raises SDKValidationError for what would be another path."""
    if not isinstance(value, str) or value.strip() in {"", ".", ".."}:
        cause = ValueError(f"{name} must be an id, not {value!r}")
        raise SDKValidationError("Input validation failed", cause=cause, raw_value=value)
    _check_unicode(name, value)
    return quote(value, safe="")


def _check_unicode(name: str, value: str) -> None:
    """Half a pair of surrogates has no UTF-8, and so no place on the wire."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        cause = ValueError(f"{name} is not valid Unicode: {value!r}")
        raise SDKValidationError("Input validation failed", cause=cause, raw_value=value) from None


def query(**values: str | int | None) -> dict[str, str]:
    """The query's parameters, without those that were not given. Raises SDKValidationError."""
    said = {name: str(value) for name, value in values.items() if value is not None}
    for name, value in said.items():
        _check_unicode(name, value)
    return said


def reading(kind: type[M]) -> Callable[[Answer], M]:
    """How to understand an answer that is this model as JSON."""
    return lambda answer: kind.model_validate_json(answer.content)


def reading_page(kind: type[M]) -> Callable[[Answer], M]:
    """The same of a page of a list. Raises SDKError for more entries than any list has: each costs a
    hundred times the memory that it takes on the wire."""

    def read(answer: Answer) -> M:
        if _values(answer.content) > MOST_VALUES:
            raise SDKError(
                f"One page of a list holds more than {MOST_VALUES} values. Is this the server that is meant?",
                status_code=answer.status,
                headers=answer.headers,
                raw_response=answer.raw,
            )
        return kind.model_validate_json(answer.content)

    return read


def _values(content: bytes) -> int:
    """How many values JSON holds at most, or that they are too many. Where it matters, what only looks like
    them inside of strings does not count."""
    count = _marks(content, 0, len(content))
    if count <= MOST_VALUES:
        return count
    count = end = 0
    for text in _STRINGS.finditer(content):
        count += _marks(content, end, text.start())
        end = text.end()
        if count > MOST_VALUES:
            return count
    return count + _marks(content, end, len(content))


def _marks(content: bytes, start: int, end: int) -> int:
    return sum(content.count(mark, start, end) for mark in (b",", b"{", b"["))


def given(options: RequestOptions | None) -> RequestOptions:
    """The options, or none."""
    return NO_OPTIONS if options is None else options
