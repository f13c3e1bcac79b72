"""The gate: how many bodies are inside, and how it is shut."""

from contextlib import ExitStack

import pytest

from heavylift.api.gate import Gate
from heavylift.api.running.board import Board
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


def test_a_gate_that_is_shut_lets_nobody_in_and_those_inside_go_on() -> None:
    gate = Gate(5)
    with gate.enter():
        assert not gate.closed
        gate.shut()
        assert gate.closed
        with pytest.raises(ShuttingDown) as refused, gate.enter():
            pytest.fail("it went in")
        assert refused.value.retry_after >= 1
    with pytest.raises(ShuttingDown):
        gate.check()


def test_workers_count_together_so_that_nobody_is_refused_beside_an_idle_one() -> None:
    board = Board.new(3)
    gates = [Gate(2), Gate(2)]
    for number, gate in enumerate(gates):
        gate.share(board.seat(number), workers=2)
    with ExitStack() as inside:
        for _ in range(4):
            inside.enter_context(gates[0].enter())
        with pytest.raises(Overloaded, match="4 bodies"), gates[1].enter():
            pytest.fail("it went in")
        board.clear(0)  # that worker died
        inside.enter_context(gates[1].enter())
