"""The lane's way out: what a thread does to send a head, and stretches of open files behind it."""

import os
import socket
import time
from collections.abc import Iterator
from typing import Final

from heavylift.api.body import ClientGone
from heavylift.api.turns import TURN, Turn
from heavylift.domain.files import Span
from heavylift.domain.limits import MIB
from heavylift.service.abilities import OpenBlob
from heavylift.service.ports import StorageDown

Piece = tuple[OpenBlob, Span]
"""A stretch of an open file."""

SLICE: Final = 4 * MIB
"""Bytes of one sendfile call."""


class Writer:
    """Pushes an answer into a socket that does not block, until it takes no more.

    The head leaves once the first file is open, in one packet with its first bytes.
    `moved` is when something was sent last, by the monotonic clock in seconds.
    """

    def __init__(self, connection: socket.socket, head: bytes, pieces: Iterator[Piece]) -> None:
        self._connection = connection
        self.descriptor = connection.fileno()
        self._head = head
        self._pieces = pieces
        self._file: OpenBlob | None = None
        self._span = Span(0, 0)
        self.begun = False
        self.sent = 0
        self.moved = time.monotonic()

    def push(self) -> Turn:
        """Send on: to the end, until the socket is full, or until it is the turn of others.

        Raises ClientGone, StorageDown, and what `pieces` raises; the latter before anything is sent
        if it is the first of them.
        """
        end = self.sent + TURN
        while self.sent < end:
            if self._span.start == self._span.stop and not self._open_next():
                return Turn.DONE
            try:
                if not (self._push_head() and self._push_file()):
                    return Turn.BLOCKED
            except BlockingIOError:
                return Turn.BLOCKED
            except ConnectionError:
                raise ClientGone from None
        return Turn.USED_UP

    def _open_next(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._file, self._span = piece
        return True

    def _push_head(self) -> bool:
        """Whether all of it has gone."""
        if self._head:
            count = self._connection.send(self._head, socket.MSG_MORE)
            self.begun = True
            self._head = self._head[count:]
        return not self._head

    def _push_file(self) -> bool:
        """One call of sendfile. False if less has gone than could have: most likely the socket is full."""
        assert self._file is not None
        assert self._span.stop is not None
        size = min(SLICE, self._span.stop - self._span.start)
        count = os.sendfile(self.descriptor, self._file.descriptor, self._span.start, size)
        if not count:
            error = StorageDown(f"blob {self._file.key} is shorter than the catalog knows")
            error.blob = self._file.key
            raise error
        self._span = Span(self._span.start + count, self._span.stop)
        self.sent += count
        self.moved = time.monotonic()
        return count == size
