"""A transaction is a generator: it yields statements, is sent their rows, and returns its outcome.

Written once, it runs on every database: a driver only knows how to execute a statement,
how to begin and how to commit. A transaction that raises is rolled back.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Parameters: TypeAlias = Mapping[str, str | int | float | None]


class Row(Protocol):
    """One row of an answer, its columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Statement(NamedTuple):
    """A statement of queries.sql by name. With `each`, it runs once for every entry, and answers the rows of
    all of them, one after the other, if it `answers`; else none."""

    name: str
    parameters: Parameters
    each: Sequence[Parameters] | None = None
    answers: bool = False


Transaction: TypeAlias = Generator[Statement, list[Row], T]

Begin: TypeAlias = Callable[[], Transaction[T]]
"""Makes the transaction anew: a driver that lost its connection may run it from the start again."""

UNDO = Statement("(undo)", {})
"""Take back all that this transaction did; it ends well nevertheless. Nothing may be asked after it."""

EXCLUDE_ARRIVALS = Statement("(exclude arrivals)", {})
"""Let no other transaction add a Part or a File until this one ends. Must come first in its transaction.

Nothing to do where writers take turns anyhow (SQLite). Elsewhere a lock of an empty table, which every
statement that asks whether a blob was condemned locks for itself by reading `arrivals`. Whoever cannot have
it at once fails, and is to come again later: all arrivals wait behind it.
"""


DURABLY = Statement("(durably)", {})
"""Make all that was committed before durable, whatever commits do otherwise. Must come first in its
transaction, which must write something: where a commit does it, only such a one does."""


def ask(name: str, /, **parameters: str | int | float | None) -> Statement:
    """One statement, answered by its rows."""
    return Statement(name, parameters)


def for_each(name: str, entries: Sequence[Parameters]) -> Statement:
    """The same statement for many entries, in one go."""
    return Statement(name, {}, entries)


def ask_each(name: str, entries: Sequence[Parameters]) -> Statement:
    """The same, answered by all of their rows."""
    return Statement(name, {}, entries, answers=True)


class Driver(Protocol):
    """What a database must offer to carry the catalog."""

    async def write(self, begin: Begin[T]) -> T:
        """Run it; on return it is committed, durably. Raises what it raises, StorageFull, or StorageDown."""
        ...

    async def read(
        self, begin: Begin[T], *, brief: bool = False, point: bool = False, dear: bool = False
    ) -> T:
        """Run one that only reads, on what was committed before, without waiting for writers if possible.

        `brief`: it looks up what it has the name of, so a database that takes seconds for it hangs.
        `point`: it is one row by its key, so a database without a wire between may be asked at once.
        `dear`: it lists, as often as clients like, so it takes its turn among its like, beside all others.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun, then let go of everything. Repeatable."""
        ...
