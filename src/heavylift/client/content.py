"""The bytes of a File as they come, for those who do not want them on disk."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing

from heavylift.client.calls import Answer, Flow
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.sources import BLOCK


class _Cut:
    """Makes a range out of the whole, for servers that do not know ranges."""

    def __init__(self, answer: Answer, *, start: int, end: int | None) -> None:
        ranged = answer.status == 206
        self._skip = 0 if ranged else start
        self._left = None if ranged or end is None else end - start

    def __call__(self, block: bytes) -> bytes:
        """What of this block belongs to the range."""
        kept = block[self._skip :]
        self._skip -= min(self._skip, len(block))
        if self._left is not None:
            kept = kept[: self._left]
            self._left -= len(kept)
        return kept

    @property
    def done(self) -> bool:
        """Whether nothing more belongs to it."""
        return self._left == 0


class Content:
    """Bytes that are asked for when they are iterated over, each time anew. Nothing is verified."""

    def __init__(
        self, driver: BlockingDriver, opening: Callable[[], Flow[Answer]], *, start: int, end: int | None
    ) -> None:
        self._driver = driver
        self._opening = opening
        self._range = (start, end)

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks()

    def blocks(self, *, size: int = BLOCK) -> Iterator[bytes]:
        """Blocks of `size` bytes, but for the last. Raises HeavyliftError at any of them."""
        start, end = self._range
        answer = self._driver.run(self._opening())
        cut = _Cut(answer, start=start, end=end)
        with self._driver.transport.opened(answer, size) as blocks, closing(blocks):
            for block in blocks:
                if kept := cut(block):
                    yield kept
                if cut.done:
                    return

    def read(self) -> bytes:
        """All of it, in memory."""
        return b"".join(self)


class AsyncContent:
    """Bytes that are asked for when they are iterated over, each time anew. Nothing is verified."""

    def __init__(
        self, driver: AsyncDriver, opening: Callable[[], Flow[Answer]], *, start: int, end: int | None
    ) -> None:
        self._driver = driver
        self._opening = opening
        self._range = (start, end)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.blocks()

    async def blocks(self, *, size: int = BLOCK) -> AsyncIterator[bytes]:
        """Blocks of `size` bytes, but for the last. Raises HeavyliftError at any of them."""
        start, end = self._range
        answer = await self._driver.run(self._opening())
        cut = _Cut(answer, start=start, end=end)
        async with self._driver.transport.opened(answer, size) as blocks, aclosing(blocks):
            async for block in blocks:
                if kept := cut(block):
                    yield kept
                if cut.done:
                    return

    async def read(self) -> bytes:
        """All of it, in memory."""
        return b"".join([block async for block in self])
