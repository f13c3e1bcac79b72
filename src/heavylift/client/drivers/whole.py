"""An answer that is read whole into memory: bounded in bytes and time, whatever the server sends."""

import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import httpx2

from heavylift.client.errors import SDKError

MIB: Final = 1024 * 1024

MOST_OF_ERROR: Final = MIB
"""Bytes of an error. The rest of a longer one is left unread."""

_CODINGS: Final = {"gzip": 47, "x-gzip": 47, "deflate": 47}
"""What a proxy may have coded all the same, and zlib's name for "find out which of the two"."""


def read_whole(response: httpx2.Response, most: int, *, clock: Callable[[], float] = time.monotonic) -> bytes:
    """All of it. Raises SDKError for more than `most` bytes, httpx2.ReadTimeout for a trickle: each MiB has
    as long as silence is borne."""
    body = _Whole(response, most, clock)
    pieces: Iterator[bytes] = response.iter_bytes() if response.is_stream_consumed else response.iter_raw()
    for piece in pieces:
        if not body.takes(piece):
            break
    return body.content()


async def read_whole_async(
    response: httpx2.Response, most: int, *, clock: Callable[[], float] = time.monotonic
) -> bytes:
    """The same, awaited."""
    body = _Whole(response, most, clock)
    pieces: AsyncIterator[bytes] = (
        response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    )
    async for piece in pieces:
        if not body.takes(piece):
            break
    return body.content()


def kept(response: httpx2.Response, content: bytes) -> httpx2.Response:
    """The HTTP library's response as if it had been read by itself: for `raw_response`."""
    left_out = {b"content-encoding", b"content-length", b"transfer-encoding"}
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in left_out]
    return httpx2.Response(
        response.status_code, headers=headers, content=content, request=response.request,
        extensions=response.extensions,
    )  # fmt: skip


class _Whole:
    """A body that grows up to its bound, before and after its coding is undone."""

    def __init__(self, response: httpx2.Response, most: int, clock: Callable[[], float]) -> None:
        self._response = response
        self._clock, self._begun = clock, clock()
        self._patience: float | None = response.request.extensions.get("timeout", {}).get("read")
        self._fails = response.status_code >= 300
        self._most = MOST_OF_ERROR if self._fails else most
        self._pieces: list[bytes] = []
        self._size = self._arrived = 0
        coding = "" if response.is_stream_consumed else response.headers.get("content-encoding", "").lower()
        self._undo = zlib.decompressobj(_CODINGS[coding]) if coding in _CODINGS else None
        self._readable = coding in {*_CODINGS, "", "identity"}
        if not self._readable and not self._fails:
            raise self._refused(f"The answer has the coding {coding!r}, which was not asked for")

    def takes(self, piece: bytes) -> bool:
        """Whether there is room for more. Of a failure the status is what counts, readable or not."""
        if not self._readable:
            return False
        if self._trickles(len(piece)):
            if self._fails:
                return False
            raise httpx2.ReadTimeout("The answer comes by drops", request=self._response.request)
        if self._undo is not None:
            try:
                piece = self._undo.decompress(piece, self._most - self._size + 1)
            except zlib.error as error:
                if self._fails:
                    return False
                raise self._refused(f"The answer is not in the coding that it names: {error}") from error
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size <= self._most:
            return True
        if not self._fails:
            raise self._refused(f"The answer holds more than {self._most} bytes")
        return False

    def _trickles(self, count: int) -> bool:
        """Whether it takes longer than silence is borne for every MiB, by the bytes on the wire."""
        self._arrived += count
        taken = self._clock() - self._begun
        return self._patience is not None and taken > self._patience * (1 + self._arrived // MIB)

    def content(self) -> bytes:
        """What was taken, of an error no more than is shown."""
        return b"".join(self._pieces)[: self._most]

    def _refused(self, why: str) -> SDKError:
        return SDKError(
            f"{why}. Is {self._response.request.url.host} the server that is meant?",
            status_code=self._response.status_code,
            headers=self._response.headers,
        )
