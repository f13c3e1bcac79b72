"""A SQLite database that is read and not touched: of any schema, with whatever log a crash has left."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import TypeVar

from heavylift.catalog.migrating import SQLITE_TABLES, UnfitCatalog, find_schema, lacks_migrations
from heavylift.catalog.statements import run, trouble
from heavylift.catalog.transactions import Begin
from heavylift.service.ports import StorageDown

T = TypeVar("T")


class ReadOnly:
    """A Driver that only reads. Nobody else may write meanwhile. Raises UnfitCatalog."""

    def __init__(self, path: str) -> None:
        self._turn = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                f"{Path(path).absolute().as_uri()}?{_way(path)}",
                uri=True, isolation_level=None, check_same_thread=False,
            )  # fmt: skip
            self._connection.row_factory = sqlite3.Row
            schema = find_schema(
                lambda query: self._connection.execute(query).fetchall(), tables=SQLITE_TABLES
            )
        except sqlite3.Error as error:
            raise UnfitCatalog(f"The catalog {path} cannot be read: {error}.") from error
        if schema.revision is None:
            raise UnfitCatalog(f"{path} is no catalog: there is nothing in it that could be moved.")
        lacks_migrations(schema, name=path)

    async def write(self, begin: Begin[T]) -> T:
        raise StorageDown("This catalog was opened to be read.")

    async def read(
        self, begin: Begin[T], *, brief: bool = False, point: bool = False, dear: bool = False
    ) -> T:
        return await asyncio.to_thread(self._read, begin)

    async def close(self) -> None:
        with self._turn:
            self._connection.close()

    def _read(self, begin: Begin[T]) -> T:
        with self._turn:
            try:
                return run(self._connection, begin())
            except sqlite3.Error as error:
                raise trouble(error) from error


def _way(path: str) -> str:
    """How to open it. Where there is no log, nobody has it open, and SQLite need not make one either; a log
    that a crash left holds facts and is read too."""
    return "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
