"""Clients that take the first of a File over TLS, and then nothing: what they cost the server together."""

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.e2e.certificates import make_certificate
from tests.e2e.memory.test_memory import resident
from tests.e2e.sockets import connected, head
from tests.serving import Served, serving

pytestmark = pytest.mark.xdist_group("heavy")

READERS = 400
SIZE = 48 * 2**20
TAKEN = 2**20
MOST_GROWTH = 260 * 10**6


@pytest.mark.timeout(600)
def test_four_hundred_slow_readers_over_tls_fit_into_260_mb(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_certificate(chain, key)
    trusting = ssl.create_default_context(cafile=chain)
    options = ("--tls-cert", str(chain), "--tls-key", str(key))
    with (
        serving(tmp_path / "data", options=options, env={"HEAVYLIFT_IDLE_TIMEOUT": "600"}) as served,
        httpx2.Client(verify=trusting, headers={"Authorization": f"Bearer {served.key}"}, timeout=60) as api,
        ExitStack() as ways,
    ):
        form = {"data": {"purpose": "assistants"}, "files": {"file": ("big.txt", bytes(SIZE))}}
        file = api.post(f"{served.url}/files", timeout=120, **form).raise_for_status().json()["id"]
        before = resident(served)
        for _ in range(READERS):
            begin(ways, served, trusting, file)
        grown = resident(served) - before
        print(f"{READERS} slow readers over TLS: {grown / 1e6:.0f} MB, {grown / READERS / 1024:.0f} KiB each")
        assert grown < MOST_GROWTH
        url = f"{served.url}/files/{file}/content"
        assert api.get(url, headers={"Range": "bytes=0-9"}).content == bytes(10)


def begin(ways: ExitStack, served: Served, trusting: ssl.SSLContext, file: str) -> None:
    """Ask for the File, take the first of it, and keep the connection."""
    plain = ways.enter_context(connected(served.port))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    one = ways.enter_context(trusting.wrap_socket(plain, server_hostname="127.0.0.1"))
    one.settimeout(120)
    one.sendall(head("GET", f"/v1/files/{file}/content", served.key))
    left = TAKEN
    while left > 0:
        left -= len(one.recv(min(left, 65536)))
