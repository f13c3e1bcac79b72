"""The kinds of values that settings have, each with the ways in which people write it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from heavylift import units
from heavylift.environment import expanded

T = TypeVar("T")


def _written(read: Callable[[str], Any]) -> BeforeValidator:
    """Text is read so; what a TOML file or a program gives as a number or a list stays what it is."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def as_list(text: str) -> object:
    """What commas part, or a list in JSON. Raises ValueError."""
    if not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    return _json(text, 'a list: one,two or ["one", "two"]')


def as_table(text: str) -> object:
    """A table in JSON. Raises ValueError."""
    return _json(text, 'a table in JSON, such as {"archive": {"extensions": ["zip"]}}')


def _json(text: str, expected: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"expected is {expected} ({error})") from None


Size: TypeAlias = Annotated[int, _written(units.size)]
"""Bytes: `65536`, `64K`, `16MiB`."""

Seconds: TypeAlias = Annotated[float, _written(units.seconds)]
"""`0.5`, `90`, `15m`, `2h`."""

Count: TypeAlias = Annotated[int, _written(units.seconds)]
"""The same in whole seconds."""

Place: TypeAlias = Annotated[Path, _written(expanded)]
"""A path, `~` at its beginning for somebody's home."""

Listed: TypeAlias = Annotated[list[str], NoDecode, _written(as_list)]
"""`one,two`, or a list in JSON."""

Table: TypeAlias = Annotated[dict[str, T], NoDecode, _written(as_table)]
"""A table: in JSON where it stands in a variable."""
