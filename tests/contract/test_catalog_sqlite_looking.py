"""Look-ups in the event loop's own thread: only there, only while they are quick, never in anybody's way."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.catalog import migrated_sqlite
from heavylift.catalog.looking import AWAY, SLOW, Looking
from heavylift.catalog.presence import Identity
from heavylift.catalog.sqlite import connect
from heavylift.catalog.transactions import Transaction, ask
from heavylift.service.ports import StorageDown


class Stopwatch:
    """Something that is counted, and grows with each look at it."""

    def __init__(self) -> None:
        self.now, self.step = 100.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def projects() -> Transaction[int]:
    return len((yield ask("list_projects")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection, _ = migrated_sqlite(str(tmp_path / "catalog.sqlite"))
    connection.close()
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def disk() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def looking(path: Path, watch: Stopwatch, disk: Stopwatch) -> Iterator[Looking]:
    looking = Looking(
        connect(str(path)), check=Identity(str(path)).check, elapsed=watch, reads=lambda: int(disk())
    )
    yield looking
    looking.close()


def test_it_sees_what_was_committed_also_while_somebody_writes(looking: Looking, path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO projects (id, name, created_at) VALUES ('a', 'b', 1)")
        found = looking.look(projects)
        assert found is not None
        assert found.value == 0
        writer.execute("COMMIT")
        found = looking.look(projects)
        assert found is not None
        assert found.value == 1
    writer.close()


def test_a_slow_one_sends_those_after_it_elsewhere_for_a_while(
    looking: Looking, watch: Stopwatch, disk: Stopwatch
) -> None:
    watch.step, disk.step = 2 * SLOW, 1.0
    assert looking.look(projects) is not None
    watch.step = 0.0
    assert looking.look(projects) is None
    watch.now += AWAY * 3 * SLOW
    assert looking.look(projects) is not None


def test_one_that_waited_for_anything_but_the_disk_sends_nobody_away(
    looking: Looking, watch: Stopwatch
) -> None:
    watch.step = 200 * SLOW
    for _ in range(3):
        assert looking.look(projects) is not None


def test_reads_of_the_disk_that_were_quick_send_nobody_away(looking: Looking, disk: Stopwatch) -> None:
    disk.step = 1.0
    for _ in range(3):
        assert looking.look(projects) is not None


async def test_another_thread_looks_elsewhere(looking: Looking) -> None:
    assert looking.look(projects) is not None
    assert await asyncio.to_thread(looking.look, projects) is None


def test_a_database_that_is_busy_is_asked_elsewhere(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    looking = Looking(sqlite3.connect(path, isolation_level=None), check=lambda: None)
    assert looking.look(projects) is None
    other.close()
    assert looking.look(projects) is None  # and not tried again at once
    looking.close()


def test_what_fails_is_told_in_the_ports_words(looking: Looking) -> None:
    def wrong() -> Transaction[None]:
        raise ValueError("wrong")
        yield ask("list_projects")

    found = looking.look(wrong)
    assert found is not None
    assert isinstance(found.error, ValueError)
    looking.close()
    assert looking.look(projects) is None


def test_a_database_that_was_taken_away_is_not_looked_into(looking: Looking, path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    found = looking.look(projects)
    assert found is not None
    assert isinstance(found.error, StorageDown)
