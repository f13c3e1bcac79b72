"""The servers of the contract's tests: one of each version for a whole run."""

from collections.abc import AsyncIterator, Iterator

import pytest

from heavylift.catalog.postgres import Postgres
from heavylift.catalog.postgres_url import parse
from heavylift.catalog.sql import SqlCatalog
from tests.contract.engines_postgres import Server, running
from tests.contract.postgres_rig import Open, nobody_connected


@pytest.fixture(scope="session")
def postgres_18() -> Iterator[Server]:
    with running("18") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[Server]:
    with running("15") as server:
        yield server


@pytest.fixture
def url(postgres_18: Server) -> str:
    """A migrated, empty database."""
    return postgres_18.fresh()


@pytest.fixture
async def opened(url: str, postgres_18: Server) -> AsyncIterator[Open]:
    """Opens the database with its driver in our hands. Nothing may be left of it in the end."""
    drivers = []

    def open_parts(**options: float) -> tuple[SqlCatalog, Postgres]:
        driver = Postgres(parse(url), **options)
        drivers.append(driver)
        return SqlCatalog(driver), driver

    yield open_parts
    for driver in drivers:
        await driver.close()
    await nobody_connected(postgres_18, url)
