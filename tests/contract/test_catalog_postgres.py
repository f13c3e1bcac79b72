"""What PostgreSQL's driver does underneath the contract: locks, limits, cancellations, closings, settings."""

import asyncio
import threading
import time

import psycopg
import pytest

from heavylift.catalog import UnfitCatalog, open_catalog
from heavylift.catalog.postgres_url import parse
from heavylift.catalog.transactions import Transaction, ask
from heavylift.domain.uploads import Upload
from heavylift.service.ports import NotDone, StorageDown
from tests.contract.catalog_facts import ALL, MINE, NOW, new_part, new_upload, stored_file, stored_upload
from tests.contract.engines_postgres import Server
from tests.contract.postgres_rig import PATIENCE, Open, locked, nobody_connected, wait_for_locks, waiting


async def test_whoever_stops_waiting_disturbs_nobody(opened: Open, postgres_18: Server, url: str) -> None:
    catalog, _ = opened(connections=2)
    await catalog.ping()
    upload = new_upload()
    with locked(url, "uploads"):
        task = asyncio.create_task(catalog.add_upload(upload))
        await waiting(postgres_18, url, count=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await catalog.close()
    again, _ = opened()
    assert await again.upload(MINE, upload.id) == upload, "it was finished all the same"


async def test_a_pool_at_its_limit_refuses_in_bounded_time_and_recovers(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(connections=2, patience=0.5)
    upload, _ = await stored_upload(catalog)
    with locked(url, "uploads"):
        held = [asyncio.create_task(catalog.parts(MINE, upload.id)) for _ in range(2)]
        await waiting(postgres_18, url, count=2)
        began = time.monotonic()
        answers = await asyncio.gather(*(catalog.projects() for _ in range(20)), return_exceptions=True)
        assert time.monotonic() - began < 5
        assert all(isinstance(answer, StorageDown) for answer in answers)
        assert "connection" in str(answers[0])
        assert postgres_18.connections(url) == 3, "two of the pool, and the one that locks"
    assert await asyncio.gather(*held) == [[]] * 2
    assert await asyncio.gather(*(catalog.projects() for _ in range(50))) == [[]] * 50


async def test_lists_leave_connections_for_look_ups_and_wait_for_each_other_in_bounded_time(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(connections=4, patience=1.0)
    with locked(url, "uploads"):
        lists = [catalog.uploads(MINE, status=None, now=NOW, page=ALL) for _ in range(12)]
        held = [asyncio.create_task(listing) for listing in lists]
        await waiting(postgres_18, url, count=2)
        assert await catalog.key_owner("a" * 64) is None
        assert postgres_18.connections(url) <= 4, "two for lists, one of them all, and the one that locks"
        await asyncio.wait(held, return_when=asyncio.FIRST_EXCEPTION)
        assert await catalog.key_owner("a" * 64) is None
    answers = await asyncio.gather(*held, return_exceptions=True)
    assert answers.count([]) == 2
    assert all(isinstance(answer, NotDone) for answer in answers if answer != [])


async def test_a_queue_that_is_too_long_is_refused_at_once(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened(connections=1, queue=1)
    upload, _ = await stored_upload(catalog)
    with locked(url, "uploads"):
        held = [asyncio.create_task(catalog.upload(MINE, upload.id)) for _ in range(2)]
        await waiting(postgres_18, url, count=1)
        with pytest.raises(StorageDown, match="waiting"):
            await catalog.projects()
    assert await asyncio.gather(*held) == [upload] * 2


async def test_a_lock_that_is_never_released_ends_in_an_answer(opened: Open, url: str) -> None:
    catalog, _ = opened()
    await catalog.ping()
    with locked(url, "uploads"):
        began = time.monotonic()
        with pytest.raises(StorageDown, match="lock timeout"):
            await catalog.add_upload(new_upload())
        assert time.monotonic() - began < 15
    await catalog.ping()


class Deadlock:
    """Another program that takes two rows in the other order, and never gives way first."""

    def __init__(self, url: str, first: Upload, second: Upload) -> None:
        self.connection = psycopg.connect(url, options="-c deadlock_timeout=60s")
        self.first, self.second = first, second
        self.thread = threading.Thread(target=self._touch, args=[first])
        self._touch(second)

    def _touch(self, upload: Upload) -> None:
        self.connection.execute("UPDATE uploads SET filename = 'theirs' WHERE id = %s", [upload.id])

    def follow(self, server: Server, url: str) -> None:
        """Reach for the other's row, and return once that waits."""
        self.thread.start()
        wait_for_locks(server, url, count=1)

    def leave(self) -> None:
        self.thread.join(PATIENCE)
        self.connection.commit()
        self.connection.close()


async def test_a_transaction_that_must_give_way_is_run_from_the_start(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, driver = opened()
    one, two = (await stored_upload(catalog))[0], (await stored_upload(catalog))[0]
    other = Deadlock(url, one, two)
    runs = []

    def both() -> Transaction[int]:
        runs.append("begun")
        yield ask("cancel_upload", project=MINE, id=one.id, judged_at=int(NOW))
        if len(runs) == 1:
            other.follow(postgres_18, url)
        yield ask("cancel_upload", project=MINE, id=two.id, judged_at=int(NOW))
        return len(runs)

    task = asyncio.create_task(driver.write(both))
    await asyncio.to_thread(_joined, other, task)
    assert await task == 2, "the second run succeeded"
    for upload in (one, two):
        found = await catalog.upload(MINE, upload.id)
        assert found is not None
        assert (found.filename, found.state.value) == ("theirs", "cancelled")


def _joined(other: Deadlock, task: "asyncio.Task[int]") -> None:
    give_up = time.monotonic() + PATIENCE
    while not other.thread.ident and not task.done():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    other.leave()


async def test_closing_finishes_what_was_begun_and_refuses_what_comes_later(
    opened: Open, postgres_18: Server, url: str
) -> None:
    catalog, _ = opened()
    uploads = [new_upload() for _ in range(30)]
    await catalog.ping()
    with locked(url, "uploads"):
        tasks = [asyncio.create_task(catalog.add_upload(upload)) for upload in uploads]
        await waiting(postgres_18, url, count=8)
        closing = [asyncio.create_task(catalog.close()) for _ in range(2)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, *closing)
    for call in (catalog.ping(), catalog.projects(), catalog.add_upload(new_upload())):
        with pytest.raises(StorageDown, match="closed"):
            await call
    await catalog.close()
    await nobody_connected(postgres_18, url)
    again, _ = opened()
    assert len(await again.uploads(MINE, status=None, now=NOW, page=ALL)) == 30


async def test_a_blob_is_condemned_beside_files_that_come_and_go(opened: Open) -> None:
    """What keeps arrivals out must not end in a deadlock with those who remove."""
    first, _ = opened()
    second, _ = opened()

    async def come_and_go() -> None:
        for _ in range(15):
            file = await stored_file(first, 1)
            assert await first.remove_file(MINE, file.id, now=NOW, due=NOW)

    async def condemn() -> None:
        for _ in range(60):
            blob = new_part(new_upload()).extent.blob
            assert await second.condemn([blob], due=NOW) == [blob]

    began = time.monotonic()
    await asyncio.gather(come_and_go(), come_and_go(), condemn())
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize(("durable", "setting"), [(True, "on"), (False, "off")])
def test_durability_decides_whether_a_commit_waits_for_the_disk(
    url: str, durable: bool, setting: str
) -> None:
    with psycopg.connect(**parse(url, durable=durable).parameters) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == (setting,)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("8s",)


def test_the_urls_own_options_win(url: str) -> None:
    address = parse(f"{url}?options=-c%20synchronous_commit%3Dremote_apply&connect_timeout=2")
    assert address.parameters["connect_timeout"] == "2"
    with psycopg.connect(**address.parameters) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_apply",)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hidden@127.0.0.1:1/name",
        "postgres://user:hidden@127.0.0.1:1/name",
        "postgresql://user@127.0.0.1:1/name?password=hidden",
        "postgresql://user:hid/hidden@127.0.0.1/name",
        "postgresql://user:12/hidden@127.0.0.1/name",
        "postgresql://user:hid?hidden@127.0.0.1/name",
        "postgresql://user:hidden%zz@127.0.0.1/name",
        "postgresql://user:hidden@127.0.0.1/name?colour=hidden",
        "postgresql://user:hidden@host.invalid/name",
        "postgresql://",
    ],
)
def test_a_server_that_cannot_be_reached_is_said_without_the_password(url: str) -> None:
    with pytest.raises((UnfitCatalog, StorageDown)) as caught:
        open_catalog(url)
    shown: BaseException | None = caught.value
    assert "hid" not in str(shown)
    assert "\n" not in str(shown)


async def test_of_several_servers_the_one_that_can_be_written_to_is_taken(
    postgres_15: Server, postgres_18: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby, primary = postgres_15.fresh(), postgres_18.fresh()
    names = [url.rpartition("/")[2] for url in (standby, primary)]
    while names[0] != names[1]:  # one URL names one database
        lower = postgres_15 if int(names[0][5:]) < int(names[1][5:]) else postgres_18
        names[lower is postgres_18] = lower.fresh().rpartition("/")[2]
    postgres_15.ask(f"ALTER DATABASE {names[0]} SET default_transaction_read_only = on")
    url = f"postgresql://postgres@127.0.0.1:{postgres_15.port},127.0.0.1:{postgres_18.port}/{names[0]}"
    catalog = open_catalog(url)
    await catalog.add_upload(new_upload())
    await catalog.close()
    assert parse(f"{url}?target_session_attrs=any").parameters["target_session_attrs"] == "any"
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "primary")
    assert "target_session_attrs" not in parse(url).parameters
    assert "target_session_attrs" not in parse(primary).parameters


async def test_a_process_holds_as_many_connections_as_it_is_told(postgres_18: Server, url: str) -> None:
    catalog = open_catalog(url, pool_size=2)
    with locked(url, "uploads"):
        tasks = [asyncio.create_task(catalog.add_upload(new_upload())) for _ in range(6)]
        await waiting(postgres_18, url, count=2)
        assert postgres_18.connections(url) == 3, "one of them is the lock's"
    await asyncio.gather(*tasks)
    await catalog.close()
    await nobody_connected(postgres_18, url)
