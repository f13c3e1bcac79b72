"""Every catalog, held to the contract. A driver more is an entry more in DATABASES."""

import itertools
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from heavylift.catalog import open_catalog
from heavylift.service.ports import Catalog
from tests.contract.catalog import CatalogOfFiles, CatalogOfUploads
from tests.contract.catalog_isolation import CatalogOfTenants
from tests.contract.catalog_machine import CatalogMachine
from tests.contract.catalog_races import CatalogRaces, SharedCatalogRaces
from tests.contract.catalog_reclaiming import CatalogOfReclaiming
from tests.contract.catalog_room import CatalogOfRoom
from tests.contract.catalog_upkeep import CatalogOfKeys, CatalogOfLists, CatalogOfUpkeep
from tests.contract.engines_postgres import Server

Fresh = Callable[[], str]
"""Gives the URL of a database that holds nothing yet."""


def in_memory(_: pytest.FixtureRequest) -> Fresh:
    return lambda: "sqlite://"


def in_a_file(request: pytest.FixtureRequest) -> Fresh:
    numbers, folder = itertools.count(), request.getfixturevalue("tmp_path")
    return lambda: f"sqlite:///{folder}/{next(numbers)}.db"


def on_server(version: str) -> Callable[[pytest.FixtureRequest], Fresh]:
    def on_postgres(request: pytest.FixtureRequest) -> Fresh:
        server: Server = request.getfixturevalue(f"postgres_{version}")
        return server.fresh

    return on_postgres


SHARED = {
    "sqlite-in-a-file": in_a_file,
    "postgresql-18": on_server("18"),
    "postgresql-15": on_server("15"),
}
"""Those that several catalogs, of one process or many, may have open at once."""

DATABASES = {"sqlite-in-memory": in_memory, **SHARED}


@pytest.fixture(params=DATABASES.values(), ids=DATABASES.keys())
def fresh(request: pytest.FixtureRequest) -> Fresh:
    return request.param(request)


@pytest.fixture
async def catalog(fresh: Fresh) -> AsyncIterator[Catalog]:
    catalog = open_catalog(fresh())
    yield catalog
    await catalog.close()


@pytest.fixture(params=SHARED.values(), ids=SHARED.keys())
def shared(request: pytest.FixtureRequest) -> Fresh:
    return request.param(request)


@pytest.fixture
async def pair(shared: Fresh) -> AsyncIterator[list[Catalog]]:
    """Two catalogs on the same database."""
    url = shared()
    catalogs = [open_catalog(url), open_catalog(url)]
    yield catalogs
    for catalog in catalogs:
        await catalog.close()


class TestUploads(CatalogOfUploads):
    pass


class TestFiles(CatalogOfFiles):
    pass


class TestRoom(CatalogOfRoom):
    pass


class TestLists(CatalogOfLists):
    pass


class TestUpkeep(CatalogOfUpkeep):
    pass


class TestReclaiming(CatalogOfReclaiming):
    pass


class TestKeys(CatalogOfKeys):
    pass


class TestTenants(CatalogOfTenants):
    pass


class TestRaces(CatalogRaces):
    pass


class TestSharedRaces(SharedCatalogRaces):
    pass


def test_it_agrees_with_a_model_in_every_story(fresh: Fresh) -> None:
    machine = type("Machine", (CatalogMachine,), {"fresh": staticmethod(fresh)})
    short = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,  # a busy machine is not a wrong one
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(machine, settings=short)
