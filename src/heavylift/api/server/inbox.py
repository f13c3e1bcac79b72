"""What a connection has sent and nobody has used yet; and what of it is thrown away."""

import re

from heavylift.api.server.bounds import LINGER_BYTES, LINGER_SECONDS, Budget
from heavylift.api.server.framing import Framing
from heavylift.api.server.heads import Cutter

_EMPTY_LINES = re.compile(rb"(?:\r\n)++")


class Inbox:
    """Bytes in the order in which they came. `unfinished` of them stand in the process's budget."""

    __slots__ = ("_budget", "_cutter", "data", "unfinished")

    def __init__(self, budget: Budget, head_bytes: int) -> None:
        self.data: bytes | bytearray = b""
        self.unfinished = 0
        self._budget = budget
        self._cutter = Cutter(head_bytes)

    def __len__(self) -> int:
        return len(self.data)

    def add(self, data: bytes) -> None:
        """More has come. A bytearray from the second piece on: who comes byte by byte is not copied."""
        if not self.data:
            self.data = data
            return
        if not isinstance(self.data, bytearray):
            self.data = bytearray(self.data)
        self.data += data

    def clear(self) -> int:
        """Forget all of it. How much that was."""
        count, self.data = len(self.data), b""
        self.count(0)
        return count

    def begins(self) -> bool:
        """Whether a head begins here. Empty lines before it mean nothing (RFC 9112, 2.2)."""
        if self.data[0] == 13 and (found := _EMPTY_LINES.match(self.data)):
            self.data = self.data[found.end() :]
        return bool(self.data) and self.data != b"\r"

    def cut(self) -> bytes | None:
        """The head that is there, if it is there in whole. Raises Refused."""
        size = self._cutter.cut(self.data)
        return self._take(size) if size else None

    def _take(self, size: int) -> bytes:
        data = self.data
        if size == len(data):
            self.data = b""
            return bytes(data)
        self.data = data[size:]
        return bytes(data[:size])

    def unframe(self, framing: Framing) -> tuple[bytes, int, bool]:
        """What `framing` takes of it: payload, bytes used, whether the body is over. Raises Refused."""
        payload, used, over = framing.take(self.data)
        if used == len(self.data):
            self.data = b""
        else:
            if not isinstance(self.data, bytearray):
                self.data = bytearray(self.data)
            del self.data[:used]  # which does not move what is left
        return payload, used, over

    def count(self, unfinished: int) -> bool:
        """So much of it is of something that has not ended. Whether the process has room for that."""
        if unfinished == self.unfinished:
            return True
        if not self._budget.move(self.unfinished, unfinished):
            return False
        self.unfinished = unfinished
        return True


class Dropping:
    """Takes what a refused client goes on sending, within bounds. `still` in seconds."""

    __slots__ = ("_dropped", "_still", "_until")

    def __init__(self, *, now: float, still: float) -> None:
        self._still, self._until, self._dropped = still, now + LINGER_SECONDS, 0

    def take(self, count: int, *, now: float) -> float:
        """So many bytes were thrown away. How long to wait for the next; nothing if it is enough."""
        self._dropped += count
        if self._dropped > LINGER_BYTES:
            return 0.0
        return max(0.0, min(self._still, self._until - now))
