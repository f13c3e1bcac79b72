"""The port by which all facts leave one catalog and enter another, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Table = Literal["projects", "keys", "parts", "files", "uploads"]
"""What a catalog holds that moves with it. Garbage does not: it stays behind."""

Fact = Mapping[str, str | int | float | None]
"""One row of a table, as it is stored: every one has an `id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A move into a catalog: the first project of the one that its facts come from, and what they were when
    all of them had come, as a digest; None as long as they have not."""

    came_from: str
    digest: str | None


@runtime_checkable
class MovesFacts(Protocol):
    """What a Catalog may offer besides: all of its facts, as they are, to be carried to another one."""

    async def dump(self, table: Table, *, after: str, limit: int) -> list[Fact]:
        """The next rows by id behind `after`; empty text begins."""
        ...

    async def load(self, table: Table, facts: Sequence[Fact]) -> None:
        """Store the rows, each in the place of what is there under its id. The blobs of Parts are garbage
        no more."""
        ...

    async def unload(self, table: Table, ids: Sequence[str], *, due: float) -> None:
        """Drop the rows of these ids, and hand the blobs of Parts to the garbage."""
        ...

    async def journey(self) -> Journey | None:
        """Where its facts came from; None if it was never moved into."""
        ...

    async def remember_journey(self, journey: Journey) -> None:
        """That they come, or have come, from there."""
        ...
