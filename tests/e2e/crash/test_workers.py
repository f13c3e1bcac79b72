"""Several workers and sweepers over one folder, and workers that die: the others go on, nothing is lost."""

import os
import random
import subprocess
from pathlib import Path

from tests.e2e.crash.busy import Ledger, check_promises, clients_of
from tests.e2e.crash.shelf import check_disk, sweep, sweep_command
from tests.e2e.wire import eventually
from tests.serving import serving

WORKERS = 3
KILLS = 4
BETWEEN = 20
"""Promises made between two deaths."""

EAGER = {
    "HEAVYLIFT_IDLE_TIMEOUT": "2",
    "HEAVYLIFT_BODY_TIMEOUT": "5",
    "HEAVYLIFT_ORPHAN_GRACE": "6",
    "HEAVYLIFT_ORPHAN_INTERVAL": "0.2",
    "HEAVYLIFT_SWEEP_INTERVAL": "0.2",
    "HEAVYLIFT_DELETE_GRACE": "0",
}
"""Every worker sweeps all the time, and reclaims what the dead ones left while the others upload."""


def await_promises(ledger: Ledger) -> None:
    """Wait until there are some more."""
    enough = ledger.promises + BETWEEN
    eventually(lambda: ledger.promises >= enough, seconds=60)


def test_workers_that_are_killed_are_replaced_and_no_promise_is_broken(tmp_path: Path) -> None:
    chance = random.Random(4)
    sweeping = sweep_command(tmp_path)
    with serving(tmp_path, options=("--workers", str(WORKERS)), env=EAGER) as served:
        with clients_of(served) as ledger:
            for _ in range(KILLS):
                await_promises(ledger)
                chance.choice(served.workers()).kill()
                others = [
                    subprocess.Popen(sweeping, env={**os.environ, **EAGER}, stdout=subprocess.DEVNULL)
                    for _ in range(2)
                ]
                assert [other.wait(60) for other in others] == [0, 0]
                eventually(lambda: len(served.workers()) == WORKERS, seconds=60)
            await_promises(ledger)
        check_promises(served, ledger)
    with serving(tmp_path) as served:
        check_promises(served, ledger)
    sweep(tmp_path)
    check_disk(tmp_path)
