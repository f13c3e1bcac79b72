"""Bodies of answers, past the HTTP library and by it, over real sockets."""

import asyncio
import gzip
import random
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heavylift import AsyncHeavylift, Heavylift, RequestOptions, RetryConfig, errors
from heavylift.client.drivers.reading import Straight
from tests.support.stand_in import Handler, StandIn, stand_in_server

CONTENT = random.Random(9).randbytes(3_000_001)
NO_RETRIES = RequestOptions(timeout_ms=60_000, retries=RetryConfig("none"))
IMPATIENT = RequestOptions(timeout_ms=1500, retries=RetryConfig("none"))
"""A busy machine is late by more: only for an answer that never comes to its end."""

Fetch = Callable[..., list[bytes]]


def certified(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, by a certificate that is trusted once SSL_CERT_FILE names it."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture(params=["plain", "tls"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    tls = certified(tmp_path) if request.param == "tls" else None
    if tls is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with stand_in_server(tls) as stand_in:
        record: dict[str, Any] = {"id": "file-1", "object": "file", "bytes": len(CONTENT), "created_at": 1}
        stand_in.files["file-1"] = record | {"filename": "a.bin", "purpose": "user_data"}, CONTENT
        yield stand_in


@pytest.fixture(params=["blocking", "asyncio"])
def fetch(request: pytest.FixtureRequest, server: StandIn, tmp_path: Path) -> Fetch:
    """The blocks of so many downloads in a row, by one client of its own."""
    setting: dict[str, Any] = {"api_key": "", "server_url": server.url, "state_folder": tmp_path}

    def blocking(size: int, times: int = 1, options: RequestOptions = NO_RETRIES) -> list[bytes]:
        with Heavylift(**setting) as client:
            content = client.files.download_file(file_id="file-1", options=options)
            return [block for _ in range(times) for block in content.blocks(size=size)]

    async def awaited(size: int, times: int = 1, options: RequestOptions = NO_RETRIES) -> list[bytes]:
        async with AsyncHeavylift(**setting) as client:
            content = client.files.download_file(file_id="file-1", options=options)
            return [block for _ in range(times) async for block in content.blocks(size=size)]

    def in_a_loop(size: int, **wishes: Any) -> list[bytes]:
        return asyncio.run(awaited(size, **wishes))

    return blocking if request.param == "blocking" else in_a_loop


def answers(server: StandIn, answer: Callable[[Handler], None]) -> None:
    """What the server says to whoever asks for content."""

    def fault(handler: Handler) -> bool:
        if not handler.path.endswith("/content"):
            return False
        answer(handler)
        return True

    server.faults = [fault]


def begin(handler: Handler, **headers: str) -> None:
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


@pytest.mark.parametrize("size", [1000, 65_536, 262_144, 3_000_001, 4_000_000])
def test_blocks_have_the_size_that_was_asked_for(fetch: Fetch, size: int):
    blocks = fetch(size)
    assert b"".join(blocks) == CONTENT
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert 0 < len(blocks[-1]) <= size
    assert {type(block) for block in blocks} == {bytes}


def test_the_connection_is_kept_for_the_next_answer(fetch: Fetch, server: StandIn):
    callers = set()
    server.faults = [lambda handler: bool(callers.add(handler.client_address))]  # type: ignore[func-returns-value]
    assert b"".join(fetch(262_144, times=3)) == CONTENT * 3
    assert len(callers) == 1


def test_a_body_that_is_cut_is_a_broken_connection(fetch: Fetch, server: StandIn):
    def cut(handler: Handler) -> None:
        begin(handler, Content_Length=str(len(CONTENT)))
        handler.wfile.write(CONTENT[:2_000_000])
        handler.close_connection = True

    answers(server, cut)
    with pytest.raises(errors.ConnectionError, match=r"broke.*received 2000000 bytes, expected 3000001"):
        fetch(262_144)


def test_a_body_that_stands_still_is_a_time_out(fetch: Fetch, server: StandIn):
    let_go = threading.Event()

    def stand_still(handler: Handler) -> None:
        begin(handler, Content_Length=str(len(CONTENT)))
        handler.wfile.write(CONTENT[:2_000_000])
        let_go.wait(60)
        handler.close_connection = True

    answers(server, stand_still)
    try:
        with pytest.raises(errors.RequestTimeoutError, match="ReadTimeout"):
            fetch(262_144, options=IMPATIENT)
    finally:
        let_go.set()


def test_a_proxys_compression_is_undone(fetch: Fetch, server: StandIn):
    packed = gzip.compress(CONTENT, compresslevel=0)

    def compressed(handler: Handler) -> None:
        begin(handler, Content_Length=str(len(packed)), Content_Encoding="gzip")
        handler.wfile.write(packed)

    answers(server, compressed)
    assert b"".join(fetch(262_144, times=2)) == CONTENT * 2


def test_a_body_of_unknown_length_is_read_to_its_end(fetch: Fetch, server: StandIn):
    def chunked(handler: Handler) -> None:
        begin(handler, Transfer_Encoding="chunked")
        for at in range(0, len(CONTENT), 300_000):
            piece = CONTENT[at : at + 300_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    answers(server, chunked)
    assert b"".join(fetch(262_144, times=2)) == CONTENT * 2


def test_the_insides_of_the_http_library_are_those_that_the_straight_way_knows(server: StandIn):
    with httpx2.Client() as http, http.stream("GET", f"{server.url}/files/file-1/content") as answer:
        given = len(next(answer.iter_raw()))
        assert Straight.after(answer, given + 1) is None
        rest = Straight.after(answer, given)
        assert rest is not None
        assert rest.most(10**9) == len(CONTENT) - given


def test_an_answer_without_a_connection_has_no_straight_way():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=CONTENT))
    with httpx2.Client(transport=transport) as http, http.stream("GET", "http://server.test/") as answer:
        assert Straight.after(answer, 1000) is None
