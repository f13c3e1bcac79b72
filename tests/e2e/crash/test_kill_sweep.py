"""kill -9 at every durable change of `heavylift sweep`: the next sweep ends what the killed one began."""

import os
import shutil
import time
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.crash.calls import attempt
from tests.e2e.crash.fatal import dying
from tests.e2e.crash.shelf import check_disk, check_files, facts, sweep
from tests.e2e.crash.sweepers import SWEEPERS, sweep_when_told
from tests.e2e.wire import add_file, add_part, create, eventually, send_part, speaking, status_of
from tests.serving import Served, serving

SECONDS_OPEN = "10"
"""How long an Upload stays open here: its Parts must come within that, and the test waits for its end."""

SHARES = 2
"""Tests that the points are dealt out to, so that they run side by side."""

pytestmark = pytest.mark.timeout(600)
"""Every point takes two sweeps: a machine busy with other things needs longer than usual."""

MOST = 120
"""Points of a sweep: a bound for a test gone wild."""


@pytest.fixture(scope="module")
def litter(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A data folder with everything that a sweep reclaims, and the Files in it that none must touch."""
    data = tmp_path_factory.mktemp("littered")
    kept = {}
    env = {"HEAVYLIFT_UPLOAD_SECONDS": SECONDS_OPEN, "HEAVYLIFT_DELETE_GRACE": "1"}
    with serving(data, env=env) as served, speaking(served.url, served.key) as api:
        upload = create(api, 20_000)["id"]
        for _ in range(2):
            add_part(api, upload, os.urandom(10_000))
        for _ in range(2):
            body = os.urandom(10_000)
            kept[add_file(api, body)["id"]] = body
        gone = add_file(api, b"deleted, its bytes still there for downloads under way")["id"]
        assert api.delete(f"/files/{gone}").status_code == 200
        due = time.time() + 1
        eventually(lambda: status_of(api, upload) == "expired" and time.time() > due)
        orphan(served, data)
    return data, kept


def orphan(served: Served, data: Path) -> None:
    """Kill the service when a Part's bytes are on the disk, and no fact points at them yet."""
    with speaking(served.url, served.key) as api:
        upload = create(api, 10_000)["id"]
        before = len(served.blobs())
        with dying(served.pid, data, at=5) as tracer:
            assert attempt(lambda: send_part(api, upload, os.urandom(10_000))) is None
    assert tracer.victim == "pwrite64 catalog.sqlite-wal"
    assert len(served.blobs()) == before + 1


@pytest.mark.parametrize("share", range(SHARES))
def test_a_sweep_killed_at_any_moment_leaves_nothing_that_the_next_one_does_not_reclaim(
    litter: tuple[Path, dict[str, bytes]], tmp_path: Path, share: int
) -> None:
    littered, kept = litter
    victims: list[str] = []
    for at in count(1 + share, SHARES):
        assert at <= MOST
        data = tmp_path / "data"
        shutil.copytree(littered, data)
        victim = sweep_dying(data, at=at)
        sweep(data)
        check_disk(data)
        with facts(data) as catalog:
            assert catalog.execute("SELECT count(*) FROM files").fetchone()[0] == len(kept)
        if victim is None:
            break
        victims.append(victim)
        shutil.rmtree(data)
    print(f"sweeps died at: {', '.join(victims)}")
    assert len(victims) >= 5
    sweep(data)  # orphans are gone by the first, and their keys forgotten by the next
    with facts(data) as catalog:
        assert catalog.execute("SELECT count(*) FROM garbage").fetchone()[0] == 0
    with serving(data) as served, speaking(served.url, served.key) as api:
        check_files(api, kept)


def sweep_dying(data: Path, *, at: int) -> str | None:
    """Sweep, and die at the `at`-th change; at which call that was, or None if the sweep came to its end."""
    ours, theirs = SWEEPERS.Pipe()
    process = SWEEPERS.Process(target=sweep_when_told, args=(theirs, data))
    process.start()
    assert process.pid is not None
    try:
        with dying(process.pid, data, at=at) as tracer:
            ours.send("go")
            process.join(60)
            assert process.exitcode in {0, -9}
            eventually(lambda: tracer.over)
        assert (tracer.victim is not None) == (process.exitcode != 0)
        return tracer.victim
    finally:
        process.kill()
        process.join()
        process.close()
