"""Tenants whose JSON bodies are dear to take apart: a megabyte with a mistake in each of its entries."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.sockets import answer, connected, head
from tests.e2e.wire import create, refused
from tests.hostile.siege import MIB, besieged, is_served, speaking_as

CLIENTS, ROUNDS = 4, 5

WRONG = {
    "numbers for ids": b'{"part_ids":[' + b"0," * 520_000 + b"0]}",
    "a field in each entry": b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}",
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_body_that_is_wrong_all_over_is_refused_at_its_first_fault(tmp_path: Path, body: bytes) -> None:
    assert len(body) < MIB + 100_000
    with besieged(tmp_path, max_json_bytes=2 * MIB) as (served, key), ExitStack() as stack:
        with speaking_as(served, key) as hostile:
            upload = create(hostile, 10)["id"]
        request = head("POST", f"/v1/uploads/{upload}/complete", key, Content_Length=len(body)) + body
        for _ in range(ROUNDS):
            lines = [stack.enter_context(connected(served.port)) for _ in range(CLIENTS)]
            for line in lines:
                line.sendall(request)
            is_served(served)
            for line in lines:
                found = answer(line)
                param = found.json()["error"]["param"]
                message = refused(found, 400, code=found.json()["error"]["code"], param=param)
                assert len(message) < 500
