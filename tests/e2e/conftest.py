"""Servers that tests share, one of a kind for each pytest worker, and clients to them."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from heavylift.settings import Settings
from heavylift.wiring import make_keys, open_stores
from tests.e2e.clocked import Clocked, clocked
from tests.e2e.wire import speaking
from tests.serving import Served, serving

SMALL = {
    "HEAVYLIFT_MAX_PART_BYTES": "1000",
    "HEAVYLIFT_MAX_UPLOAD_BYTES": "4000",
    "HEAVYLIFT_MAX_HELD_BYTES": "6000",
    "HEAVYLIFT_MAX_PARTS": "12",
    "HEAVYLIFT_MAX_FILE_BYTES": "4000",
    "HEAVYLIFT_EMPTY_FILES": "true",
    "HEAVYLIFT_BARE_PATHS": "true",
    "HEAVYLIFT_DOWNLOADS": "openai",
    "HEAVYLIFT_PURPOSE_CHECKS": "off",
}
"""Settings that are unlike the defaults wherever the protocol leaves a choice."""

Project = Callable[[], str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real server process with the default settings."""
    with serving(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real server process with limits scaled down and every choice made differently."""
    with serving(tmp_path_factory.mktemp("small"), env=SMALL) as served:
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
def new_project(server: Served) -> Project:
    """Makes a project of its own for the test, and returns a key to it."""
    return lambda: key_to_new_project(server.data)


@pytest.fixture
def alone(server: Served, new_project: Project) -> Iterator[httpx2.Client]:
    """A client of `server` in a project where nothing is yet."""
    with speaking(server.url, new_project()) as client:
        yield client


def key_to_new_project(data: Path) -> str:
    """A key to a new project of the installation in `data`, as `heavylift projects create` would make it."""

    async def make() -> str:
        async with open_stores(Settings(data=data)) as stores:
            keys = make_keys(stores)
            project = await keys.add_project(f"project-{secrets.token_hex(4)}")
            return (await keys.create(project=project.id, name="test"))[1]

    return asyncio.run(make())


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[tuple[Clocked, httpx2.Client]]:
    """A service whose clock the test turns, and a client to it."""
    with ExitStack() as stack:
        service = stack.enter_context(clocked(tmp_path / "clocked", expiry_grace=0.0, delete_grace=0.0))
        yield service, stack.enter_context(speaking(service.url, service.key))
