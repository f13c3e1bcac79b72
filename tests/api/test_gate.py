"""The gate: how many bodies are inside, who gives way, and how it is shut."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from heavylift.api.gate import Gate
from heavylift.api.running.board import Board
from heavylift.domain.errors import Overloaded, ShuttingDown
from tests.fakes import PATIENCE


async def test_as_many_as_fit_go_in_and_the_next_waits_outside() -> None:
    gate = Gate(2)
    async with AsyncExitStack() as inside:
        await inside.enter_async_context(gate.enter("a"))
        await inside.enter_async_context(gate.enter("a"))
        with pytest.raises(Overloaded, match="2 bodies") as refused:
            gate.enter("a")
        assert refused.value.retry_after >= 1
    async with gate.enter("a"):
        pass


async def test_who_fails_inside_goes_out_too() -> None:
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with gate.enter("a"):
                raise ValueError("broken")


async def test_bodies_and_documents_do_not_take_each_others_places() -> None:
    gate = Gate(1)
    async with gate.enter("a"), gate.enter_document("a"):
        for enter in (gate.enter, gate.enter_document):
            with pytest.raises(Overloaded):
                enter("a")


async def test_a_document_that_has_come_frees_its_place() -> None:
    gate = Gate(1)
    async with gate.enter_document("a") as first:
        first.arrived()
        async with gate.enter_document("a"):
            pass


async def test_a_body_that_gives_way_ends_with_a_refusal_and_the_other_takes_its_place() -> None:
    gate, inside = Gate(2), asyncio.Event()

    async def stay() -> None:
        async with gate.enter("a"), gate.enter("a"):
            inside.set()
            await asyncio.Event().wait()

    staying = asyncio.create_task(stay())
    async with asyncio.timeout(PATIENCE):
        await inside.wait()
        async with gate.enter("b"):
            with pytest.raises(Overloaded, match="give way") as refused:
                await staying
    assert refused.value.retry_after >= 1


async def test_who_gives_way_before_it_began_is_refused_all_the_same() -> None:
    gate = Gate(2)
    stays = [gate.enter("a") for _ in range(2)]
    async with gate.enter("b"):
        ended = []
        for stay in stays:
            try:
                async with stay:
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                ended.append("whole")
            except Overloaded:
                ended.append("refused")
    assert sorted(ended) == ["refused", "whole"]


async def test_being_cancelled_is_not_giving_way() -> None:
    gate, inside = Gate(1), asyncio.Event()

    async def stay() -> None:
        async with gate.enter("a"):
            inside.set()
            await asyncio.Event().wait()

    staying = asyncio.create_task(stay())
    await inside.wait()
    staying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await staying


async def test_a_gate_that_is_shut_lets_nobody_in_and_those_inside_go_on() -> None:
    gate = Gate(5)
    async with gate.enter("a"):
        assert not gate.closed
        gate.shut()
        assert gate.closed
        for enter in (gate.enter, gate.enter_document):
            with pytest.raises(ShuttingDown) as refused:
                enter("a")
            assert refused.value.retry_after >= 1
        async with gate.enter_document("a", ending=True):
            pass
    with pytest.raises(ShuttingDown):
        gate.check()


async def test_workers_count_together_so_that_nobody_is_refused_beside_an_idle_one() -> None:
    board = Board.new(3)
    gates = [Gate(2), Gate(2)]
    for number, gate in enumerate(gates):
        gate.share(board.seat(number), workers=2)
    async with AsyncExitStack() as inside:
        for _ in range(4):
            await inside.enter_async_context(gates[0].enter("a"))
        with pytest.raises(Overloaded, match="4 bodies"):
            gates[1].enter("a")
        board.clear(0)  # that worker died
        await inside.enter_async_context(gates[1].enter("a"))
