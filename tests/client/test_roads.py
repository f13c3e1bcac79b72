"""The road to a server: proxies, certificates, refused connections, odd answers; real sockets."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx2
import pytest

from heavylift import AsyncHeavylift, Heavylift
from heavylift.client import errors
from heavylift.client.calls import Request
from heavylift.client.hooks import HookContext, Hooks
from heavylift.client.retries import BackoffStrategy, RetryConfig
from tests.ports import closed_port
from tests.support.answers import Answer
from tests.support.stand_in import StandIn, stand_in_server

PROXIES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)
ONCE = RetryConfig("none")
FILE = {"id": "file-1", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "user_data"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no proxy and no certificates."""
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in_server() as stand_in:
        yield stand_in


@pytest.fixture
def shut() -> Iterator[int]:
    """A port of loopback on which nobody listens, and nobody else will."""
    with closed_port() as port:
        yield port


def retrieve(url: str, folder: Path, **settings: object) -> object:
    with Heavylift(server_url=url, api_key="k", state_folder=folder, **settings) as client:  # type: ignore[arg-type]
        return client.files.retrieve_file(file_id="file-1")


def test_a_loopback_server_that_is_not_there_is_given_up_at_once(
    tmp_path: Path, shut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("threading.Event.wait", lambda self, seconds=None: pauses.append(seconds) or False)
    with pytest.raises(errors.ConnectionError, match=f"127.0.0.1:{shut}") as caught:
        retrieve(f"http://127.0.0.1:{shut}/v1", tmp_path)
    assert (caught.value.refused, caught.value.reached, pauses) == (True, False, [])


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_dead_proxy_is_named_as_the_proxy(
    tmp_path: Path, shut: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://user:secret@127.0.0.1:{shut}")
    with pytest.raises(
        errors.ConnectionError, match=f"proxy http://127.0.0.1:{shut} .named by {variable}"
    ) as caught:
        retrieve("http://service.test/v1", tmp_path, retry_config=ONCE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_never_asked_through_a_proxy(
    tmp_path: Path, shut: int, server: StandIn, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for variable in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{shut}")
    server.answers("GET /files/file-1", Answer(body=json.dumps(FILE).encode()))
    retrieve(server.url.replace("127.0.0.1", host), tmp_path, retry_config=ONCE)


def test_a_kind_of_proxy_that_is_not_spoken_is_named_with_the_cure(
    tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(errors.InvalidRequestError, match=r"ALL_PROXY names the proxy socks5.*NO_PROXY"):
        Heavylift(server_url="http://service.test/v1", api_key="k")
    monkeypatch.setenv("NO_PROXY", "service.test")
    Heavylift(server_url="http://service.test/v1", api_key="k").close()
    Heavylift(server_url=server.url, api_key="k").close()


@pytest.mark.parametrize(
    ("idle", "address"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTPS_PROXY", "ftp://x")]
)
def test_a_kind_of_proxy_that_is_not_needed_does_not_matter(
    shut: int, monkeypatch: pytest.MonkeyPatch, idle: str, address: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(idle, address)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{shut}")
    with pytest.raises(errors.ConnectionError, match=f"proxy http://127.0.0.1:{shut}"):
        retrieve("http://service.test/v1", tmp_path, retry_config=ONCE)


def test_a_proxy_without_a_valid_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:eighty")
    with pytest.raises(errors.InvalidRequestError, match="HTTP_PROXY"):
        Heavylift(server_url="http://service.test/v1", api_key="k")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_matter_for_https_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "gone"))
    Heavylift(server_url="http://127.0.0.1:1/v1", api_key="k").close()
    with pytest.raises(errors.InvalidRequestError, match=f"{variable} names .*gone"):
        Heavylift(server_url="https://127.0.0.1:1/v1", api_key="k")


def test_a_certificate_file_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "junk.pem"))
    with pytest.raises(errors.InvalidRequestError, match=r"junk\.pem cannot be read"):
        Heavylift(server_url="https://127.0.0.1:1/v1", api_key="k")


CODED = {"content-type": "application/json", "content-encoding": "gzip"}


@cache
def bomb() -> bytes:
    """Made once, by who runs a test with it, not by all who collect the tests."""
    return gzip.compress(b" " * 300_000_000, 9)


@pytest.mark.parametrize("status", [200, 500])
def test_a_small_answer_that_unfolds_without_end_costs_no_memory(
    tmp_path: Path, server: StandIn, status: int
) -> None:
    server.answers("GET /files/file-1", Answer(status=status, headers=CODED, body=bomb()))
    tracemalloc.start()
    try:
        with pytest.raises(errors.SDKError):
            retrieve(server.url, tmp_path, retry_config=ONCE)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_that_a_proxy_has_coded_is_read(tmp_path: Path, server: StandIn) -> None:
    server.answers("GET /files/file-1", Answer(headers=CODED, body=gzip.compress(json.dumps(FILE).encode())))
    assert retrieve(server.url, tmp_path, retry_config=ONCE).id == "file-1"  # type: ignore[attr-defined]
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_a_failure_whose_body_cannot_be_read_is_retried_by_its_status(
    tmp_path: Path, server: StandIn, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.Event.wait", lambda self, seconds=None: False)
    broken = Answer(status=503, headers={"content-encoding": coding}, body=b"\x0b\x02\x80")
    server.answers("GET /files/file-1", broken, Answer(body=json.dumps(FILE).encode()))
    assert retrieve(server.url, tmp_path).id == "file-1"  # type: ignore[attr-defined]


def test_a_header_that_is_not_ascii_does_no_harm(tmp_path: Path, server: StandIn) -> None:
    odd = Answer(headers={"x-name": "\xe9t\xe9"}, body=json.dumps(FILE).encode())
    server.answers("GET /files/file-1", odd)
    assert retrieve(server.url, tmp_path, retry_config=ONCE).id == "file-1"  # type: ignore[attr-defined]


class Taking(httpx2.AsyncBaseTransport):
    """Takes a body as it is given out, and notes the sizes of its pieces."""

    def __init__(self) -> None:
        self.pieces: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        self.pieces += [len(piece) async for piece in request.stream]
        part = {"id": "part_1", "created_at": 1, "upload_id": "upload_1", "object": "upload.part"}
        return httpx2.Response(200, json=part)


@pytest.mark.parametrize(("patience", "most"), [(1000, 4096), (120_000, 256 * 1024)])
def test_what_goes_out_at_once_fits_the_patience(tmp_path: Path, patience: int, most: int) -> None:
    """The asynchronous library's time-out is that of a whole piece: 256 KiB a second is no slow line."""
    taking = Taking()

    async def send() -> None:
        async with httpx2.AsyncClient(transport=taking) as http:
            client = AsyncHeavylift(
                server_url="http://a.test/v1", api_key="k", timeout_ms=patience, state_folder=tmp_path,
                http_client=http,
            )  # fmt: skip
            await client.uploads.add_upload_part(upload_id="upload_1", data=b"x" * 1_000_000)

    asyncio.run(send())
    assert max(taking.pieces) == most
    assert sum(taking.pieces) > 1_000_000


def test_what_the_user_says_of_patience_wins(tmp_path: Path, shut: int) -> None:
    class Enough(Exception):
        pass

    class Counting(Hooks):
        def before_request(self, context: HookContext, request: Request) -> Request:
            if context.attempt == 3:
                raise Enough
            return request

    patient = RetryConfig(backoff=BackoffStrategy(initial_interval=1, max_interval=1))
    with pytest.raises(Enough):
        retrieve(f"http://127.0.0.1:{shut}/v1", tmp_path, retry_config=patient, hooks=[Counting()])
