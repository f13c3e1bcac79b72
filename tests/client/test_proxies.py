"""Which proxy is asked goes by each request's URL; what is wrong with one is told without its password."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from heavylift import AsyncHeavylift, Heavylift, RequestOptions, RetryConfig
from heavylift.client import errors
from tests.support.answers import Answer
from tests.support.stand_in import StandIn, stand_in_server

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
FILE = Answer(body=json.dumps({"id": "file-1", "bytes": 3}).encode())
THROUGH = "GET http://service.test/v1/files/file-1"
DEAD = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no proxy."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    """A server, and a proxy for those who ask it for a whole URL."""
    with stand_in_server() as stand_in:
        yield stand_in


def retrieve(driver: str, folder: Path, url: str, *, server_url: str | None = None, **given: object) -> str:
    options = RequestOptions(server_url=server_url, retries=RetryConfig("none"))
    arguments = {"server_url": url, "api_key": "k", "state_folder": folder, **given}

    async def awaited() -> str:
        async with AsyncHeavylift(**arguments) as client:  # type: ignore[arg-type]
            return (await client.files.retrieve_file(file_id="file-1", options=options)).id

    if driver == "awaited":
        return asyncio.run(awaited())
    with Heavylift(**arguments) as client:  # type: ignore[arg-type]
        return client.files.retrieve_file(file_id="file-1", options=options).id


@pytest.fixture(params=["blocking", "awaited"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_call_to_another_server_than_loopback_goes_through_its_proxy(
    driver: str, server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(THROUGH, FILE)
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    assert (
        retrieve(driver, tmp_path, "http://127.0.0.1:1/v1", server_url="http://service.test/v1") == "file-1"
    )


def test_a_call_to_loopback_goes_past_the_proxy_of_its_client(
    driver: str, server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers("GET /files/file-1", FILE)
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    assert retrieve(driver, tmp_path, "http://service.test/v1", server_url=server.url) == "file-1"


def test_a_redirect_goes_by_where_it_leads(
    driver: str, server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    elsewhere = Answer(status=302, headers={"location": "http://service.test/v1/files/file-1"})
    server.answers("GET /files/file-1", elsewhere)
    server.answers(THROUGH, FILE)
    assert retrieve(driver, tmp_path, server.url) == "file-1"


def test_a_kind_that_only_another_call_needs_is_told_by_that_call(
    driver: str, server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers("GET /files/file-1", FILE)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert retrieve(driver, tmp_path, server.url) == "file-1"
    with pytest.raises(errors.InvalidRequestError, match=r"ALL_PROXY names the proxy socks5.*NO_PROXY"):
        retrieve(driver, tmp_path, server.url, server_url="http://service.test/v1")


def test_a_clients_own_roads_are_not_taken_for_those_of_the_environment(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    refuse = httpx2.MockTransport(lambda request: (_ for _ in ()).throw(httpx2.ConnectError("no route")))
    with (
        httpx2.Client(transport=refuse, trust_env=False) as own,
        pytest.raises(errors.ConnectionError, match=r"connect to http://service\.test/v1/files/file-1"),
    ):
        retrieve("blocking", tmp_path, "http://service.test/v1", http_client=own)


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("http://me:sesame@127.0.0.1:eighty", "port"),
        ("http://me:sesame@[::1", "port"),
        ("http://me:ses/ame@127.0.0.1:80", "percent"),
        ("http://me:12/sesame@127.0.0.1:80", "percent"),
        ("me:sesame@", "host"),
        ("http://:sesame@:80", "host"),
        ("http://me:sesame@ho st:80", "host"),
        ("socks5://me:sesame@[::1", "port"),
    ],
)
def test_a_proxy_without_a_valid_url_is_told_by_its_variable_with_the_cure(
    address: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", address)
    with pytest.raises(errors.InvalidRequestError) as caught:
        Heavylift(server_url="http://service.test/v1", api_key="k")
    said = str(caught.value)
    scheme = address.partition("://")[0] if "://" in address else "http"
    assert f"HTTP_PROXY names the proxy {scheme}://***" in said
    assert wrong in said
    assert "http://HOST:PORT" in said
    assert not any(part in said for part in ("sesame", "ses", "ame@", "me:"))
