"""A cluster whose volume servers die and come back while a server uploads to it and downloads from it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.e2e.wire import create, good, send_complete
from tests.objects.cluster import VOLUMES, Cluster, cluster
from tests.objects.engines import BUCKET
from tests.objects.reclaiming import reclaim
from tests.objects.traffic import BOUND, PART, Traffic
from tests.serving import Served, serving

pytestmark = pytest.mark.xdist_group("heavy")

UPLOADERS, DOWNLOADERS = 4, 2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def served(store: Cluster, prefix: str, tmp_path: Path) -> Iterator[Served]:
    env = {**store.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"}
    with serving(tmp_path, env=env) as one:
        yield one
        assert "Traceback" not in "".join(one.lines)


@contextmanager
def going_on(traffic: Traffic) -> Iterator[None]:
    """Clients at work for the length of the block; what fails in one of them fails here."""
    with ThreadPoolExecutor(UPLOADERS + DOWNLOADERS) as pool:
        work = [traffic.uploading] * UPLOADERS + [traffic.downloading] * DOWNLOADERS
        clients = [pool.submit(one) for one in work]
        try:
            yield
        finally:
            traffic.stop.set()
            for client in clients:
                client.result(3 * BOUND)


def swept(served: Served, store: Cluster, prefix: str) -> None:
    reclaim(served.data, {**store.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}"})


@pytest.mark.timeout(400)
def test_volume_servers_that_die_under_traffic_one_by_one_cost_no_byte(
    store: Cluster, served: Served, prefix: str
) -> None:
    traffic = Traffic(served)
    with going_on(traffic):
        traffic.await_files(2)
        for name in VOLUMES[:2]:
            killed = traffic.after(PART // 2, partial(store.kill, name))
            assert killed.wait(BOUND)
            traffic.await_files(2)
            store.begin(name)
            store.await_volumes(len(VOLUMES))
            traffic.await_files(2)
    assert traffic.longest < BOUND
    with traffic.api() as api:
        assert all(traffic.download(api, *file) for file in traffic.files.items())
    swept(served, store, prefix)
    assert len(store.objects(prefix)) == 2 * len(traffic.files)
    assert store.unfinished(prefix) == []


@pytest.mark.timeout(400)
def test_what_no_living_server_holds_is_refused_and_whole_again_when_they_are_back(
    store: Cluster, served: Served, prefix: str
) -> None:
    traffic, raw = Traffic(served), {"Content-Type": "application/octet-stream"}
    with traffic.api() as api, ThreadPoolExecutor(3) as pool:
        traffic.upload(api, count=8)
        [(file, content)] = traffic.files.items()
        upload = create(api, PART)["id"]
        dead = threading.Event()

        def send() -> httpx2.Response:
            return api.post(f"/uploads/{upload}/parts", content=content[:PART], headers=raw)

        def first() -> None:
            for name in VOLUMES:
                store.kill(name)
            dead.set()

        try:
            torn = pool.submit(traffic.download, api, file, content, first=first)
            assert dead.wait(BOUND)
            refused = pool.submit(traffic.download, api, file, content)
            traffic.refusal(send())
            assert not torn.result(BOUND)
            assert not refused.result(BOUND)
            assert (traffic.broken, len(traffic.refused)) == (1, 2)
            assert traffic.longest < BOUND
        finally:
            dead.wait(BOUND)
            for name in VOLUMES:
                store.begin(name)
            store.await_volumes(len(VOLUMES))
        part = traffic.insisted(send)
        done = good(send_complete(api, upload, [part["id"]]))
        assert traffic.download(api, done["file"]["id"], content[:PART])
        assert traffic.download(api, file, content)
    swept(served, store, prefix)
    assert len(store.objects(prefix)) == 9
    assert store.unfinished(prefix) == []
