"""The body of an answer, past the HTTP library where that can be: in large pieces, uncopied."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore2
import httpx2

PIECE: Final = 512 * 1024
"""Bytes taken from a connection at once. The HTTP library takes 64 KiB and copies them four times."""

TO_PARSER: Final = ("stream", "_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state")
TO_COUNTER: Final = "_reader"
LEFT: Final = "_remaining"
"""From an answer through the insides of the HTTP library: to the parser of its connection, what counts a
body there, and how many bytes that still waits for."""


class Straight:
    """The rest of a body of known length, once the HTTP library has given the beginning of it.

    By then it holds nothing back, so what comes next on the connection is the body's. What is taken
    from there is taken off the library's own count: it ends the answer, and keeps the connection for
    the next, as if it had read that itself. Where its insides are others, there is no such rest.
    """

    def __init__(self, answer: httpx2.Response, connection: Any, counter: Any) -> None:
        self.connection = connection
        self.seconds: float | None = answer.request.extensions.get("timeout", {}).get("read")
        self._request = answer.request
        self._counter = counter

    @classmethod
    def after(cls, answer: httpx2.Response, given: int) -> "Straight | None":
        """The rest behind the `given` bytes. None if there is none, or only the library can tell it."""
        length = answer.headers.get("content-length", "")
        parser: Any = answer
        for name in TO_PARSER:
            parser = getattr(parser, name, None)
        counter = getattr(parser, TO_COUNTER, None)
        left = getattr(counter, LEFT, 0)
        connection = answer.extensions.get("network_stream")
        known = (
            length.isdecimal() and left == int(length) - given and "content-encoding" not in answer.headers
        )
        if not known or not left or connection is None or parser.trailing_data[0]:
            return None
        return cls(answer, connection, counter)

    def most(self, count: int) -> int:
        """How many of `count` bytes there are still to come."""
        return min(count, self._left)

    def took(self, piece: bytes) -> bytes:
        """Note that they were read."""
        setattr(self._counter, LEFT, self._left - len(piece))
        return piece

    @property
    def _left(self) -> int:
        return int(getattr(self._counter, LEFT))

    @contextmanager
    def naming(self) -> Iterator[None]:
        """What fails below the HTTP library, by the library's own names. Raises httpx2.TransportError."""
        try:
            yield
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error), request=self._request) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise httpx2.ReadError(str(error), request=self._request) from error


class _Given:
    """What the HTTP library has given of a body and nobody has taken yet."""

    def __init__(self, answer: httpx2.Response, *, straight: bool) -> None:
        self._answer = answer
        self._may_go_straight = straight
        self._kept: bytes | memoryview = b""
        self._straight: Straight | None = None

    def _take(self, most: int) -> bytes | memoryview:
        piece, self._kept = self._kept, b""
        if len(piece) > most:
            view = memoryview(piece)
            piece, self._kept = view[:most], view[most:]
        return piece

    def _keep(self, piece: bytes) -> None:
        self._kept = piece
        if self._may_go_straight:
            self._straight = Straight.after(self._answer, len(piece))
            self._may_go_straight = False


class Body(_Given):
    """An answer's body. `straight`: past the HTTP library where that can be; `raw`: no coding is undone."""

    def __init__(self, answer: httpx2.Response, *, straight: bool, raw: bool = False) -> None:
        super().__init__(answer, straight=straight)
        self._ordinary = answer.iter_raw() if raw else answer.iter_bytes()

    def read(self, most: int = PIECE) -> bytes | memoryview:
        """At most so many bytes, and none at the end. Raises what the HTTP library raises."""
        rest = self._straight
        if not self._kept and rest is not None and (count := rest.most(most)):
            with rest.naming():
                piece: bytes = rest.connection.read(count, rest.seconds)
            if piece:
                return rest.took(piece)
        if not self._kept:  # an early end too: the library says what it is
            self._keep(next(self._ordinary, b""))
        return self._take(most)


class AsyncBody(_Given):
    """The same, awaited. Less is never asked for than what an event loop takes out of a socket at once:
    what is left over would be copied, and copied again."""

    def __init__(self, answer: httpx2.Response, *, straight: bool, raw: bool = False) -> None:
        super().__init__(answer, straight=straight)
        self._ordinary = answer.aiter_raw() if raw else answer.aiter_bytes()

    async def read(self, most: int = PIECE) -> bytes | memoryview:
        """At most so many bytes, and none at the end. Raises what the HTTP library raises."""
        rest = self._straight
        if not self._kept and rest is not None and (count := rest.most(PIECE)):
            with rest.naming():
                piece: bytes = await rest.connection.read(count, rest.seconds)
            self._kept = rest.took(piece)
        if not self._kept:
            self._keep(await anext(self._ordinary, b""))
        return self._take(most)
