"""Having a catalog to oneself, as who moves it must: beside no service, and of two at once one has it."""

from dataclasses import replace

import pytest

from heavylift.catalog import UnfitCatalog, postgres_schema, unserved
from heavylift.catalog.postgres_url import parse
from heavylift.service.ports import StorageDown
from tests.contract.engines_postgres import Server

IDLE = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'idle in transaction'"

HANG_UP = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('alone')}/catalog.sqlite"
    server: Server = request.getfixturevalue("postgres_18")
    return server.fresh()


def test_of_two_who_want_a_catalog_for_themselves_one_has_it(place: str) -> None:
    with unserved(place), pytest.raises(UnfitCatalog, match="served"), unserved(place):
        pytest.fail("two have it")
    with unserved(place):
        pass


def test_it_is_had_for_as_long_as_it_takes(postgres_18: Server) -> None:
    """Where the server would end a transaction in which nothing happens."""
    address = parse(postgres_18.fresh())
    impatient = f"{address.parameters['options']} -c idle_in_transaction_session_timeout=1ms"
    hasty = replace(address, parameters={**address.parameters, "options": impatient})
    with postgres_schema.unserved(hasty):
        for _ in range(10):  # each of them takes longer than that
            assert postgres_18.ask(IDLE, address.parameters["dbname"]) == [(1,)]


def test_whoever_was_not_alone_all_the_time_is_told_so_and_not_that_nothing_was_done(
    postgres_18: Server,
) -> None:
    url = postgres_18.fresh()
    with pytest.raises(StorageDown, match="is done, but meanwhile others may have"):
        disturbed(postgres_18, url)
    with pytest.raises(KeyError, match="its own"):  # what went wrong first is what is told
        disturbed(postgres_18, url, KeyError("its own"))
    with unserved(url):
        pass


def disturbed(server: Server, url: str, failure: Exception | None = None) -> None:
    """Something that should be alone, and loses its connection meanwhile. It may fail besides."""
    with unserved(url):
        assert server.ask(HANG_UP, parse(url).parameters["dbname"]) == [(True,)]
        if failure:
            raise failure
