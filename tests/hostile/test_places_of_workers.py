"""A tenant whose bodies take every place of several workers: another one is served by each of them."""

from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import key_to_new_project
from tests.e2e.sockets import part_under_way
from tests.e2e.wire import create, eventually, speaking
from tests.frozen import frozen
from tests.hostile.siege import MIB, is_served
from tests.serving import Served, serving

PLACES = 8
"""Of each of two workers; a quarter of them is its own in any case."""


def served_by(served: Served, other: psutil.Process) -> None:
    """The honest tenant is served while the other worker cannot take its connection."""
    with frozen(other.pid):
        is_served(served)


@pytest.mark.parametrize("too", [0, PLACES // 4], ids=["one worker", "and the other's own places"])
def test_places_taken_in_one_worker_leave_some_in_the_other(tmp_path: Path, too: int) -> None:
    env = {"HEAVYLIFT_MAX_BODIES": str(PLACES)}
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path, options=("--workers", "2"), env=env))
        eventually(lambda: len(served.told("worker.serves")) == 2, seconds=60)
        crowded, other = served.workers()
        key = key_to_new_project(f"sqlite:///{tmp_path}/catalog.sqlite")
        with speaking(served.url, key) as hostile:
            upload = create(hostile, 2 * PLACES * MIB)["id"]
        for still, count in ((other, 2 * PLACES), (crowded, too)):
            with frozen(still.pid):
                for _ in range(count):
                    way = part_under_way(served.port, key, upload, b"x" * 6, bytes(MIB))
                    stack.enter_context(way)
        served_by(served, crowded)  # which holds all of them
        served_by(served, other)
