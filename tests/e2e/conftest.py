"""Servers that tests share, one of a kind for each pytest worker, and clients to them.

A test that is marked `stores` runs on each of the combinations that the mark names, and says in
its name which: `@pytest.mark.stores(*COMBINATIONS)`. All others run on SQLite and a disk. A
combination keeps to one worker, so that its engines and servers are started once.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from heavylift.catalog import open_catalog
from heavylift.service.keys import Keys
from tests.contract import engines_postgres
from tests.contract.engines_postgres import Server
from tests.e2e.clocked import Clocked, clocked
from tests.e2e.wire import speaking
from tests.installations import SQLITE_DISK, Ground, Installation, left_clean
from tests.objects import engines
from tests.objects.engines import ObjectStore
from tests.serving import Served, serving

SMALL = {
    "HEAVYLIFT_MAX_PART_BYTES": "1000",
    "HEAVYLIFT_MAX_UPLOAD_BYTES": "4000",
    "HEAVYLIFT_MAX_HELD_BYTES": "6000",
    "HEAVYLIFT_MAX_PARTS": "12",
    "HEAVYLIFT_MAX_FILE_BYTES": "4000",
    "HEAVYLIFT_EMPTY_FILES": "true",
    "HEAVYLIFT_COMPATIBLE_PATHS": "true",
    "HEAVYLIFT_DOWNLOADS": "openai",
    "HEAVYLIFT_PURPOSE_CHECKS": "off",
}
"""Settings that are unlike the defaults wherever the protocol leaves a choice."""

Project = Callable[[], str]


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest what the mark is for."""
    config.addinivalue_line("markers", "stores(*combinations): what the test's server keeps things in")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked and uses a server becomes one for each of the mark's combinations."""
    mark = metafunc.definition.get_closest_marker("stores")
    if mark and "ground" in metafunc.fixturenames:
        each = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in mark.args]
        metafunc.parametrize("ground", each, indirect=True, scope="session")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with engines_postgres.running("18") as running:
        yield running


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with engines.seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        yield store


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Ground:
    """Makes installations of the combination that the test's name ends in."""
    return Ground(
        combination=getattr(request, "param", SQLITE_DISK),
        postgres=lambda: request.getfixturevalue("postgres"),
        store=lambda: request.getfixturevalue("seaweed"),
    )


@pytest.fixture
def new_installation(ground: Ground, tmp_path: Path) -> Installation:
    """One of the test's own."""
    return ground.new(tmp_path)


@pytest.fixture(scope="session")
def installed(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """What `server` runs on. In the end, nothing is left there that nobody can ask for."""
    with left_clean(ground.new(tmp_path_factory.mktemp("server"))) as installation:
        yield installation


@pytest.fixture(scope="session")
def server(installed: Installation) -> Iterator[Served]:
    """A real server process with the default settings."""
    with serving(installed.folder, env=installed.env) as served:
        yield served


@pytest.fixture(scope="session")
def small(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real server process with limits scaled down and every choice made differently."""
    with (
        left_clean(ground.new(tmp_path_factory.mktemp("small"))) as installation,
        serving(installation.folder, env={**installation.env, **SMALL}) as served,
    ):
        yield served


@pytest.fixture
def api(server: Served) -> Iterator[httpx2.Client]:
    """A client of `server` with the key of its default project."""
    with speaking(server.url, server.key) as client:
        yield client


@pytest.fixture
def small_api(small: Served) -> Iterator[httpx2.Client]:
    """A client of `small`."""
    with speaking(small.url, small.key) as client:
        yield client


@pytest.fixture
def new_project(installed: Installation) -> Project:
    """Makes a project of its own for the test, and returns a key to it."""
    return lambda: key_to_new_project(installed.catalog)


@pytest.fixture
def alone(server: Served, new_project: Project) -> Iterator[httpx2.Client]:
    """A client of `server` in a project where nothing is yet."""
    with speaking(server.url, new_project()) as client:
        yield client


def key_to_new_project(catalog_url: str) -> str:
    """A key to a new project in that catalog, as `heavylift projects create` would make it."""

    async def make() -> str:
        catalog = open_catalog(catalog_url)
        try:
            keys = Keys(catalog, clock=time.time)
            project = await keys.add_project(f"project-{secrets.token_hex(4)}")
            return (await keys.create(project=project.id, name="test"))[1]
        finally:
            await catalog.close()

    return asyncio.run(make())


@pytest.fixture
def timed(
    new_installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Clocked, httpx2.Client]]:
    """A service whose clock the test turns, and a client to it."""
    for name, value in new_installation.env.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        service = stack.enter_context(clocked(new_installation, expiry_grace=0.0, delete_grace=0.0))
        yield service, stack.enter_context(speaking(service.url, service.key))
