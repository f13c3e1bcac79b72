"""The servers of the contract's tests: one of each version for a whole run."""

from collections.abc import Iterator

import pytest

from tests.contract.engines_postgres import Server, running


@pytest.fixture(scope="session")
def postgres_18() -> Iterator[Server]:
    with running("18") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[Server]:
    with running("15") as server:
        yield server
