"""Where a body ends: by its length, or by the chunks of RFC 9112. Trailers are counted and dropped."""

import re
from collections.abc import Callable
from typing import Final, Protocol

from heavylift.api.server.bounds import CHUNKS, LINES
from heavylift.api.server.heads import malformed, too_large

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(;|\r\n)")
_BEGUN: Final = re.compile(rb"[0-9A-Fa-f]{1,15}\r?")
_EXTENSION: Final = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*+")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*+")


class Framing(Protocol):
    """Takes a body out of its frame."""

    def take(self, data: bytes | bytearray) -> tuple[bytes, int, bool]:
        """Of the bytes that came: payload, how many bytes were used up, whether the body is over.

        What was not used up is given again, with more behind it. Raises Refused.
        """


class Fixed:
    """A body of known length, of which `left` bytes are still to come."""

    __slots__ = ("left",)

    def __init__(self, length: int) -> None:
        self.left = length

    def take(self, data: bytes | bytearray) -> tuple[bytes, int, bool]:
        """As Framing says."""
        payload = bytes(data[: self.left]) if len(data) > self.left else bytes(data)
        self.left -= len(payload)
        return payload, len(payload), not self.left


class Chunked:
    """A body in chunks. Looks at a bounded number of them in one call, and may leave whole ones behind."""

    __slots__ = ("_announced", "_left", "_lines", "_most", "_over", "_step", "_trailed")

    def __init__(self, most: int) -> None:
        self._most = most  # bytes that trailers may take
        self._left = 0  # bytes of this chunk's payload that are still to come
        self._announced = 0  # how many the line says that is being read
        self._lines = self._trailed = 0
        self._over = False
        self._step: Step = self._size

    def take(self, data: bytes | bytearray) -> tuple[bytes, int, bool]:
        """As Framing says."""
        pieces: list[bytes] = []
        at, chunks = 0, CHUNKS
        while at < len(data) and not self._over:
            if self._left:
                piece = bytes(data[at : at + self._left])
                pieces.append(piece)
                at, self._left = at + len(piece), self._left - len(piece)
                continue
            used = self._step(data, at)
            at, chunks = at + used, chunks - 1
            if not (used and chunks):
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), at, self._over

    # Each of these reads what it expects at `at`. How many bytes it took; 0 if it is not all there.

    def _size(self, data: bytes | bytearray, at: int) -> int:
        found = _SIZE.match(data, at)
        if found is None:
            if _BEGUN.fullmatch(data, at):
                return 0
            raise malformed("A chunk begins with its size in hex.")
        self._announced = int(found[1], 16)
        if found[2] == b";":
            self._step = self._extension
        else:
            self._begin()
        return found.end() - at

    def _begin(self) -> None:
        self._left = self._announced
        self._step = self._end if self._left else self._trailer

    def _extension(self, data: bytes | bytearray, at: int) -> int:
        """It means nothing here, and is not kept."""
        found = _EXTENSION.match(data, at)
        assert found is not None  # it may be empty
        behind = bytes(data[found.end() : found.end() + 2])
        if behind == b"\r\n":
            self._begin()
            return found.end() + 2 - at
        if behind not in {b"", b"\r"}:
            raise malformed("An extension of a chunk is one line of text.")
        return found.end() - at

    def _end(self, data: bytes | bytearray, at: int) -> int:
        behind = bytes(data[at : at + 2])
        if behind == b"\r":
            return 0
        if behind != b"\r\n":
            raise malformed("A chunk is as long as it says.")
        self._step = self._size
        return 2

    def _trailer(self, data: bytes | bytearray, at: int) -> int:
        end = data.find(b"\n", at, at + self._most + 1)
        size = (len(data) if end < 0 else end + 1) - at
        if self._trailed + size > self._most or self._lines > LINES:
            raise too_large(self._most)
        if end < 0:
            return 0
        line = bytes(data[at : end + 1])
        self._trailed, self._lines = self._trailed + size, self._lines + 1
        self._over = line == b"\r\n"
        if not self._over and not (line.endswith(b"\r\n") and _TRAILER.fullmatch(line, 0, size - 2)):
            raise malformed("A trailer is a name, a colon and a value.")
        return size


Step = Callable[[bytes | bytearray, int], int]
