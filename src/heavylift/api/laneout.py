"""The lane's way out: what a thread does to send stretches of open files."""

import os
import select
from collections.abc import Iterator
from typing import BinaryIO, Final

from heavylift.api.body import ClientGone
from heavylift.api.turns import LINGER_MS, TURN, Turn
from heavylift.domain.files import Span
from heavylift.domain.limits import MIB
from heavylift.service.ports import StorageDown

Piece = tuple[BinaryIO, Span]
"""A stretch of an open file."""

SLICE: Final = 4 * MIB
"""Bytes of one sendfile call."""


class Writer:
    """What a thread does: push files into the socket until it takes no more."""

    def __init__(self, descriptor: int, pieces: Iterator[Piece]) -> None:
        self._descriptor = descriptor
        self._pieces = pieces
        self._file: BinaryIO | None = None
        self._span = Span(0, 0)
        self.sent = 0
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def push(self) -> Turn:
        """Send on: to the end, until the socket is full, or until others wait."""
        end = self.sent + TURN
        while self.sent < end:
            if self._span.start == self._span.stop and not self._open_next():
                return Turn.DONE
            if not self._push_some():
                return Turn.BLOCKED
        return Turn.USED_UP

    def _open_next(self) -> bool:
        piece = next(self._pieces, None)
        if piece is not None:
            self._file, self._span = piece
        return piece is not None

    def _push_some(self) -> bool:
        """One call of sendfile. False if the socket stays full for longer than a thread may wait."""
        assert self._file is not None
        assert self._span.stop is not None
        size = min(SLICE, self._span.stop - self._span.start)
        try:
            count = os.sendfile(self._descriptor, self._file.fileno(), self._span.start, size)
        except BlockingIOError:
            return bool(self._poll.poll(LINGER_MS))
        except ConnectionError:
            raise ClientGone from None
        if not count:
            raise StorageDown(f"{self._file.name} is shorter than the catalog knows")
        self._span = Span(self._span.start + count, self._span.stop)
        self.sent += count
        return True
