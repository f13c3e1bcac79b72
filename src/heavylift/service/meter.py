"""Counts, checksums and stops a stream while it passes."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from awscrt.checksums import crc32c, crc64nvme

from heavylift.domain import checksums
from heavylift.domain.errors import DigestMismatch
from heavylift.service.ports import Buffer

SLOW = frozenset({"md5", "sha-256", "sha-512"})
"""Under 2 GB/s a core: these are computed in a thread, off the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A digest that the client promised: which algorithm, its raw bytes, the header that said so."""

    algorithm: str
    value: bytes
    source: str


class Hasher(Protocol):
    """What hashlib's objects are, and our CRCs too."""

    def update(self, data: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A CRC with a hasher's face. `width` in bytes; the digest is big-endian."""

    def __init__(self, function: Callable[[Buffer, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


HASHERS: dict[str, Callable[[], Hasher]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
    "crc32c": lambda: _Crc(crc32c, 4),
    "crc64nvme": lambda: _Crc(crc64nvme, 8),
}
"""The digests of `Content-MD5` and `Content-Digest` that we verify; crc64nvme is our extension."""


class Meter:
    """The running totals of one stream. Plain and synchronous, so that any thread may drive it.

    `admit` is called with the number of bytes so far and raises the refusal when there are
    too many; `settle` likewise with the final number.
    """

    def __init__(
        self,
        *,
        admit: Callable[[int], None],
        settle: Callable[[int], None],
        expected: Sequence[Expected] = (),
    ) -> None:
        self.bytes = 0
        self.checksum = checksums.EMPTY
        self._admit = admit
        self._settle = settle
        self._expected: list[Expected] = []
        self._hashers: dict[str, Hasher] = {}
        self.expect(expected)

    @property
    def slow(self) -> bool:
        """Whether `update` is too slow for the event loop."""
        return not SLOW.isdisjoint(self._hashers)

    def expect(self, expected: Sequence[Expected]) -> None:
        """Verify these digests too, each algorithm's computed once. Only before the first byte."""
        assert self.bytes == 0
        self._expected += expected
        for one in expected:
            if one.algorithm not in self._hashers:
                self._hashers[one.algorithm] = HASHERS[one.algorithm]()

    def update(self, data: Buffer) -> None:
        """Take note of the next bytes of the stream."""
        self.bytes += len(data)
        self._admit(self.bytes)
        self.checksum = checksums.extend(self.checksum, data)
        for hasher in self._hashers.values():
            hasher.update(data)

    def finish(self) -> None:
        """The stream has ended: refuse it now or keep it."""
        self._settle(self.bytes)
        for expected in self._expected:
            if self._hashers[expected.algorithm].digest() != expected.value:
                raise DigestMismatch(
                    f"The {expected.algorithm} of the {self.bytes} bytes that arrived is not the one in"
                    f" {expected.source}. Nothing was kept: send them again.",
                    param=expected.source,
                )


async def metered(chunks: AsyncIterable[Buffer], meter: Meter) -> AsyncIterator[Buffer]:
    """The same chunks, with `meter` updated as they pass and finished at their end."""
    async for chunk in chunks:
        if meter.slow:
            await asyncio.to_thread(meter.update, chunk)
        else:
            meter.update(chunk)
        yield chunk
    meter.finish()
