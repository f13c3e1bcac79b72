"""Brings a database's schema to what this version of the code knows, by alembic's migrations.

alembic and SQLAlchemy are imported only if there is something to do: a service whose
database is up to date starts without them.

Each migration names, as `least`, the oldest schema whose code can still work on the result.
The database keeps it, so that code which has never heard of a migration knows whether it
may go on: the previous release serves beside the new one while replicas are replaced.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import sqlalchemy

HEAD = "0007"
"""The newest migration in `migrations/versions`."""

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
"""Executes a query on a connection, answers its rows."""


class UnfitCatalog(ValueError):
    """This URL or this database cannot be the catalog. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a database was found to hold.

    `revision` is its last migration, None if none ever ran; `least` the oldest schema whose
    code may use it, None if that is not said; `empty` whether there is no table at all.
    """

    revision: str | None
    least: str | None = None
    empty: bool = False


def find_schema(ask: Ask, *, tables: str) -> Schema:
    """Look at a database. `tables` is the query for the names of all its tables."""
    names = {row[0] for row in ask(tables)}
    rows = ask("SELECT version_num FROM alembic_version") if "alembic_version" in names else []
    least = ask("SELECT least FROM compatibility WHERE id = 1") if "compatibility" in names else []
    return Schema(
        revision=rows[0][0] if rows else None,
        least=least[0][0] if least else None,
        empty=not names,
    )


def lacks_migrations(schema: Schema, *, name: str) -> bool:
    """Whether migrations are missing. Raises UnfitCatalog if this code must not touch the database."""
    if schema.revision is None and not schema.empty:
        raise UnfitCatalog(f"{name} is the database of another program. Name one of its own for the catalog.")
    if schema.revision is None or schema.revision <= HEAD:
        return schema.revision != HEAD
    if schema.least is None or schema.least > HEAD:
        raise UnfitCatalog(
            f"{name} was written by a newer version of heavylift: its schema is {schema.revision}, this"
            f" version knows schemas up to {HEAD}. Install the newer version again, or restore a backup"
            " from before it."
        )
    return False


SQLITE_TABLES = "SELECT name FROM sqlite_master"


def migrate_sqlite(connection: sqlite3.Connection, *, path: str) -> str | None:
    """Migrate to HEAD, in one transaction: of several processes that start at once, one does it.

    The schema before, None for none. Raises UnfitCatalog if the database comes from a newer version,
    or holds something else, and sqlite3.Error, whoever called SQLite.
    """

    def look() -> Schema:
        return find_schema(lambda query: connection.execute(query).fetchall(), tables=SQLITE_TABLES)

    before = look()
    if not lacks_migrations(before, name=path):
        return before.revision
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.connect() as wrapped:  # and what SQLAlchemy does at first to a connection is over
            connection.execute("BEGIN IMMEDIATE")
            with wrapped.begin():  # ours, which its end commits
                before = look()  # as whoever had the turn before us left it
                if lacks_migrations(before, name=path):
                    run_migrations(wrapped)
    except DBAPIError as error:
        raise error.orig or error from error
    return before.revision


def run_migrations(connection: "sqlalchemy.Connection") -> None:
    """Run what is missing, in the transaction that the caller has begun."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    with as_file(files(__package__) / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        scripts = ScriptDirectory.from_config(config).walk_revisions()
        least = max(script.module.least for script in scripts)
    connection.exec_driver_sql("DELETE FROM compatibility")
    connection.exec_driver_sql(f"INSERT INTO compatibility (id, least) VALUES (1, '{least}')")  # noqa: S608 - ours
