"""Who is refused and falls silent, but has not taken the answer yet."""

import asyncio
from typing import Any

import pytest

from heavylift.api.server import bounds
from heavylift.api.server.states import State
from tests.api.test_states import LARGE, post, refuse, speaking


@pytest.mark.parametrize("lines", [(), (b"Connection: close",)], ids=["linger", "drain"])
async def test_who_falls_silent_still_gets_the_answer_that_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, lines: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(bounds, "LINGER_STILL", 0.01)
    spoken, cut = speaking(refuse), asyncio.Event()
    write = spoken.transport.write

    def fill(data: Any) -> None:
        write(data)
        spoken.connection.pause_writing()

    monkeypatch.setattr(spoken.transport, "write", fill)
    monkeypatch.setattr(spoken.transport, "abort", cut.set)
    await spoken.say(post(LARGE, *lines))
    assert (await spoken.answer())[0] == 413
    while not cut.is_set() and not spoken.transport.closing:
        await asyncio.sleep(0)
    assert not cut.is_set()
    assert spoken.connection.state is State.CLOSED
