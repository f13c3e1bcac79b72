"""A download that its client breaks off is everyday business: 499 in the log, and no word of a failure."""

import socket
import struct
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.sockets import connected, head
from tests.e2e.wire import create, eventually, good, speaking
from tests.serving import Served, serving

MIB = 1024 * 1024
SIZE = 24 * MIB

WAYS = {"lane": {"HEAVYLIFT_LANE": "true"}, "plain": {"HEAVYLIFT_LANE": "false"}}

TIMES = {0: 40, 64 * 1024: 40, MIB: 20, 8 * MIB: 4}
"""How many clients leave after so many bytes. More is left than the kernel holds on both sides: what it
has taken whole counts as sent."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send a reset."""


@pytest.fixture(params=WAYS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp(request.param), env=WAYS[request.param]) as served:
        yield served


def stored(served: Served) -> str:
    with speaking(served.url, served.key) as api:
        upload = create(api, SIZE)["id"]
        headers = {"Content-Type": "application/octet-stream"}
        part = good(api.post(f"/uploads/{upload}/parts", content=bytes(SIZE), headers=headers))["id"]
        return str(good(api.post(f"/uploads/{upload}/complete", json={"part_ids": [part]}))["file"]["id"])


def leave_after(served: Served, path: str, taken: int, *, reset: bool) -> None:
    with connected(served.port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.sendall(head("GET", path, served.key))
        while taken > 0:
            got = len(connection.recv(min(taken, MIB)))
            assert got, "the server was first to leave"
            taken -= got


def requests(served: Served, path: str) -> list[dict[str, object]]:
    return [line for line in served.told("request") if line["path"] == path]


def test_who_leaves_in_the_middle_is_a_499_and_no_failure(served: Served) -> None:
    path = f"/v1/files/{stored(served)}/content"
    left = 0
    for taken, times in TIMES.items():
        for number in range(times):
            leave_after(served, path, taken, reset=bool(number % 2))
            left += 1
    eventually(lambda: len(requests(served, path)) == left)
    found = requests(served, path)
    assert Counter((line["status"], line["level"]) for line in found) == {(499, "info"): left}
    assert not [line for line in served.lines if "request.failed" in line or "Traceback" in line]
