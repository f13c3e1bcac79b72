"""A thousand clients that ask for a File and read nothing: what that costs a server over an object store."""

import socket
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.sockets import connected, head
from tests.e2e.wire import add_file, content_of, refused, speaking
from tests.objects.engines import BUCKET, ObjectStore
from tests.objects.test_memory import peak
from tests.serving import serving

pytestmark = pytest.mark.xdist_group("heavy")

CLIENTS = 1_000
MOST_RSS = 500 * 10**6
SIZE = 48 * 2**20


@pytest.mark.timeout(600)
def test_a_thousand_clients_that_read_nothing_fit_and_are_as_many_as_are_let_in(
    seaweed: ObjectStore, tmp_path: Path
) -> None:
    env = {**seaweed.environment(), "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{uuid4().hex}",
           "HEAVYLIFT_MAX_PROJECT_DOWNLOADS": str(CLIENTS), "HEAVYLIFT_IDLE_TIMEOUT": "600",
           "HEAVYLIFT_ORPHAN_GRACE": "7200"}  # fmt: skip
    with (
        serving(tmp_path, env=env) as served,
        speaking(served.url, served.key) as api,
        ExitStack() as ways,
    ):
        file = add_file(api, bytes(SIZE))["id"]
        idle: list[socket.socket] = []
        for _ in range(CLIENTS):
            idle.append(ways.enter_context(connected(served.port)))
            idle[-1].settimeout(120)
            idle[-1].sendall(head("GET", f"/v1/files/{file}/content", served.key))
        for one in idle:  # each has its answer before it
            assert one.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 200"
        refused(api.get(f"/files/{file}/content"), 503, code="overloaded", param=None)
        print(f"peak of {CLIENTS} idle readers: {peak(served) / 1e6:.0f} MB")
        assert peak(served) < MOST_RSS
        ways.close()
        while (
            answer := api.get(f"/files/{file}/content", headers={"Range": "bytes=0-9"})
        ).status_code == 503:
            pass  # it takes a moment until the server sees that they have left
        assert answer.content == bytes(10)
        assert content_of(api, file) == bytes(SIZE)
