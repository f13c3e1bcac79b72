"""Faults of the store, over and over, against one server: what it holds comes back to where it was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.e2e.wire import create, good, send_complete, speaking
from tests.objects.engines import BUCKET, ObjectStore
from tests.objects.held import Held, levelled, settled
from tests.objects.reclaiming import reclaim
from tests.objects.traffic import BOUND, PART, PIECE
from tests.objects.unruly import FAULTS, Unruly, unruly
from tests.serving import serving

pytestmark = pytest.mark.xdist_group("heavy")

SENDERS, LEAVERS, READERS = 6, 3, 3
"""Clients of one round: who sends a Part, who leaves in the middle of one, who downloads."""

ROUNDS = 10

POOLED = 4
"""Threads that pools may still start: they grow to a bound, when they are needed."""

CONTENT = bytes(range(256)) * (PART // 256)

RAW = {"Content-Type": "application/octet-stream", "Content-Length": str(PART)}


@pytest.fixture
def way(seaweed: ObjectStore) -> Iterator[Unruly]:
    with unruly(seaweed.port) as proxy:
        yield proxy


class Clients:
    """Those that meet the faults."""

    def __init__(self, api: httpx2.Client) -> None:
        self.api = api
        self.statuses: list[int] = []
        self.torn = 0
        self.upload = create(api, PART)["id"]
        self.send()
        [part] = good(api.get(f"/uploads/{self.upload}/parts"))["data"]
        self.file = good(send_complete(api, self.upload, [part["id"]]))["file"]["id"]
        self.upload = create(api, 400 * PART)["id"]

    def send(self) -> None:
        answer = self.api.post(f"/uploads/{self.upload}/parts", content=CONTENT, headers=RAW)
        self.statuses.append(answer.status_code)

    def leave(self) -> None:
        def half() -> Iterator[bytes]:
            for begin in range(0, PART // 2, PIECE):
                yield CONTENT[begin : begin + PIECE]
            raise InterruptedError

        with pytest.raises((InterruptedError, httpx2.HTTPError)):
            self.api.post(f"/uploads/{self.upload}/parts", content=half(), headers=RAW)

    def read(self) -> None:
        with self.api.stream("GET", f"/files/{self.file}/content") as answer:
            try:
                got = answer.read()
                self.statuses.append(answer.status_code)
                assert answer.status_code != 200 or got == CONTENT
            except httpx2.RemoteProtocolError:
                self.torn += 1

    def round(self, way: Unruly) -> None:
        """All at once, and a fault for each."""
        work = [self.send] * SENDERS + [self.leave] * LEAVERS + [self.read] * READERS
        way.rage(len(work))
        with ThreadPoolExecutor(len(work)) as pool:
            for client in [pool.submit(one) for one in work]:
                client.result(BOUND)


@pytest.mark.timeout(400)
def test_a_store_that_fails_in_every_way_over_and_over_costs_nothing_for_good(
    seaweed: ObjectStore, way: Unruly, tmp_path: Path
) -> None:
    prefix = uuid4().hex
    env = {**seaweed.environment(port=way.port), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}",
           "HEAVYLIFT_DELETE_GRACE": "0"}  # fmt: skip
    with serving(tmp_path, env=env) as served, speaking(served.url, served.key) as api:
        clients = Clients(api)

        def stretch(before: Held | None) -> Held:
            way.happened.clear()
            for _ in range(ROUNDS):
                clients.round(way)
            assert all(way.happened[fault] >= ROUNDS for fault in FAULTS), way.happened
            return settled(served.pid, descriptors=before and before.descriptors, let_go=way.drop)

        before, after = levelled(stretch)
        assert after.threads <= before.threads + POOLED
        assert set(clients.statuses) <= {200, 502, 503}
        clients.read()
        clients.send()
        assert clients.statuses[-2:] == [200, 200]
        good(api.post(f"/uploads/{clients.upload}/cancel"))
        good(api.delete(f"/files/{clients.file}"))
        served.stop()
    reclaim(tmp_path, {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"})
    assert seaweed.objects(prefix) == []
    assert seaweed.unfinished(prefix) == []
