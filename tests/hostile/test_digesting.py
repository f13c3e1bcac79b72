"""Tenants who have a large file read for its MD5 again and again, and do not wait for the answer."""

import json
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.e2e.sockets import answer, connected, head
from tests.e2e.wire import add_part, create, eventually, refused
from tests.hostile.siege import MIB, besieged, is_served, speaking_as
from tests.serving import Served

PARTS = 16
SIZE = PARTS * 16 * MIB


def read_by(served: Served) -> int:
    """Bytes that the server has read from files so far."""
    return int(psutil.Process(served.pid).io_counters().read_chars)


def complete_of(served: Served, key: str) -> bytes:
    """The request to complete an Upload of SIZE bytes with an MD5 that it does not have."""
    with speaking_as(served, key) as client:
        upload = create(client, SIZE)["id"]
        parts = [add_part(client, upload, bytes(SIZE // PARTS)) for _ in range(PARTS)]
    body = json.dumps({"part_ids": parts, "md5": "0" * 32}).encode()
    return head("POST", f"/v1/uploads/{upload}/complete", key, Content_Length=len(body)) + body


def test_whoever_asks_often_is_answered_out_of_one_reading(tmp_path: Path) -> None:
    with besieged(tmp_path) as (served, key), ExitStack() as stack:
        request = complete_of(served, key)
        before = read_by(served)
        lines = [stack.enter_context(connected(served.port)) for _ in range(20)]
        for line in lines:
            line.sendall(request)
        is_served(served)
        for line in lines:
            refused(answer(line), 400, code="md5_mismatch", param="md5")
        assert read_by(served) - before < 2 * SIZE


@pytest.mark.parametrize(
    ("reset", "lane"), [(False, True), (True, True), (False, False)], ids=["close", "reset", "close-plain"]
)
def test_nothing_is_read_to_its_end_for_clients_that_have_left(
    tmp_path: Path, reset: bool, lane: bool
) -> None:
    with besieged(tmp_path, lane=lane) as (served, key):
        request = complete_of(served, key)
        before = read_by(served)
        for left in range(1, 11):
            begun = read_by(served)  # nobody is read for now
            with connected(served.port) as line:
                line.sendall(request)
                eventually(lambda begun=begun: read_by(served) > begun + MIB)
                if reset:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            eventually(
                lambda left=left: [line["status"] for line in served.told("request")].count(499) == left
            )
        assert read_by(served) - before < 5 * SIZE
        is_served(served)
