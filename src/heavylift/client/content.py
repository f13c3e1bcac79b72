"""The bytes of a File as they come, for those who do not want them on disk."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Annotated, Final, Generic, Self, TypeVar

from pydantic import Field, model_validator

from heavylift.client import errors
from heavylift.client.calls import Answer, Discard, Flow, Pause
from heavylift.client.config import Setting
from heavylift.client.drivers.asynchronous import AsyncDriver
from heavylift.client.drivers.blocking import BlockingDriver
from heavylift.client.errors import HTTPClientError
from heavylift.client.models import told_bytes
from heavylift.client.operations.files import open_content, retrieve_file
from heavylift.client.operations.wire import Arguments, checked, given, segment
from heavylift.client.options import RequestOptions
from heavylift.client.sources import BLOCK
from heavylift.client.stories.landing import refuse_less, refuse_more
from heavylift.client.stories.ranges import Fit, Wanted, coded

Driver = TypeVar("Driver")

REOPENINGS: Final = 5
"""How often a broken connection is gone on from without a byte in between."""

PAUSE_SECONDS: Final = 0.25
"""Before the first of them; the next ones wait twice, three times as long."""


class ContentArguments(Arguments):
    """What is checked before anything is asked."""

    start: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] | None = None
    size: Annotated[int, Field(ge=1)] = BLOCK

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError("`end` comes before `start`")
        return self


class Reading:
    """How far one reader is, through as many answers as it takes."""

    def __init__(self, file_id: str, options: RequestOptions | None, *, start: int, end: int | None) -> None:
        self._file_id = file_id
        self._options = given(options)
        self._wanted = Wanted(start=start, end=end, all_will_do=True)
        self._fit: Fit | None = None
        self._taken = self._skip = 0
        self._breaks = 0
        self._given = False

    @property
    def done(self) -> bool:
        """Whether nothing more belongs to it."""
        return self._wanted.end is not None and self._wanted.start >= self._wanted.end

    @property
    def raw(self) -> bool:
        """Whether a coding that the answer names is the File's own."""
        return self._fit is not None and self._fit.raw

    def opening(self) -> Flow[Answer]:
        """Ask for what is still to come; the answer, unread. Raises what `Wanted.judge` raises."""
        if self._breaks:
            yield Pause(PAUSE_SECONDS * self._breaks)
        headers = self._wanted.headers()
        answer = yield from open_content(file_id=self._file_id, headers=headers, options=self._options)
        try:
            wanted = self._wanted
            if _ambiguous(answer):
                file = yield from retrieve_file(file_id=self._file_id, options=self._options)
                wanted = replace(wanted, total=told_bytes(file))
            self._fit = wanted.judge(answer.status, answer.headers)
        except GeneratorExit:
            raise
        except BaseException:
            yield Discard(answer)
            raise
        self._taken, self._skip = 0, self._wanted.start - self._fit.first
        return answer

    def take(self, block: bytes) -> bytes:
        """What of this block belongs to what is wanted. Raises CorruptedError at a byte too many."""
        assert self._fit is not None, "begin comes first"
        self._taken += len(block)
        refuse_more(self._fit, self._taken)
        kept = block[self._skip :]
        self._skip -= min(self._skip, len(block))
        if self._wanted.end is not None:
            kept = kept[: self._wanted.end - self._wanted.start]
        if kept:
            self._breaks, self._given = 0, True
            self._wanted = replace(
                self._wanted, start=self._wanted.start + len(kept), validator=self._fit.validator
            )
        return kept

    def end(self) -> None:
        """The answer is over. Raises CorruptedError if it was too short."""
        refuse_less(self._fit, self._taken)

    def broke(self, error: HTTPClientError, setting: Setting) -> None:
        """The connection broke. Raises the error where going on could mix two states, or is not wished."""
        retries = self._options.retries or setting.retries_for(patient=False)
        willing = retries.strategy != "none" and retries.retry_connection_errors
        most = REOPENINGS if retries.max_retries is None else min(REOPENINGS, retries.max_retries)
        self._breaks += 1
        seen = self._wanted.validator
        comparable = not self._given or (seen is not None and seen.known)
        if not willing or not comparable or self._breaks > most:
            raise error


def _ambiguous(answer: Answer) -> bool:
    """Whether only the File's size tells if the coding is its own (`.gz`) or one of the way."""
    return answer.status == 200 and coded(answer.headers)


class _Asked(Generic[Driver]):
    """What both kinds of content know. Arguments that make no sense are refused at once."""

    def __init__(
        self,
        driver: Driver,
        file_id: str,
        *,
        start: int = 0,
        end: int | None = None,
        options: RequestOptions | None = None,
    ) -> None:
        """Raises SDKValidationError."""
        segment("file_id", file_id)
        checked(ContentArguments, start=start, end=end)
        self._driver = driver
        self._file_id = file_id
        self._options = options
        self._range = (start, end)

    def _reading(self, size: int) -> Reading:
        checked(ContentArguments, size=size)
        start, end = self._range
        return Reading(self._file_id, self._options, start=start, end=end)


class Content(_Asked[BlockingDriver]):
    """Bytes that are asked for when they are iterated over, each time anew.

    What comes is the range that was asked for, and of one state of the File; no checksum is
    compared. After a broken connection it is gone on with, where the server shows by what it tells
    one state from another.
    """

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks()

    def blocks(self, *, size: int = BLOCK) -> Iterator[bytes]:
        """Blocks of `size` bytes, but for the last. Raises HeavyliftError at any of them."""
        return self._blocks(self._reading(size), size)

    def _blocks(self, reading: Reading, size: int) -> Iterator[bytes]:
        while not reading.done:
            answer = self._driver.run(reading.opening())
            try:
                with self._driver.transport.opened(answer, size, raw=reading.raw) as blocks, closing(blocks):
                    for block in blocks:
                        if kept := reading.take(block):
                            yield kept
                        if reading.done:
                            return
                reading.end()
            except (errors.ConnectionError, errors.RequestTimeoutError) as error:
                reading.broke(error, self._driver.setting)
            else:
                return

    def read(self) -> bytes:
        """All of it, in memory."""
        return b"".join(self)


class AsyncContent(_Asked[AsyncDriver]):
    """Bytes that are asked for when they are iterated over, each time anew. All else is as with Content."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.blocks()

    def blocks(self, *, size: int = BLOCK) -> AsyncIterator[bytes]:
        """Blocks of `size` bytes, but for the last. Raises HeavyliftError at any of them."""
        return self._blocks(self._reading(size), size)

    async def _blocks(self, reading: Reading, size: int) -> AsyncIterator[bytes]:
        while not reading.done:
            answer = await self._driver.run(reading.opening())
            opened = self._driver.transport.opened(answer, size, raw=reading.raw)
            try:
                async with opened as blocks, aclosing(blocks):
                    async for block in blocks:
                        if kept := reading.take(block):
                            yield kept
                        if reading.done:
                            return
                reading.end()
            except (errors.ConnectionError, errors.RequestTimeoutError) as error:
                reading.broke(error, self._driver.setting)
            else:
                return

    async def read(self) -> bytes:
        """All of it, in memory."""
        return b"".join([block async for block in self])
