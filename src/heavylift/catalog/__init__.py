"""Facts: the drivers of `service.ports.Catalog`, chosen by URL."""

import sqlite3
import time
from pathlib import Path

from heavylift.catalog import sqlite
from heavylift.catalog.migrating import UnfitCatalog, migrate_sqlite
from heavylift.catalog.sql import SqlCatalog
from heavylift.service.ports import Catalog

__all__ = ["UnfitCatalog", "open_catalog"]

SUPPORTED = "sqlite:///relative/path, sqlite:////absolute/path, or sqlite:// for one in memory"


def open_catalog(url: str, *, durable: bool = True) -> Catalog:
    """The catalog at that URL, migrated to what this version needs. Blocks; call it before serving.

    `durable` makes every acknowledged write survive a power loss; without it, the last
    ones may not (a killed process loses nothing either way). Raises UnfitCatalog for a
    URL or a database that cannot be used.
    """
    return SqlCatalog(open_sqlite(sqlite_path(url), durable=durable))


def sqlite_path(url: str) -> str:
    """The path in a SQLite URL. Raises UnfitCatalog for any other."""
    scheme, separator, rest = url.partition("://")
    if scheme != "sqlite" or not separator:
        raise UnfitCatalog(f"A catalog cannot live at {scheme}://. Supported: {SUPPORTED}.")
    if rest in ("", "/", f"/{sqlite.MEMORY}"):
        return sqlite.MEMORY
    if not rest.startswith("/"):
        raise UnfitCatalog(f"A SQLite URL names no host: after sqlite:// comes another slash. {SUPPORTED}.")
    return rest.removeprefix("/")


def open_sqlite(path: str, *, durable: bool) -> sqlite.Sqlite:
    """Open, migrate, switch to the write-ahead log. Raises UnfitCatalog."""
    try:
        connection = sqlite.connect(path)
        try:
            migrate_sqlite(connection, path=path)  # first: another program's database stays as it is
            use_log(connection)
            return sqlite.Sqlite(path, connection, durable=durable)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise UnfitCatalog(
            f"The catalog {path} cannot be opened: {error}. The folder {Path(path).parent} must exist and be"
            " writable, on a local disk with room, and the file, if it exists, be a SQLite database."
        ) from error


def use_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. Several processes may do so at once, and SQLite does not wait there."""
    patience = time.monotonic() + sqlite.BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > patience:
                raise
            time.sleep(0.01)
