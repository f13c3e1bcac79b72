"""What strangers cost is bounded, whatever they send: memory, by count of rounds and not by a clock."""

from collections.abc import Iterator

import httpx2
import psutil
import pytest

from tests.e2e.strangers import KINDS, more_descriptors, strangers
from tests.serving import Served, serving

MIB = 1024 * 1024
MOST = 50 * MIB

MANY, ROUNDS = 1000, 12
"""Connections, and how often each sends as much as it can."""

ALONE = 200
"""Rounds of one connection alone: 50 MiB, if they were taken."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    more_descriptors(2 * MANY)
    with serving(tmp_path_factory.mktemp("strangers"), env={"HEAVYLIFT_LOG_LEVEL": "warning"}) as served:
        for kind in list(KINDS.values())[:3]:  # whatever is allocated once is not theirs
            attack(served, kind, count=20, rounds=5)
        yield served


def resident(served: Served) -> int:
    return int(psutil.Process(served.pid).memory_info().rss)


def attack(served: Served, kind: object, *, count: int, rounds: int) -> int:
    """Let them do it, beside an honest client. How many bytes more the process holds at the end of it."""
    before = resident(served)
    most = before
    with (
        strangers(served.port, kind, count) as them,
        httpx2.Client(base_url=served.root, timeout=60) as honest,
    ):  # type: ignore[arg-type]
        for _ in range(rounds):
            for stranger in them:
                stranger.go_on()
            assert honest.get("/healthz").status_code == 200
            most = max(most, resident(served))
    return most - before


@pytest.mark.parametrize("kind", KINDS)
def test_one_stranger_costs_next_to_nothing(served: Served, kind: str) -> None:
    assert attack(served, KINDS[kind], count=1, rounds=ALONE) < MOST


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_strangers_cost_little(served: Served, kind: str) -> None:
    assert attack(served, KINDS[kind], count=MANY, rounds=ROUNDS) < MOST
