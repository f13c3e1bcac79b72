"""The schema of a PostgreSQL database: looked at when a service starts, migrated by a command."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from heavylift.catalog.migrating import Schema, UnfitCatalog, find_schema, lacks_migrations, run_migrations
from heavylift.catalog.postgres_session import hang_up
from heavylift.catalog.postgres_url import Address
from heavylift.service.ports import StorageDown

TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"

TURN = 0x6865617679
"""The number of the advisory lock under which one of several migrates."""

TURN_SECONDS = 300
"""The most that one waits while another migrates."""

LOCK_SECONDS = 5
"""The most that a migration waits for a table, and keeps all others waiting behind it."""

LOOK_SECONDS = 15.0
"""The most that looking at the schema may take."""


def check_postgres(address: Address) -> None:
    """Make sure that this code can work on that database. Raises UnfitCatalog and StorageDown."""
    if lacks_migrations(seen(address), name=address.name):
        raise UnfitCatalog(
            f"{address.name} lacks tables, or columns, that this version of heavylift needs."
            " Run `heavylift migrate` once, with the same settings, then start again."
        )


OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()
"""


@contextmanager
def unserved(address: Address) -> Iterator[None]:
    """Make sure that no other process of ours is connected there. Another one that asks the same during the
    `with` block finds us: we stay connected. Raises UnfitCatalog and StorageDown, the latter also at the end
    of the block if we did not stay connected: then what it did is done, but maybe not alone."""
    with connected(address) as connection:
        connection.autocommit = True
        # in one message: between two of them a server may find the transaction idle for too long
        connection.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
        found = connection.execute(OTHERS, [address.parameters["application_name"]]).fetchone()
        if found and found[0]:
            raise UnfitCatalog(
                f"{address.name} is served by a running service, or used by another command: {found[0]}"
                " connections of heavylift. Stop that first."
            )
        yield
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            raise StorageDown(
                f"{address.name} ended the connection that kept others out. What was to be done there is"
                " done, but meanwhile others may have used the database: make sure that nothing does, then"
                " run this again, which compares everything."
            ) from error


def check_readable(address: Address) -> None:
    """Make sure that there is something to read. Raises UnfitCatalog and StorageDown."""
    schema = seen(address)
    if schema.revision is None:
        raise UnfitCatalog(f"{address.name} is no catalog: there is nothing in it that could be moved.")
    lacks_migrations(schema, name=address.name)


def seen(address: Address) -> Schema:
    """What the database holds, if it answers in time."""
    with connected(address) as connection:
        alarm = threading.Timer(LOOK_SECONDS, hang_up, [connection])
        alarm.start()
        try:
            return look(connection, address)
        finally:
            alarm.cancel()
            alarm.join()


def migrate_postgres(address: Address) -> str | None:
    """Migrate to HEAD, in one transaction; several at once do it once. The schema before, None for none.

    Raises UnfitCatalog and StorageDown.
    """
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415 - not needed to serve

    with connected(address) as connection:
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
        with engine.begin() as wrapped:
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'".encode())
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
            before = look(connection, address)
            if lacks_migrations(before, name=address.name):
                connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
                run_migrations(wrapped)
    return before.revision


def look(connection: psycopg.Connection[Any], address: Address) -> Schema:
    """What the database holds. Raises UnfitCatalog if it cannot hold every text."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnfitCatalog(
            f"{address.name} stores text as {encoding}."
            " Create a database with ENCODING 'UTF8' for the catalog."
        )
    return find_schema(lambda query: connection.execute(query.encode()).fetchall(), tables=TABLES)


@contextmanager
def connected(address: Address) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own. What goes wrong with it is StorageDown."""
    try:
        with psycopg.connect(make_conninfo(**address.parameters)) as connection:
            yield connection
    except Exception as error:
        # SQLAlchemy wraps what the driver raises
        original = getattr(error, "orig", error)
        if not isinstance(original, psycopg.Error):
            raise
        text = " ".join(str(original).split())
        raise StorageDown(f"{address.name} cannot be used: {text}") from error
