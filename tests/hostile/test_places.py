"""Tenants who take every place for bodies: with Parts that trickle, with JSON that never ends."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

from tests.e2e.sockets import answer, connected, head, part_under_way
from tests.e2e.wire import create, refused
from tests.hostile.siege import MIB, besieged, is_served, speaking_as

PLACES = 16


def answered(connections: Sequence[socket.socket], *, least: int) -> list[socket.socket]:
    """Those that have an answer waiting, once there are so many."""
    found: set[int] = set()
    with DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection, EVENT_READ, number)
        while len(found) < least:
            ready = selector.select(60.0)
            assert ready, f"{len(found)} of {least} were answered"
            found |= {key.data for key, _ in ready}
    return [connections[number] for number in sorted(found)]


def test_parts_that_trickle_on_every_place_make_way_for_another_tenant(tmp_path: Path) -> None:
    with besieged(tmp_path, max_bodies=PLACES) as (served, key), ExitStack() as stack:
        with speaking_as(served, key) as hostile:
            upload = create(hostile, PLACES * MIB)["id"]
        trickling = [
            stack.enter_context(part_under_way(served.port, key, upload, b"x" * 6, bytes(MIB)))
            for _ in range(PLACES)
        ]
        is_served(served)
        [out] = answered(trickling, least=1)
        found = answer(out)
        assert int(found.headers["retry-after"]) >= 1
        refused(found, 503, code="overloaded", param=None, says="give way")
        for line in trickling:
            line.close()


def test_the_share_of_each_tenant_is_the_same_when_both_want_all(tmp_path: Path) -> None:
    with besieged(tmp_path, max_bodies=PLACES) as (served, key), ExitStack() as stack:
        under_way = {}
        for owner in (key, served.key):
            with speaking_as(served, owner) as client:
                upload = create(client, PLACES * MIB)["id"]
            under_way[owner] = [
                stack.enter_context(part_under_way(served.port, owner, upload, b"x" * 6, bytes(MIB)))
                for _ in range(PLACES if owner == key else PLACES // 2)
            ]
        assert len(answered(under_way[key], least=PLACES // 2)) == PLACES // 2
        for line in under_way[key]:
            line.close()
        for line in under_way[served.key]:
            line.sendall(bytes(MIB))
            assert answer(line).status_code == 200


def test_json_that_never_ends_holds_little_memory_and_locks_nobody_out(tmp_path: Path) -> None:
    piece = b'{"part_ids": [' + b" " * (900 * 1024)
    with besieged(tmp_path, max_bodies=PLACES) as (served, key), ExitStack() as stack:
        lines = [stack.enter_context(connected(served.port)) for _ in range(10 * PLACES)]
        for line in lines:
            line.sendall(head("POST", "/v1/uploads/upload_x/complete", key, Content_Length=MIB) + piece)
        for line in answered(lines, least=9 * PLACES):
            refused(answer(line), 503, code="overloaded", param=None)
        is_served(served)
        for line in lines:
            line.close()
