"""PostgreSQL's catalog behind PgBouncer in transaction mode, set up as the page on operations shows."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from heavylift.catalog import migrate_catalog, open_catalog
from heavylift.service.ports import Catalog, StorageDown
from tests.contract.catalog_facts import (
    MINE,
    NOW,
    ROOM,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    extents_of,
    finish,
    new_part,
    stored_upload,
)
from tests.contract.engines_postgres import START_SECONDS, Server, as_nobody, running
from tests.contract.postgres_rig import PATIENCE
from tests.engines import pgbouncer_program
from tests.house.examples import examples_of
from tests.house.project import pages
from tests.ports import free_port

PAGE = "docs/operations.md"

AROUND = """
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
logfile = {folder}/pgbouncer.log
"""
"""Where it listens, and that it asks nobody for a password."""

SHARED = 3
"""Connections to the server that all clients share here."""


def shown(language: str) -> str:
    """The one block of that language on the page."""
    [example] = [one for one in examples_of(PAGE, pages()[PAGE]) if one.language == language]
    return example.text


@dataclass(slots=True, kw_only=True)
class Pooler:
    """A running PgBouncer before a PostgreSQL of its own."""

    server: Server
    program: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    def configure(self) -> Path:
        text = shown("pgbouncer")
        for was, becomes in {
            "heavylift = host=db.internal port=5432 dbname=heavylift":
                f"* = host=127.0.0.1 port={self.server.port} user=postgres",
            "default_pool_size = 20": f"default_pool_size = {SHARED}",
        }.items():  # fmt: skip
            assert was in text
            text = text.replace(was, becomes)
        file = self.server.folder / "pgbouncer.ini"
        file.write_text(text + AROUND.format(port=self.port, folder=self.server.folder))
        return file

    def start(self) -> None:
        command = [*as_nobody(), self.program, "-q", str(self.configure())]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self.process.poll() is None, (self.server.folder / "pgbouncer.log").read_text()[-2000:]
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def stop(self) -> None:
        """At once: whoever is connected loses his connection."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(START_SECONDS)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def before(self, url: str) -> str:
        """The URL of the same database through the pooler."""
        return url.replace(f":{self.server.port}/", f":{self.port}/")


@contextmanager
def pooling(server: Server) -> Iterator[Pooler]:
    program = pgbouncer_program()
    if program is None:
        reason = "PGBOUNCER WAS NOT TESTED: it is not here"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    pooler = Pooler(server=server, program=program, port=free_port())
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.stop()


@pytest.fixture(scope="module")
def pooler() -> Iterator[Pooler]:
    with running("15") as server:
        for statement in shown("sql").replace("ROLE heavylift", "ROLE postgres").splitlines():
            server.ask(statement)
        with pooling(server) as pooler:
            yield pooler


@pytest.fixture
def direct(pooler: Pooler) -> str:
    """The URL of a migrated database, past the pooler."""
    return pooler.server.fresh()


@pytest.fixture
async def pair(pooler: Pooler, direct: str) -> AsyncIterator[list[Catalog]]:
    """The catalogs of two replicas, each with more connections to the pooler than that has to the server."""
    catalogs = [open_catalog(pooler.before(direct), pool_size=6, prepared_statements=False) for _ in range(2)]
    yield catalogs
    for catalog in catalogs:
        await catalog.close()


async def test_replicas_share_a_few_connections(pair: list[Catalog], pooler: Pooler, direct: str) -> None:
    async def story(mine: Catalog, other: Catalog) -> None:
        upload, parts = await stored_upload(mine, 1, 2, 3)
        late = new_part(upload)
        stored, condemned = await asyncio.gather(
            mine.add_part(MINE, late, **ROOM), other.condemn(blobs_of([late]), due=NOW)
        )
        assert stored != bool(condemned)
        assert await other.orphans([*blobs_of(parts), "0" * 32]) == ["0" * 32]
        file = await finish(other, upload, parts)
        assert file is not None
        assert await extents_of(mine, file.id) == [part.extent for part in parts]
        await assert_counts_true(mine, upload)
        await assert_no_blob_lost(other, blobs_of([*parts, late]))

    first, second = pair
    await asyncio.gather(
        *(story(first, second) for _ in range(20)), *(story(second, first) for _ in range(20))
    )
    assert pooler.server.connections(direct) <= SHARED


async def test_the_settings_of_the_role_stand_in_for_ours(pooler: Pooler, direct: str) -> None:
    with psycopg.connect(pooler.before(direct), autocommit=True) as connection:
        for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            [(value,)] = connection.execute(f"SHOW {setting}".encode()).fetchall()
            assert f"SET {setting} = '{value}'" in shown("sql")


async def test_a_pooler_that_restarts_is_found_again(pair: list[Catalog], pooler: Pooler) -> None:
    first, second = pair
    upload, parts = await stored_upload(first, 1)
    await asyncio.gather(*(second.ping() for _ in range(8)))
    pooler.stop()
    pooler.start()
    async with asyncio.timeout(PATIENCE):
        while isinstance((await asyncio.gather(second.ping(), return_exceptions=True))[0], StorageDown):
            await asyncio.sleep(0.05)
    assert await second.parts(MINE, upload.id) == parts


def test_migrations_go_through_it(pooler: Pooler) -> None:
    url = pooler.before(pooler.server.empty())
    before, after = migrate_catalog(url)
    assert before is None
    assert migrate_catalog(url) == (after, after)
