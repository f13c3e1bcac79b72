"""Brings a database's schema to what this version of the code knows, by alembic's migrations.

alembic and SQLAlchemy are imported only if there is something to do: a service whose
database is up to date starts without them.
"""

import sqlite3
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy

HEAD = "0001"
"""The newest migration in `migrations/versions`."""


class UnfitCatalog(ValueError):
    """This URL or this database cannot be the catalog. The message says why, and what to do."""


def migrate_sqlite(connection: sqlite3.Connection, *, path: str) -> None:
    """Migrate to HEAD, in one transaction: of several processes that start at once, one does it.

    Raises UnfitCatalog if the database comes from a newer version, or holds something else.
    """
    if current_revision(connection) == HEAD:
        return
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415 - see above

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as wrapped:  # and what SQLAlchemy does at first to a connection is over
        connection.execute("BEGIN IMMEDIATE")
        with wrapped.begin():  # ours, which its end commits
            revision = current_revision(connection)  # as whoever had the turn before us left it
            if revision != HEAD:
                check_ours(connection, revision, path=path)
                _run_alembic(wrapped, revision, path=path)


def current_revision(connection: sqlite3.Connection) -> str | None:
    """The last migration that ran, or None for a database that alembic has never seen."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
    rows = connection.execute("SELECT version_num FROM alembic_version").fetchall() if known else []
    return rows[0][0] if rows else None


def check_ours(connection: sqlite3.Connection, revision: str | None, *, path: str) -> None:
    """Refuse a database that holds tables of something else."""
    if revision is None and connection.execute("SELECT 1 FROM sqlite_master").fetchall():
        raise UnfitCatalog(
            f"{path} is the database of another program. Name a file of its own for the catalog."
        )


def _run_alembic(connection: "sqlalchemy.Connection", revision: str | None, *, path: str) -> None:
    """Run what is missing. Raises UnfitCatalog if the database is ahead of this code."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    with as_file(files(__package__) / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise UnfitCatalog(
                f"{path} was written by a newer version of heavylift: its schema is {revision}, this version"
                f" knows schemas up to {HEAD}. Install the newer version again, or restore a backup from"
                " before it."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
