"""A catalog on PostgreSQL with its driver in the tests' hands, and ways to keep it waiting."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from heavylift.catalog.postgres import Postgres
from heavylift.catalog.sql import SqlCatalog
from tests.contract.engines_postgres import Server

PATIENCE = 60
"""Seconds until something that must happen is taken not to happen."""

Open = Callable[..., tuple[SqlCatalog, Postgres]]
"""Opens the test's database; takes the options of the driver."""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"


async def nobody_connected(server: Server, url: str) -> None:
    """The server takes a moment to see that a connection is closed."""
    async with asyncio.timeout(PATIENCE):
        while server.connections(url):
            await asyncio.sleep(0.02)


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """A table that nobody else can touch."""
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


async def waiting(server: Server, url: str, *, count: int) -> None:
    """Until so many connections wait for a lock."""
    await asyncio.to_thread(wait_for_locks, server, url, count=count)


def wait_for_locks(server: Server, url: str, *, count: int) -> None:
    """The same in a thread."""
    give_up = time.monotonic() + PATIENCE
    while server.ask(WAITING, url.rpartition("/")[2]) != [(count,)]:
        assert time.monotonic() < give_up
        time.sleep(0.02)
