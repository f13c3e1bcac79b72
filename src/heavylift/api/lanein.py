"""The lane's way in: what a thread does to receive a body straight from the socket."""

import os
import select
from collections.abc import Callable
from typing import Final

from heavylift.api.body import ClientGone
from heavylift.api.turns import LINGER_MS, TURN, Turn
from heavylift.domain.limits import KIB

BUFFER: Final = 512 * KIB
"""Fits a core's second-level cache, so that what is checksummed and written is still warm.

A file is written in stretches that begin at a multiple of this: the page cache takes them in large
folios. With the envelope's odd length in front of each stretch, a Part costs a tenth more.
"""

Consume = Callable[[bytearray, int], int]
"""Takes the first n bytes of the buffer, which are overwritten after it returns. How many bytes of
payload they held."""


class Reader:
    """What a thread does: take what is in the socket, give it away in large pieces.

    `turn` in bytes: how much it takes before others have theirs.
    """

    def __init__(
        self,
        descriptor: int,
        buffer: bytearray,
        early: bytearray,
        left: int,
        consume: Consume,
        *,
        turn: int = TURN,
    ) -> None:
        self.descriptor = descriptor
        self.left = left
        self.read = 0
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._filled = 0
        self._full = BUFFER
        self._payload = 0
        self._early = early
        self._consume = consume
        self._turn = turn
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def drain(self) -> Turn:
        """Read on: to the end of the body, until there is nothing to read, or until others wait."""
        self._take_early()
        end = self.left - self._turn
        while self.left:
            if self.left <= end:
                return Turn.USED_UP
            room = self._view[self._filled : min(self._full, self._filled + self.left)]
            try:
                count = os.readv(self.descriptor, [room])
            except BlockingIOError:
                if self._poll.poll(LINGER_MS):
                    continue
                return Turn.BLOCKED
            except ConnectionError:
                raise ClientGone from None
            if not count:
                raise ClientGone
            self._filled += count
            self.left -= count
            self.read += count
            if self._filled == self._full:
                self._give()
        self._give()
        return Turn.DONE

    def _take_early(self) -> None:
        """What came with the head: into the buffer if there is room, so that the first write is large too."""
        early, self._early = self._early, bytearray()
        if len(early) > BUFFER // 2:
            self._hand_over(early, len(early))
        elif early:
            self._view[: len(early)] = early
            self._filled = len(early)

    def _give(self) -> None:
        count, self._filled = self._filled, 0
        if count:
            self._hand_over(self._buffer, count)

    def _hand_over(self, buffer: bytearray, count: int) -> None:
        self._payload += self._consume(buffer, count)
        self._full = BUFFER - self._payload % BUFFER
