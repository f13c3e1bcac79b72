"""PostgreSQL crashing over and over, and asked by more than it takes: a server holds nothing for good."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.contract.engines_postgres import Server, running
from tests.contract.postgres_rig import locked
from tests.e2e.wire import create, eventually, good, send_part, speaking
from tests.objects.held import Held, levelled, settled
from tests.serving import KEY, serving

pytestmark = pytest.mark.xdist_group("heavy")

CLIENTS, POOL, CRASHES = 24, 8, 6

POOLED = 4
"""Threads that pools may still start: they grow to a bound, when they are needed."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running("18") as server:
        yield server


class Crowd:
    """Clients that go on adding Parts until they are stopped, and remember what was acknowledged."""

    def __init__(self, api: httpx2.Client) -> None:
        self.api = api
        self.upload = create(api, 10**9)["id"]
        self.parts: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.stop = threading.Event()

    def client(self) -> None:
        while not self.stop.is_set():
            answer = send_part(self.api, self.upload, b"a few bytes")
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                self.parts.append(answer.json()["id"])
            else:
                assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
                self.stop.wait(0.05)

    def stored(self, more: int) -> None:
        wanted = len(self.parts) + more
        eventually(lambda: len(self.parts) >= wanted, seconds=60)


@pytest.mark.timeout(300)
def test_a_database_that_crashes_and_is_crowded_over_and_over_costs_nothing_for_good(
    postgres: Server, tmp_path: Path
) -> None:
    url = postgres.fresh()

    def crash(crowd: Crowd) -> None:
        postgres.crash()
        postgres.start()
        crowd.stored(50)
        with locked(url, "uploads"):  # everybody waits for a connection that waits for this
            threading.Event().wait(0.2)
        crowd.stored(50)

    env = {"HEAVYLIFT_CATALOG": url, "HEAVYLIFT_MAX_PARTS": "1000000"}
    with serving(tmp_path, env=env) as served, speaking(served.url, KEY) as api:

        def stretch(_before: Held | None) -> Held:
            crowd = Crowd(api)
            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(crowd.client) for _ in range(CLIENTS)]
                try:
                    for _ in range(CRASHES):
                        crash(crowd)
                finally:
                    crowd.stop.set()
                for one in clients:
                    one.result(60)
            found = {one["id"] for one in listed(api, crowd.upload)}
            assert set(crowd.parts) <= found
            assert set(crowd.statuses) <= {200, 503}
            assert postgres.connections(url) <= POOL
            return settled(served.pid)

        before, after = levelled(stretch)
        assert after.threads <= before.threads + POOLED
        assert after.descriptors <= before.descriptors + POOL
        logged = "".join(served.lines)
    assert KEY not in logged


def listed(api: httpx2.Client, upload: str) -> list[dict[str, str]]:
    """All Parts of the Upload."""
    found: list[dict[str, str]] = []
    after = {}
    while True:
        page = good(api.get(f"/uploads/{upload}/parts", params={"limit": "1000", **after}))
        found += page["data"]
        if not page["has_more"]:
            return found
        after = {"after": found[-1]["id"]}
