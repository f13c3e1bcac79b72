"""PostgreSQL's catalog when the server crashes, hangs, is away, changes, or has no room."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from heavylift.catalog import open_catalog
from heavylift.catalog.sql_keys import list_projects
from heavylift.catalog.sql_uploads import add_upload
from heavylift.catalog.transactions import Transaction
from heavylift.domain.uploads import Part, Upload
from heavylift.service.ports import Catalog, Project, StorageDown, StorageFull
from tests.contract.catalog_facts import (
    ALL,
    MINE,
    NOW,
    ROOM,
    all_of_it,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    finish,
    new_part,
    new_upload,
    stored_file,
    stored_upload,
)
from tests.contract.engines_postgres import Server
from tests.contract.postgres_rig import PATIENCE, Open, locked, nobody_connected, waiting
from tests.frozen import frozen


class Traffic:
    """Clients that go on whatever happens, and remember what was acknowledged."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.stop = asyncio.Event()
        self.parts: list[tuple[Upload, Part]] = []
        self.uploads: list[Upload] = []
        self.files: list[str] = []
        self.refused = 0
        self.longest = 0.0

    async def client(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                await self.work()
            except StorageDown:
                self.refused += 1
            self.longest = max(self.longest, time.monotonic() - began)

    async def work(self) -> None:
        upload = new_upload()
        await self.catalog.add_upload(upload)
        self.uploads.append(upload)
        parts = [new_part(upload) for _ in range(3)]
        for part in parts:
            assert await self.catalog.add_part(MINE, part, **ROOM)
            self.parts.append((upload, part))
        file = await finish(self.catalog, upload, parts)
        assert file is not None, "nobody else closes it"
        self.files.append(file.id)

    async def reached(self, *, files: int) -> None:
        wanted = len(self.files) + files
        async with asyncio.timeout(PATIENCE):
            while len(self.files) < wanted:
                await asyncio.sleep(0.01)


async def test_a_server_that_crashes_under_traffic_loses_nothing_that_was_acknowledged(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(connections=6)
    traffic = Traffic(catalog)
    clients = [asyncio.create_task(traffic.client()) for _ in range(12)]
    for _ in range(3):
        await traffic.reached(files=10)
        await asyncio.to_thread(postgres_18.crash)
        await asyncio.to_thread(postgres_18.start)
    await traffic.reached(files=10)
    traffic.stop.set()
    await asyncio.gather(*clients)
    assert traffic.longest < 25
    found = {upload.id for upload in await catalog.uploads(MINE, status=None, now=NOW, page=ALL)}
    assert {upload.id for upload in traffic.uploads} <= found
    assert set(traffic.files) <= {
        file.id for file in await catalog.files(MINE, purpose=None, now=NOW, page=ALL)
    }
    for upload in traffic.uploads:
        await assert_counts_true(catalog, upload)
    await assert_no_blob_lost(catalog, blobs_of([part for _, part in traffic.parts]))
    assert postgres_18.connections(url) <= 6


async def test_a_server_that_is_down_is_answered_in_bounded_time_and_found_again(
    opened: Open, postgres_18: Server
) -> None:
    catalog, _ = opened(patience=1.0)
    await catalog.ping()
    postgres_18.crash()
    try:
        began = time.monotonic()
        answers = await asyncio.gather(*(catalog.ping() for _ in range(20)), return_exceptions=True)
        assert time.monotonic() - began < 10
        assert all(isinstance(answer, StorageDown) for answer in answers)
    finally:
        postgres_18.start()
    async with asyncio.timeout(PATIENCE):
        while isinstance((await asyncio.gather(catalog.ping(), return_exceptions=True))[0], StorageDown):
            await asyncio.sleep(0.05)


@contextmanager
def hung(server: Server) -> Iterator[None]:
    """A server of which every process stands still, as its machine might."""
    with frozen(server.pid):  # from now on it starts no other
        children = psutil.Process(server.pid).children(recursive=True)
        with frozen(*(child.pid for child in children)):
            yield


async def test_a_server_that_hangs_is_answered_in_bounded_time_and_found_again(
    opened: Open, postgres_18: Server
) -> None:
    catalog, _ = opened(patience=2.0, limit=1.0, connections=3)
    upload, _ = await stored_upload(catalog, 1)
    with hung(postgres_18):
        began = time.monotonic()
        calls = [catalog.add_part(MINE, new_part(upload), **ROOM) for _ in range(5)]
        answers = await asyncio.gather(*calls, catalog.projects(), return_exceptions=True)
        assert time.monotonic() - began < 15
        assert all(isinstance(answer, StorageDown) for answer in answers)
    async with asyncio.timeout(PATIENCE):
        while isinstance((await asyncio.gather(catalog.ping(), return_exceptions=True))[0], StorageDown):
            await asyncio.sleep(0.05)
    await assert_counts_true(catalog, upload)


async def test_who_looks_something_up_on_a_server_that_hangs_hears_so_long_before_the_limit(
    opened: Open, postgres_18: Server
) -> None:
    catalog, _ = opened(limit=PATIENCE, connections=4)
    upload, _ = await stored_upload(catalog, 1)
    with hung(postgres_18):
        began = time.monotonic()
        calls = [catalog.upload(MINE, upload.id) for _ in range(10)]
        calls += [catalog.key_owner("a" * 64), catalog.content(MINE, "file-x", now=NOW, wanted=all_of_it)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert time.monotonic() - began < PATIENCE / 3, "bounds are 2.5 seconds and 60"
        assert all(isinstance(answer, StorageDown) for answer in answers), answers
    async with asyncio.timeout(PATIENCE):
        while isinstance((await asyncio.gather(catalog.ping(), return_exceptions=True))[0], StorageDown):
            await asyncio.sleep(0.05)
    assert await catalog.upload(MINE, upload.id) == await assert_counts_true(catalog, upload)


async def test_a_slow_list_is_waited_for_where_a_slow_look_up_is_not(opened: Open, url: str) -> None:
    catalog, _ = opened(patience=0.5)
    upload, parts = await stored_upload(catalog, 1)
    file = await stored_file(catalog)
    with locked(url, "parts"):
        listing = asyncio.create_task(catalog.parts(MINE, upload.id))
        with pytest.raises(StorageDown):
            await catalog.content(MINE, file.id, now=NOW, wanted=all_of_it)
        assert not listing.done()
    assert await listing == parts


async def test_a_connection_that_is_lost_in_a_commit_leaves_it_unknown_and_is_not_repeated(
    opened: Open, postgres_18: Server, url: str
) -> None:
    """The server stands in COMMIT, at a trigger that waits for a lock, when the connection is cut."""
    with psycopg.connect(url) as connection:
        connection.execute("""
            CREATE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END'""")
        connection.execute("""
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON uploads DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION stand()""")
    catalog, driver = opened()
    runs = []

    def insert() -> Transaction[None]:
        runs.append("begun")
        yield from add_upload(new_upload())

    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(7)")
        task = asyncio.create_task(driver.write(insert))
        await waiting(postgres_18, url, count=1)
        postgres_18.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND"
            " wait_event_type = 'Lock'",
            url.rpartition("/")[2],
        )
        with pytest.raises(StorageDown, match="unknown"):
            await task
    assert runs == ["begun"]
    assert await catalog.uploads(MINE, status=None, now=NOW, page=ALL) == []
    await catalog.add_upload(new_upload())


async def test_connections_that_the_server_ended_are_not_noticed(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(connections=4)
    await asyncio.gather(*(catalog.ping() for _ in range(8)))
    name = url.rpartition("/")[2]
    postgres_18.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
    await asyncio.gather(*(catalog.ping() for _ in range(8)))


async def test_the_previous_version_goes_on_while_a_column_is_added(opened: Open, url: str) -> None:
    """Statements that the server has prepared by then answer "must not change result type" once."""
    catalog, _ = opened(connections=1)
    upload, _ = await stored_upload(catalog)
    for _ in range(10):
        assert await catalog.upload(MINE, upload.id) == upload
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE uploads ADD COLUMN colour TEXT")
    assert await catalog.upload(MINE, upload.id) == upload


@pytest.fixture
def tiny_place(postgres_18: Server) -> Iterator[str]:
    """A tablespace on a disk of 24 MiB."""
    folder = postgres_18.folder / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        reason = "POSTGRESQL ON A FULL DISK WAS NOT TESTED: that needs root and the right to mount"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    place = folder / "place"
    place.mkdir()
    shutil.chown(place, "nobody")
    place.chmod(0o700)
    postgres_18.ask(f"CREATE TABLESPACE tiny LOCATION '{place}'")
    yield "tiny"
    postgres_18.ask("DROP TABLESPACE tiny")
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def fill(catalog: Catalog, upload: Upload, stored: list[Part]) -> None:
    """Add Parts until there is no room; those that were stored are put to `stored`."""
    for _ in range(10_000):
        part = new_part(upload)
        assert await catalog.add_part(MINE, part, **ROOM | {"held_parts": 10**6})
        stored.append(part)


async def test_a_full_disk_refuses_writes_and_nothing_else(postgres_18: Server, tiny_place: str) -> None:
    url = postgres_18.fresh()
    name = url.rpartition("/")[2]
    postgres_18.ask(f"ALTER DATABASE {name} SET TABLESPACE {tiny_place}")
    catalog = open_catalog(url)
    upload, stored = await stored_upload(catalog, 1)
    ballast = postgres_18.folder / "tiny" / "ballast"
    free = shutil.disk_usage(ballast.parent).free
    ballast.write_bytes(bytes(free - 256 * 1024))
    with pytest.raises(StorageFull, match="room"):
        await fill(catalog, upload, stored)
    assert (await assert_counts_true(catalog, upload)).held_parts == len(stored)
    ballast.unlink()
    assert await catalog.add_part(MINE, new_part(upload), **ROOM | {"held_parts": 10**6})
    await catalog.close()
    await nobody_connected(postgres_18, url)
    postgres_18.ask(f"DROP DATABASE {name}")


async def test_after_a_restart_every_connection_of_an_idle_pool_is_replaced_without_a_try(
    opened: Open, postgres_18: Server, url: str
) -> None:
    """The first to ask would have met each of the dead connections in turn, with a pause after each."""
    catalog, driver = opened(connections=16)
    with locked(url, "uploads"):
        tasks = [asyncio.create_task(catalog.add_upload(new_upload())) for _ in range(16)]
        await waiting(postgres_18, url, count=16)
    await asyncio.gather(*tasks)
    await asyncio.to_thread(postgres_18.crash)
    await asyncio.to_thread(postgres_18.start)
    runs = []

    def begin() -> Transaction[list[Project]]:
        runs.append("begun")
        return list_projects()

    assert await driver.read(begin, brief=True) == []
    assert runs == ["begun"]
