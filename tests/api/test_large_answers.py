"""How a large answer leaves: at once while what clients do not take has room for it, else by pieces."""

from typing import Any

import pytest

from heavylift.api.server.bounds import ANSWERS, PIECE
from tests.api.loopback import Spoken
from tests.api.test_states import speaking

BODY = bytes(4 * PIECE)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def large(scope: Any, receive: Any, send: Any) -> None:
    """An answer in one message, as a chunk of a File is."""
    headers = [(b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def watched(spoken: Spoken, monkeypatch: pytest.MonkeyPatch, *, stuck: bool = False) -> list[int]:
    """The bytes of each of its writes. A `stuck` client takes none of them."""
    writes: list[int] = []
    write = spoken.transport.write

    def watch(data: Any) -> None:
        writes.append(len(data))
        write(data)
        if stuck:
            spoken.connection.pause_writing()

    monkeypatch.setattr(spoken.transport, "write", watch)
    return writes


async def test_it_leaves_in_one_write_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = speaking(large)
    writes = watched(spoken, monkeypatch)
    await spoken.say(GET)
    assert (await spoken.answer())[2] == BODY
    assert len(writes) == 1
    assert spoken.connection._shared.answers.taken == 0


async def test_it_leaves_by_pieces_where_others_have_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = speaking(large)
    budget = spoken.connection._shared.answers
    assert budget.move(0, ANSWERS)
    writes = watched(spoken, monkeypatch)
    await spoken.say(GET)
    assert (await spoken.answer())[2] == BODY
    assert len(writes) == len(BODY) // PIECE
    assert budget.taken == ANSWERS


async def test_who_leaves_without_taking_it_gives_the_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = speaking(large)
    budget = spoken.connection._shared.answers
    writes = watched(spoken, monkeypatch, stuck=True)
    await spoken.say(GET)
    await spoken.settle_no_further()
    assert (len(writes), budget.taken) == (1, len(BODY))
    spoken.transport.close()
    await spoken.settle()
    assert budget.taken == 0
