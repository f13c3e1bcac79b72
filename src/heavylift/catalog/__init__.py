"""Facts: the drivers of `service.ports.Catalog`, chosen by URL."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_to_bytes

from heavylift import private
from heavylift.catalog import postgres_url, presence, sqlite
from heavylift.catalog.location import check_local
from heavylift.catalog.migrating import HEAD, UnfitCatalog, migrate_sqlite
from heavylift.catalog.sql import SqlCatalog
from heavylift.catalog.statements import lacks_room
from heavylift.service.ports import Catalog, Clock, StorageFull

__all__ = [
    "UnfitCatalog", "check_place", "check_there", "check_url", "file_of", "is_same", "is_there",
    "migrate_catalog", "open_catalog", "open_to_read", "unserved", "while_serving",
]  # fmt: skip

SUPPORTED = (
    "sqlite:///relative/path, sqlite:////absolute/path, sqlite:// for one in memory, or"
    " postgresql://user:password@host/name"
)

DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT})


def open_catalog(
    url: str,
    *,
    durable: bool = True,
    pool_size: int = postgres_url.POOL_SIZE,
    prepared_statements: bool = True,
    clock: Clock | None = None,
) -> Catalog:
    """The catalog at that URL. Blocks; call it before serving.

    SQLite's is migrated to what this version needs; PostgreSQL's, which others may be using, must
    have been, by `migrate_catalog`. `durable` makes every acknowledged write survive a power loss;
    without it, the last ones may not (a killed process loses nothing either way). `pool_size` is the most
    connections that PostgreSQL sees of this process; without `prepared_statements` it is asked to
    remember none, which some poolers in front of it cannot bear. `clock` goes before PostgreSQL's own, and
    before this machine's with SQLite. Raises
    UnfitCatalog for a URL or a database that cannot be used, StorageDown for one that does not answer,
    StorageFull for one that has no room to open.
    """
    if postgres_url.is_postgres(url):
        address = postgres_url.parse(url, durable=durable)
        from heavylift.catalog import postgres, postgres_schema  # noqa: PLC0415 - its driver is an extra

        postgres_schema.check_postgres(address)
        driver = postgres.Postgres(address, connections=pool_size, prepared=prepared_statements)
        return SqlCatalog(driver, clock=clock)
    path = sqlite_path(url)
    connection, _ = migrated_sqlite(path)
    return SqlCatalog(sqlite.Sqlite(path, connection, durable=durable), clock=clock or time.time)


def open_to_read(url: str) -> Catalog:
    """The catalog at that URL, of this version's schema or an older one, which stays as it is: nothing of it
    is migrated or changed. Blocks. Raises UnfitCatalog, also if there is none, and StorageDown."""
    if postgres_url.is_postgres(url):
        address = postgres_url.parse(url, writable=False)
        from heavylift.catalog import postgres, postgres_schema  # noqa: PLC0415 - its driver is an extra

        postgres_schema.check_readable(address)
        return SqlCatalog(postgres.Postgres(address))
    from heavylift.catalog.readonly import ReadOnly  # noqa: PLC0415 - a service never needs it

    return SqlCatalog(ReadOnly(sqlite_path(url)), clock=time.time)


def check_url(url: str, *, named_by: str) -> None:
    """Make sure that a catalog can have the URL. Raises UnfitCatalog, which says what it is `named_by`."""
    try:
        if postgres_url.is_postgres(url):
            postgres_url.parse(url)
        else:
            sqlite_path(url)
    except UnfitCatalog as error:
        raise UnfitCatalog(f"{named_by}: {error}") from error


def is_same(one: str, other: str) -> bool:
    """Whether the URLs name the same catalog, as far as that can be seen. Raises UnfitCatalog."""
    if one == other or postgres_url.is_postgres(one) or postgres_url.is_postgres(other):
        return one == other
    try:
        return os.path.samefile(sqlite_path(one), sqlite_path(other))
    except OSError:  # one of them is still to be made
        return os.path.realpath(sqlite_path(one)) == os.path.realpath(sqlite_path(other))


def check_place(url: str) -> None:
    """Make sure that a service can rely on what the URL names, as far as that can be seen from outside.
    Raises UnfitCatalog."""
    if not postgres_url.is_postgres(url):
        check_local(sqlite_path(url))


def file_of(url: str) -> Path | None:
    """The file that a SQLite URL names; None of a catalog that lies in no file. Raises UnfitCatalog."""
    path = sqlite.MEMORY if postgres_url.is_postgres(url) else sqlite_path(url)
    return None if path == sqlite.MEMORY else Path(path)


def check_there(url: str, *, named_by: str) -> None:
    """Make sure that there is a catalog, for whoever must not make one. Raises UnfitCatalog, which says
    what the place is `named_by`. Of a PostgreSQL, opening it says so itself."""
    path = file_of(url)
    if path is not None and not is_there(path):
        raise UnfitCatalog(
            f"There is no installation in {os.path.dirname(os.path.abspath(path))}; name it with {named_by}."
        )


def is_there(path: Path) -> bool:
    """Whether there is a catalog at that path: an empty file is one to be. Raises UnfitCatalog where that
    cannot be seen."""
    try:
        return path.is_file() and os.path.getsize(path) > 0
    except OSError as error:
        raise UnfitCatalog(
            f"The catalog {path} cannot be used: {error.strerror}. {presence.OWNERS}"
        ) from error


@contextmanager
def while_serving(url: str) -> Iterator[None]:
    """Say that a service runs on the catalog, for the length of a `with` block. Raises UnfitCatalog while its
    data is being moved. PostgreSQL knows by itself who is connected."""
    path = sqlite.MEMORY if postgres_url.is_postgres(url) else sqlite_path(url)
    if path == sqlite.MEMORY:
        yield
        return
    with presence.serving(path):
        yield


@contextmanager
def unserved(url: str) -> Iterator[None]:
    """Make sure that no service runs on the catalog, nor another command that must be alone; on SQLite, none
    starts during the `with` block either. Raises UnfitCatalog, StorageDown."""
    if postgres_url.is_postgres(url):
        address = postgres_url.parse(url)
        from heavylift.catalog import postgres_schema  # noqa: PLC0415 - its driver is an extra

        with postgres_schema.unserved(address):
            yield
    elif sqlite_path(url) == sqlite.MEMORY:
        yield
    else:
        with presence.alone(sqlite_path(url)):
            yield


def migrate_catalog(url: str) -> tuple[str | None, str]:
    """Bring the database to what this version needs; several at once do it once. Blocks.

    The schema before and after; None if there was none. Raises as `open_catalog` does.
    """
    if postgres_url.is_postgres(url):
        address = postgres_url.parse(url)
        from heavylift.catalog import postgres_schema  # noqa: PLC0415 - its driver is an extra

        before = postgres_schema.migrate_postgres(address)
        return before, newest(before)
    connection, before = migrated_sqlite(sqlite_path(url))
    connection.close()
    return before, newest(before)


def newest(revision: str | None) -> str:
    """The schema after a migration: ours, unless a newer version was there before us."""
    return max(revision or HEAD, HEAD)


def sqlite_path(url: str) -> str:
    """The path in a SQLite URL. Raises UnfitCatalog for any other."""
    scheme, separator, rest = url.partition("://")
    if scheme != "sqlite" or not separator:
        where = f"at {scheme}://" if separator else "at what is no URL"  # which may hold a password
        raise UnfitCatalog(f"A catalog cannot live {where}. Supported: {SUPPORTED}.")
    if rest in ("", "/", f"/{sqlite.MEMORY}"):
        return sqlite.MEMORY
    if not rest.startswith("/"):
        raise UnfitCatalog(
            f"A SQLite URL names no host: after sqlite:// comes another slash. Supported: {SUPPORTED}."
        )
    if "?" in rest or "#" in rest:
        raise UnfitCatalog("In the path of a SQLite URL, percent-encode ? as %3F and # as %23.")
    return os.fsdecode(unquote_to_bytes(rest.removeprefix("/")))


def migrated_sqlite(path: str) -> tuple[sqlite3.Connection, str | None]:
    """Open, migrate, switch to the write-ahead log. With the schema before. Raises UnfitCatalog and
    StorageFull."""
    try:
        if path != sqlite.MEMORY:
            private.make_file(path)  # SQLite gives its other files the same permissions
        connection = sqlite.connect(path)
        try:
            before = migrate_sqlite(connection, path=path)  # first: another's database stays as it is
            use_log(connection)
            return connection, before
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        if lacks_room(error):
            raise StorageFull(f"The disk of {path} is full. Make room on it, then try again.") from error
        if getattr(error, "sqlite_errorcode", None) in DAMAGE:
            remedy = "It is damaged, or was copied while a service wrote: put a backup in its place."
        else:
            remedy = (
                f"The folder {Path(path).parent} must exist and be writable, on a local disk with room, and"
                " the file, if it exists, be a SQLite database."
            )
        raise UnfitCatalog(f"The catalog {path} cannot be opened: {error}. {remedy}") from error


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
