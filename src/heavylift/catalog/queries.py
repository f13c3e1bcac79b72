"""Loads queries.sql, the statements of the catalog by name."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

NAMED = re.compile(r"^-- (?P<name>[a-z_]+): \S.*$", re.MULTILINE)
"""The line above a statement: its name, and why it is there."""

PAGE = "{page}"
DIRECTIONS = {
    "newest": "id < :after ORDER BY id DESC LIMIT :limit",
    "oldest": "id > :after ORDER BY id LIMIT :limit",
}
"""A statement that says {page} is two: one for each direction of a list."""

NOW = "CAST(NULL AS DOUBLE PRECISION)"
"""Stands for the time by the clock of the database, where its machine's is not ours."""

TOKEN = re.compile(r"'(?:[^']|'')*'|::|:(?P<name>[a-z_]+)|%")


@cache
def load_queries() -> Mapping[str, str]:
    """Statements by name, their parameters spelled `:name`."""
    text = files(__package__).joinpath("queries.sql").read_text(encoding="utf-8")
    _, *pieces = NAMED.split(text)
    queries: dict[str, str] = {}
    for name, raw in zip(pieces[::2], pieces[1::2], strict=True):
        statement = raw.strip().removesuffix(";")
        spellings = {name: statement}
        if PAGE in statement:
            spellings = {f"{name}_{way}": statement.replace(PAGE, end) for way, end in DIRECTIONS.items()}
        queries.update(spellings)
    return MappingProxyType(queries)


def to_pyformat(statement: str) -> str:
    """The statement with its parameters spelled `%(name)s`; casts (`::`) and literals stay what they are."""

    def spell(token: re.Match[str]) -> str:
        name = token["name"]
        return f"%({name})s" if name else token[0].replace("%", "%%")

    return TOKEN.sub(spell, statement)
