"""What the supervisor decides by counting: pauses, patience, and who takes the next connection."""

from heavylift.api.running.board import Board
from heavylift.api.running.supervisor import LONGEST_PAUSE, STEADY, Pauses


def test_pauses_double_up_to_a_bound_and_end_with_a_worker_that_had_served() -> None:
    pauses = Pauses()
    assert [pauses.after(0) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert [pauses.after(STEADY - 1) for _ in range(9)][-1] == LONGEST_PAUSE
    assert pauses.after(STEADY) == 0.0
    assert pauses.after(0) == 0.5


def test_who_has_more_connections_than_another_that_accepts_is_ahead() -> None:
    board = Board.new(3)
    first, second, _ = (board.seat(number) for number in range(3))
    first.accepts(True)
    first.connections(1)
    assert not first.is_ahead()  # nobody else accepts
    second.accepts(True)
    assert first.is_ahead()
    assert not second.is_ahead()
    second.connections(1)
    assert not first.is_ahead()
    second.connections(0)
    second.accepts(False)
    assert not first.is_ahead()


def test_another_process_sees_the_same_board() -> None:
    board = Board.new(2)
    same = Board(board.descriptor, 2)
    board.seat(1).bodies(7)
    assert same.seat(0).bodies_elsewhere() == 7
    same.clear(1)
    assert board.seat(0).bodies_elsewhere() == 0
