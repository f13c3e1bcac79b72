"""The one thread that writes to SQLite, and commits whatever has queued up as one transaction.

A commit costs a sync of the disk, however much it carries. So each write waits for the
commit that is under way, and then shares the next one with all that queued meanwhile.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, TypeVar

from heavylift.catalog.statements import RELEASE, ROLLBACK, SAVEPOINT, run, trouble
from heavylift.catalog.transactions import Begin
from heavylift.catalog.turns import Turns
from heavylift.service.batching import Batcher, Outcome

T = TypeVar("T")

CLOSED = "The catalog is closed."


class Writer:
    """Owns the connection from here on. `check` raises StorageDown where a commit was for nothing; `tidy` is
    called after each, its outcomes told. `turns` orders the processes that write."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        check: Callable[[], None],
        tidy: Callable[[], None],
        turns: Turns | None,
    ) -> None:
        self._connection = connection
        self._check = check
        self._turns = turns
        self._batcher: Batcher[Begin[Any]] = Batcher(
            self._commit, name="catalog-writer", closed=CLOSED, after=tidy
        )

    async def run(self, begin: Begin[T]) -> T:
        """The transaction's value, once it is committed. Raises what it raises, StorageFull, StorageDown.

        Whoever stops waiting does not stop the transaction: it may be committed all the same.
        """
        value: T = await self._batcher.submit(begin)
        return value

    def close(self) -> None:
        """Finish what has queued up, end the thread, close the connection. Blocks. Repeatable."""
        self._batcher.close()
        self._connection.close()
        if self._turns is not None:
            self._turns.close()

    def _commit(self, begins: Sequence[Begin[Any]]) -> list[Outcome]:
        """Run them all in this process's turn."""
        with self._turns.turn() if self._turns is not None else nullcontext():
            return self._commit_now(begins)

    def _commit_now(self, begins: Sequence[Begin[Any]]) -> list[Outcome]:
        """Run them all and commit once. If that fails, nobody is told of a success."""
        in_commit = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = self._run_all(begins)
            in_commit = True
            self._connection.execute("COMMIT")
            self._check()
        except Exception as error:
            with suppress(sqlite3.Error):  # the first error is the one to tell; SQLite may have undone it all
                self._connection.rollback()
            return [Outcome(error=trouble(error, in_commit=in_commit)) for _ in begins]
        return outcomes

    def _run_all(self, begins: Sequence[Begin[Any]]) -> list[Outcome]:
        """Their outcomes. Nearly always all go well, and then none needs a savepoint of its own."""
        try:
            return [Outcome(run(self._connection, begin())) for begin in begins]
        except Exception:  # one failed, or takes itself back: now each by itself, from the start
            self._connection.rollback()
            self._connection.execute("BEGIN IMMEDIATE")
            return [self._attempt(begin) for begin in begins]

    def _attempt(self, begin: Begin[Any]) -> Outcome:
        """Run one of the batch. Its failure undoes itself alone, unless SQLite has undone the batch."""
        self._connection.execute(SAVEPOINT)
        try:
            outcome = Outcome(run(self._connection, begin()))
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._connection.execute(ROLLBACK)
            outcome = Outcome(error=trouble(error))
        self._connection.execute(RELEASE)
        return outcome
