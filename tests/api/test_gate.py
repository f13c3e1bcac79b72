"""The gate: how many bodies are inside, and how it closes."""

import asyncio
from contextlib import ExitStack

import pytest

from heavylift.api.gate import Gate
from heavylift.domain.errors import Overloaded, ShuttingDown


def test_as_many_as_fit_go_in_and_the_next_waits_outside() -> None:
    gate = Gate(2)
    with ExitStack() as inside:
        inside.enter_context(gate.enter())
        inside.enter_context(gate.enter())
        with pytest.raises(Overloaded, match="2 bodies") as refused, gate.enter():
            pytest.fail("it went in")
        assert refused.value.retry_after >= 1
    with gate.enter():
        pass


def test_who_fails_inside_goes_out_too() -> None:
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), gate.enter():
            raise ValueError("broken")


async def test_an_empty_gate_closes_at_once_and_stays_closed() -> None:
    gate = Gate(1)
    assert not gate.closed
    assert await gate.close(0.0)
    assert gate.closed
    with pytest.raises(ShuttingDown) as refused, gate.enter():
        pytest.fail("it went in")
    assert refused.value.retry_after >= 1
    assert await gate.close(0.0)


async def test_closing_waits_for_those_inside_and_lets_nobody_else_in() -> None:
    gate = Gate(5)
    with ExitStack() as inside:
        inside.enter_context(gate.enter())
        closing = asyncio.create_task(gate.close(20.0))
        while not gate.closed:
            await asyncio.sleep(0)
        with pytest.raises(ShuttingDown), gate.enter():
            pytest.fail("it went in")
        assert not closing.done()
    assert await closing


async def test_closing_gives_up_when_the_grace_is_over() -> None:
    gate = Gate(5)
    with gate.enter():
        assert not await gate.close(0.01)
