"""The port by which all facts leave one catalog and enter another, row by row."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

Table = Literal["projects", "keys", "parts", "files", "uploads"]
"""What a catalog holds that moves with it. Garbage does not: it stays behind."""

Fact = Mapping[str, str | int | float | None]
"""One row of a table, as it is stored: every one has an `id`."""


@runtime_checkable
class MovesFacts(Protocol):
    """What a Catalog may offer besides: all of its facts, as they are, to be carried to another one."""

    async def dump(self, table: Table, *, after: str, limit: int) -> list[Fact]:
        """The next rows by id behind `after`; empty text begins."""
        ...

    async def load(self, table: Table, facts: Sequence[Fact]) -> None:
        """Store the rows. One that collides with what is there is left out: loading is repeatable."""
        ...
