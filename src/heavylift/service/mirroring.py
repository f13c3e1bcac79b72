"""Two catalogs, row by row in the order of their ids: what only one of them has, and what differs."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from heavylift.service.facts import Fact, MovesFacts, Table

STEP = 500
"""Rows at a time."""

TABLES: tuple[Table, ...] = ("projects", "parts", "files", "uploads", "keys")
"""In the order in which they come: a fact is there before what mentions it."""


async def facts(catalog: MovesFacts, table: Table) -> AsyncIterator[list[Fact]]:
    """All rows of the table, in steps."""
    after = ""
    while rows := await catalog.dump(table, after=after, limit=STEP):
        yield rows
        after = str(rows[-1]["id"])


@dataclass(slots=True, kw_only=True)
class Difference:
    """Rows that only the old one has, that only the new one has, that both have and the old one otherwise."""

    missing: list[Fact] = field(default_factory=list)
    surplus: list[Fact] = field(default_factory=list)
    changed: list[Fact] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.changed)


async def differences(old: MovesFacts, new: MovesFacts, table: Table) -> AsyncIterator[Difference]:
    """What there is to do to make the table of `new` that of `old`, in steps; rows in none of them are alike.

    Rows of the steps may be changed and dropped meanwhile.
    """
    after: str | None = ""
    while after is not None:
        left = await old.dump(table, after=after, limit=STEP)
        right = await new.dump(table, after=after, limit=STEP)
        after, bound = _reach(left, right)
        ours = {str(row["id"]): row for row in left if bound is None or str(row["id"]) <= bound}
        theirs = {str(row["id"]): row for row in right if bound is None or str(row["id"]) <= bound}
        yield Difference(
            missing=[row for key, row in ours.items() if key not in theirs],
            surplus=[row for key, row in theirs.items() if key not in ours],
            changed=[row for key, row in ours.items() if key in theirs and dict(theirs[key]) != dict(row)],
        )


def _reach(left: list[Fact], right: list[Fact]) -> tuple[str | None, str | None]:
    """Where the next step begins, and up to which id this one can be compared: as far as both were read."""
    ends = [str(rows[-1]["id"]) for rows in (left, right) if len(rows) == STEP]
    bound = min(ends, default=None)
    return bound, bound


async def digest(catalog: MovesFacts) -> str:
    """What all of its facts are, in short. Equal for equal facts, on whatever database."""
    hasher = hashlib.sha256()
    for table in TABLES:
        async for rows in facts(catalog, table):
            for row in rows:
                hasher.update(_line(table, row))
    return hasher.hexdigest()


async def is_empty(catalog: MovesFacts) -> bool:
    """Whether it holds no fact at all."""
    for table in TABLES:
        if await catalog.dump(table, after="", limit=1):
            return False
    return True


def _line(table: Table, row: Fact) -> bytes:
    told: list[Any] = [table, sorted(row.items())]
    return json.dumps(told).encode() + b"\n"
