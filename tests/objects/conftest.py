"""The object stores of these tests: one of each kind for a whole run."""

from collections.abc import Iterator

import pytest

from tests.objects import emulators, engines
from tests.objects.engines import ObjectStore


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with engines.seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        yield store


@pytest.fixture(scope="session")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with engines.poor(tmp_path_factory.mktemp("rclone")) as store:
        yield store


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with emulators.google(tmp_path_factory.mktemp("google")) as store:
        yield store


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with emulators.azurite(tmp_path_factory.mktemp("azurite")) as store:
        yield store
