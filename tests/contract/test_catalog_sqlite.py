"""What SQLite's driver does underneath the contract: groups, logs, cancellations, closings."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from heavylift.catalog import UnfitCatalog, open_catalog, sqlite
from heavylift.catalog.sql import SqlCatalog
from heavylift.catalog.transactions import UNDO, Transaction, ask
from heavylift.domain.uploads import Part, Upload
from heavylift.service.ports import Catalog, StorageDown, StorageFull
from tests.contract.catalog_facts import ALL, MINE, NOW, ROOM, new_part, new_upload, stored_upload

PATIENCE = 60
"""Seconds until something that must happen is taken not to happen."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A migrated, empty database."""
    path = tmp_path / "catalog.db"
    asyncio.run(open_catalog(f"sqlite:///{path}").close())
    return path


Open = Callable[..., tuple[SqlCatalog, sqlite.Sqlite, sqlite3.Connection]]


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[Open]:
    """Opens the database with its parts in our hands: the catalog, its driver, the writer's connection."""
    drivers = []

    def open_parts(**options: Any) -> tuple[SqlCatalog, sqlite.Sqlite, sqlite3.Connection]:
        connection = sqlite.connect(str(path))
        driver = sqlite.Sqlite(str(path), connection, durable=True, **options)
        drivers.append(driver)
        return SqlCatalog(driver, clock=time.time), driver, connection

    yield open_parts
    for driver in drivers:
        await driver.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("catalog-")]


class Hold:
    """A transaction that keeps the writer busy until released."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()

    def transaction(self) -> Transaction[str]:
        yield ask("beat")
        self.begun.set()
        assert self.over.wait(PATIENCE)
        return "held"

    async def start(self, driver: sqlite.Sqlite) -> "asyncio.Task[str]":
        task = asyncio.create_task(driver.write(self.transaction))
        assert await asyncio.to_thread(self.begun.wait, PATIENCE)
        return task


async def queue(*calls: "asyncio._CoroutineLike[object]") -> "list[asyncio.Task[object]]":
    """Start them all, so that each waits for the writer."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


async def test_what_queues_during_a_commit_shares_the_next_one(opened: Open) -> None:
    catalog, driver, connection = opened()
    commits: list[str] = []
    hold = Hold()
    held = await hold.start(driver)
    connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    uploads = [new_upload() for _ in range(500)]
    waiting = await queue(*(catalog.add_upload(upload) for upload in uploads))
    hold.over.set()
    await asyncio.gather(held, *waiting)
    assert len(commits) == 2, "the one that was under way, and one for all that waited"
    assert len(await catalog.uploads(MINE, status=None, now=NOW, page=ALL)) == 500


async def test_a_transaction_that_fails_takes_back_itself_alone(opened: Open) -> None:
    catalog, driver, _ = opened()

    def fail() -> Transaction[None]:
        yield ask("insert_project", id="proj_f", name="failed", created_at=1)
        raise ValueError("on purpose")

    def undo() -> Transaction[str]:
        yield ask("insert_project", id="proj_u", name="undone", created_at=1)
        yield UNDO
        return "undone"

    upload = new_upload()
    hold = Hold()
    held = await hold.start(driver)
    waiting = await queue(
        catalog.add_upload(upload),
        driver.write(fail),
        catalog.add_upload(upload),
        driver.write(undo),
        catalog.cancel(MINE, upload.id, judged_at=NOW, due=0),
    )
    hold.over.set()
    first, failed, double, undone, cancelled = await asyncio.gather(*waiting, return_exceptions=True)
    assert (await held, first, undone, cancelled) == ("held", upload, "undone", True)
    assert isinstance(failed, ValueError)
    assert isinstance(double, StorageDown)
    assert isinstance(double.__cause__, sqlite3.IntegrityError)
    assert await catalog.projects() == []


async def test_if_the_commit_fails_nobody_is_told_of_a_success(opened: Open) -> None:
    catalog, _, connection = opened()
    kept = new_upload()
    await catalog.add_upload(kept)

    def deny_commit(action: int, what: str | None, *_: object) -> int:
        denied = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    connection.set_authorizer(deny_commit)
    waiting = await queue(*(catalog.add_upload(new_upload()) for _ in range(5)))
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, StorageDown) for answer in answers)
    connection.set_authorizer(None)
    assert await catalog.uploads(MINE, status=None, now=NOW, page=ALL) == [kept]
    later = new_upload()
    await catalog.add_upload(later)
    assert await catalog.upload(MINE, later.id) == later


async def test_whoever_stops_waiting_disturbs_nobody(opened: Open) -> None:
    catalog, driver, _ = opened()
    hold = Hold()
    held = await hold.start(driver)
    uploads = [new_upload() for _ in range(10)]
    waiting = await queue(*(catalog.add_upload(upload) for upload in uploads))
    for task in waiting[::2]:
        task.cancel()
    await asyncio.sleep(0)
    hold.over.set()
    answers = await asyncio.gather(held, *waiting, return_exceptions=True)
    assert answers[2::2] == uploads[1::2]
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[1::2])
    for upload in uploads[1::2]:
        assert await catalog.upload(MINE, upload.id) == upload


async def test_reads_do_not_wait_for_a_write(opened: Open) -> None:
    catalog, driver, _ = opened()
    upload, parts = await stored_upload(catalog, 1, 2)
    hold = Hold()
    held = await hold.start(driver)
    async with asyncio.timeout(PATIENCE / 2):
        assert await catalog.upload(MINE, upload.id) == upload
        assert await catalog.parts(MINE, upload.id) == parts[::-1]
    hold.over.set()
    await held


async def test_event_loops_of_several_threads_may_share_a_catalog(opened: Open) -> None:
    catalog, _, _ = opened()
    upload, _ = await stored_upload(catalog)

    def work() -> bool:
        async def add() -> list[bool]:
            offers = (catalog.add_part(MINE, new_part(upload), **ROOM) for _ in range(20))
            return await asyncio.gather(*offers)

        return all(asyncio.run(add()))

    assert all(await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4))))
    assert len(await catalog.parts(MINE, upload.id)) == 80


async def test_a_loop_that_ended_while_its_write_was_under_way_harms_nobody(opened: Open) -> None:
    catalog, driver, _ = opened()
    hold = Hold()
    held = await hold.start(driver)
    upload = new_upload()

    def leave() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(catalog.add_upload(upload))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    await asyncio.to_thread(leave)
    hold.over.set()
    assert await held == "held"
    await catalog.ping()
    assert await catalog.upload(MINE, upload.id) == upload


async def test_closing_finishes_what_was_begun_and_refuses_what_comes_later(opened: Open, path: Path) -> None:
    catalog, driver, _ = opened()
    hold = Hold()
    held = await hold.start(driver)
    uploads = [new_upload() for _ in range(50)]
    waiting = await queue(*(catalog.add_upload(upload) for upload in uploads))
    closing = await queue(catalog.close(), catalog.close())
    hold.over.set()
    await asyncio.gather(held, *waiting, *closing)
    for call in (catalog.ping(), catalog.projects(), catalog.add_upload(new_upload())):
        with pytest.raises(StorageDown, match="closed"):
            await call
    await catalog.close()
    left = {file.name for file in path.parent.iterdir()}
    assert left == {path.name, f"{path.name}-serving"}, "no log is left behind"
    again, _, _ = opened()
    assert len(await again.uploads(MINE, status=None, now=NOW, page=ALL)) == 50


async def test_the_log_is_cut_once_no_reader_is_in_the_way(opened: Open, path: Path) -> None:
    limit, seconds = 256 * 1024, [0.0]
    catalog, _, _ = opened(log_bytes=limit, elapsed=lambda: seconds[0])
    log = Path(f"{path}-wal")
    upload, _ = await stored_upload(catalog)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM parts").fetchall()
    while log.stat().st_size < 4 * limit:
        assert await catalog.add_part(MINE, new_part(upload), **ROOM | {"held_parts": 10**6})
    assert await catalog.add_part(MINE, new_part(upload), **ROOM | {"held_parts": 10**6})
    assert log.stat().st_size >= 4 * limit, "a reader needs it"
    reader.close()
    seconds[0] += sqlite.CUT_SECONDS
    for _ in range(2):  # the second begins behind the cut that follows the first
        assert await catalog.add_part(MINE, new_part(upload), **ROOM | {"held_parts": 10**6})
    assert log.stat().st_size < limit
    assert len(await catalog.parts(MINE, upload.id)) == (await catalog.upload(MINE, upload.id)).held_parts


async def fill(catalog: Catalog, upload: Upload, parts: list[Part]) -> None:
    """Add Parts until there is no room; those that were stored are put to `parts`."""
    for _ in range(10_000):
        part = new_part(upload)
        assert await catalog.add_part(upload.project, part, **ROOM)
        parts.append(part)


async def test_a_database_without_room_says_so_and_stays_of_use(opened: Open) -> None:
    catalog, _, connection = opened()
    upload, parts = await stored_upload(catalog, 1)
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size
    with pytest.raises(StorageFull, match="room"):
        await fill(catalog, upload, parts)
    assert await catalog.parts(MINE, upload.id) == parts[::-1]
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await catalog.add_part(MINE, new_part(upload), **ROOM)


async def test_a_read_only_database_fails_its_ping(opened: Open) -> None:
    catalog, _, connection = opened()
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageDown):
        await catalog.ping()
    assert await catalog.projects() == []


async def test_damage_is_reported_as_the_stores_failure(path: Path) -> None:
    catalog = open_catalog(f"sqlite:///{path}")
    await catalog.close()
    driver = sqlite.Sqlite(str(path), sqlite.connect(str(path)), durable=True)
    catalog = SqlCatalog(driver, clock=time.time)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StorageDown):
        sqlite.Readers(str(path), check=lambda: None)
    with pytest.raises(StorageDown):
        await catalog.projects()
    with pytest.raises(StorageDown):
        await catalog.ping()
    await catalog.close()


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
async def test_durability_decides_whether_a_commit_waits_for_the_disk(
    path: Path, durable: bool, level: int
) -> None:
    connection = sqlite.connect(str(path))
    driver = sqlite.Sqlite(str(path), connection, durable=durable)
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == level
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    await driver.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x",
        "catalog.db",
        "",
        "sqlite:",
        "sqlite://relative.db",
        "file:///x.db",
    ],
)
def test_another_url_is_refused_with_what_is_supported(url: str) -> None:
    with pytest.raises(UnfitCatalog, match="sqlite:///relative"):
        open_catalog(url)


async def test_a_relative_path_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await open_catalog("sqlite:///my catalog%2520%231%3F.db").close()
    assert min(file.name for file in tmp_path.iterdir()) == "my catalog%20#1?.db"


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db?mode=ro", "sqlite:////tmp/a#b/x.db"])
def test_what_a_url_does_not_hold_bare_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(UnfitCatalog, match="percent-encode"):
        open_catalog(url)


async def test_look_ups_do_not_wait_behind_lists(opened: Open) -> None:
    _, driver, _ = opened()
    hold = Hold()

    def listing() -> Transaction[str]:
        yield ask("find_search")
        hold.begun.set()
        assert hold.over.wait(PATIENCE)
        return "listed"

    def look_up() -> Transaction[str]:
        yield ask("find_search")
        return "found"

    lists = [asyncio.create_task(driver.read(listing, dear=True)) for _ in range(12)]
    assert await asyncio.to_thread(hold.begun.wait, PATIENCE)
    found = asyncio.gather(*(driver.read(look_up, brief=True) for _ in range(8)))
    assert await asyncio.wait_for(found, PATIENCE / 2) == ["found"] * 8
    hold.over.set()
    assert await asyncio.gather(*lists) == ["listed"] * 12
