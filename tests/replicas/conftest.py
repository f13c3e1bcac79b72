"""Several real servers over one PostgreSQL, and one folder of blobs or one object store."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.contract.engines_postgres import Server, running
from tests.e2e.wire import speaking
from tests.objects import engines
from tests.objects.engines import ObjectStore
from tests.ports import free_port
from tests.replicas import site as sites
from tests.replicas.balancer import Balancer, balancing
from tests.replicas.fleet import Fleet
from tests.replicas.site import Site
from tests.serving import KEY, Served, start

PASSWORD = "hidden-from-everyone"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running("18") as server:
        yield server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with engines.seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        yield store


@pytest.fixture(scope="session")
def site(postgres: Server, seaweed: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three replicas over PostgreSQL and an object store, where nothing pointless is left in the end."""
    with sites.running(tmp_path_factory.mktemp("site"), postgres, seaweed, replicas=3) as running_site:
        yield running_site


@pytest.fixture
def balancer(site: Site, tmp_path: Path) -> Iterator[Balancer]:
    """A fresh nginx in front of the replicas: all are equal to it, and it has a connection to none."""
    with balancing(tmp_path / "nginx", site.ports) as running_nginx:
        yield running_nginx


@pytest.fixture
def api(balancer: Balancer) -> Iterator[httpx2.Client]:
    """A client that knows the balancer alone."""
    with speaking(balancer.url, KEY) as client:
        yield client


@pytest.fixture
def fleet(postgres: Server, tmp_path: Path) -> Iterator[Fleet]:
    """Three replicas. In the end, none has told the database's password to anybody, or failed inside."""
    url = postgres.fresh()
    env = {
        "HEAVYLIFT_CATALOG": url.replace("postgres@", f"postgres:{PASSWORD}@"),
        "HEAVYLIFT_BLOBS": f"file://{tmp_path}/blobs",
        "HEAVYLIFT_SWEEP_INTERVAL": "0.3",
        "HEAVYLIFT_DELETE_GRACE": "0",
    }
    replicas: list[Served] = []
    with ExitStack() as stack:
        try:
            for number in range(3):
                replicas.append(start(tmp_path / str(number), env=env, port=free_port()))
            apis: list[httpx2.Client] = [
                stack.enter_context(speaking(served.url, KEY)) for served in replicas
            ]
            yield Fleet(replicas=replicas, apis=apis, blobs=tmp_path / "blobs", env=env, url=url)
        finally:
            for served in replicas:
                served.close()
    logged = "".join(line for served in replicas for line in served.lines)
    assert PASSWORD not in logged
    assert "Traceback" not in logged
