"""How PostgreSQL keeps arrivals and those who condemn apart: beside a dump, and beside an older release."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from heavylift.service.ports import StorageDown
from tests.contract.catalog_facts import MINE, NOW, ROOM, new_part, new_upload, stored_file, stored_upload
from tests.contract.engines_postgres import Server, as_nobody
from tests.contract.postgres_rig import PATIENCE, Open, locked, wait_for_locks, waiting

OLD_ARRIVAL = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM arrivals WHERE arrivals.id = 0)"
OLD_LOCK = "LOCK TABLE arrivals IN ACCESS EXCLUSIVE MODE"
"""How the releases before the gate said both."""


@contextmanager
def dumping(server: Server, url: str) -> Iterator[None]:
    """A real pg_dump that has locked every table and stands still before the last one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE written_last (id bigint)")
    command = [*as_nobody(), str(server.bin / "pg_dump"), f"--dbname={url}", f"--file={server.folder}/dump"]
    with locked(url, "written_last"):
        dump = subprocess.Popen(command, cwd=server.folder)
        wait_for_locks(server, url, count=1)
        yield
    assert dump.wait(PATIENCE) == 0


async def test_beside_a_dump_orphans_are_condemned_and_nobody_waits(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(patience=10.0)
    upload, _ = await stored_upload(catalog)
    lost = new_part(upload).extent.blob
    with dumping(postgres_18, url):
        assert await catalog.condemn([lost], due=NOW) == [lost]
        assert await catalog.add_part(MINE, new_part(upload), **ROOM)
        await stored_file(catalog)


async def test_whoever_cannot_condemn_at_once_lets_arrivals_pass_and_gives_up(opened: Open, url: str) -> None:
    catalog, _ = opened(patience=1.0)
    upload, _ = await stored_upload(catalog)
    lost = new_part(upload).extent.blob
    with psycopg.connect(url) as connection:
        connection.execute(OLD_ARRIVAL.encode())
        condemning = asyncio.create_task(catalog.condemn([lost], due=NOW))
        while not condemning.done():
            assert await catalog.add_part(MINE, new_part(upload), **ROOM)
        with pytest.raises(StorageDown, match="lock timeout"):
            await condemning
    assert await catalog.condemn([lost], due=NOW) == [lost]


@pytest.mark.parametrize("lock", [OLD_LOCK, "LOCK TABLE arrivals_gate IN EXCLUSIVE MODE"])
async def test_whoever_condemns_keeps_arrivals_waiting_also_one_of_an_older_release(
    opened: Open, postgres_18: Server, url: str, lock: str
) -> None:
    catalog, _ = opened()
    upload, _ = await stored_upload(catalog)
    with psycopg.connect(url) as connection:
        connection.execute(lock.encode())
        arriving = [
            asyncio.ensure_future(catalog.add_part(MINE, new_part(upload), **ROOM)),
            asyncio.ensure_future(stored_file(catalog)),
        ]
        await waiting(postgres_18, url, count=2)
        assert await catalog.upload(MINE, new_upload().id) is None
    await asyncio.gather(*arriving)
