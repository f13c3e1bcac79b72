"""What the workers of one service tell each other: how many connections and bodies each of them has.

A few numbers in memory that all of them share. Each writes its own row only; what one reads of
another's may be a moment old, which is good enough for what is decided by it.
"""

import mmap
import os
import tempfile
from typing import Self

ACCEPTING, CONNECTIONS, BODIES = range(3)
COLUMNS = 3
CELL = 8
"""Bytes of a number: written and read at once on every machine that this runs on."""


class Board:
    """`seats` rows. `descriptor` is how another process finds the same ones; it stays open."""

    def __init__(self, descriptor: int, seats: int) -> None:
        self.descriptor, self.seats = descriptor, seats
        self._memory = mmap.mmap(descriptor, seats * COLUMNS * CELL)
        self._cells = memoryview(self._memory).cast("q")

    @classmethod
    def new(cls, seats: int) -> Self:
        """An empty one."""
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), seats * COLUMNS * CELL)
            return cls(os.dup(file.fileno()), seats)

    def seat(self, number: int) -> "Seat":
        """That row, to write into."""
        return Seat(self, number)

    def clear(self, number: int) -> None:
        """Nobody sits there any more."""
        for column in range(COLUMNS):
            self.put(number, column, 0)

    def get(self, number: int, column: int) -> int:
        """One number."""
        return self._cells[number * COLUMNS + column]

    def put(self, number: int, column: int, value: int) -> None:
        """Write one."""
        self._cells[number * COLUMNS + column] = value


class Seat:
    """One worker's row, and its look at the others'."""

    def __init__(self, board: Board, number: int) -> None:
        self._board, self._number = board, number
        self._others = [other for other in range(board.seats) if other != number]

    def accepts(self, accepting: bool) -> None:
        """Say whether new connections may come here."""
        self._board.put(self._number, ACCEPTING, int(accepting))

    def connections(self, count: int) -> None:
        """Say how many there are."""
        self._board.put(self._number, CONNECTIONS, count)

    def bodies(self, count: int) -> None:
        """Say how many are being received."""
        self._board.put(self._number, BODIES, count)

    def is_ahead(self) -> bool:
        """Whether another that accepts has fewer connections than this one."""
        board = self._board
        mine = board.get(self._number, CONNECTIONS)
        return any(
            board.get(other, ACCEPTING) and board.get(other, CONNECTIONS) < mine for other in self._others
        )

    def bodies_elsewhere(self) -> int:
        """How many the others receive together."""
        return sum(self._board.get(other, BODIES) for other in self._others)
