"""Loads queries.sql, the statements of the catalog by name."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

NAMED = re.compile(r"^-- (?P<name>[a-z_]+): \S.*$", re.MULTILINE)
"""The line above a statement: its name, and why it is there."""

PAGE = re.compile(r"\{page(?: of (?P<owner>[a-z_, ]+))?\}")
"""Where a statement says {page}, or {page of project}, it is two: one for each direction of a list."""

DIRECTIONS = {"newest": ("<", ">=", " DESC"), "oldest": (">", "<=", "")}
"""How they compare with the cursor, where the owner's part of the list ends, and which way they go."""

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
        page = PAGE.search(statement)
        if page is None:
            queries[name] = statement
            continue
        for way in DIRECTIONS:
            queries[f"{name}_{way}"] = statement.replace(page[0], _page(way, page["owner"]))
    return MappingProxyType(queries)


def _page(way: str, owner: str | None) -> str:
    """The end of a list's statement, of the rows in which the columns `owner` are as the parameters say."""
    beyond, within, order = DIRECTIONS[way]
    if owner is None:
        return f"id {beyond} :after ORDER BY id{order} LIMIT :limit"
    columns = owner.split(", ")
    values = ", ".join(f":{column}" for column in columns)
    ordered = ", ".join(f"{column}{order}" for column in (*columns, "id"))
    # PostgreSQL guesses how much a range holds by its first column: one without its own end seems empty
    return (
        f"({owner}) {within} ({values}) AND ({owner}, id) {beyond}= ({values}, :after) AND id <> :after"
        f" ORDER BY {ordered} LIMIT :limit"
    )


def to_pyformat(statement: str) -> str:
    """The statement with its parameters spelled `%(name)s`; casts (`::`) and literals stay what they are."""

    def spell(token: re.Match[str]) -> str:
        name = token["name"]
        return f"%({name})s" if name else token[0].replace("%", "%%")

    return TOKEN.sub(spell, statement)
