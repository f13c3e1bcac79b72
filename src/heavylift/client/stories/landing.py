"""Where a download's bytes go as they come: into the file that it fills, or into a stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from heavylift.client import checksums
from heavylift.client.calls import Flow, Pause, Sink
from heavylift.client.disk.unfinished import Unfinished
from heavylift.client.errors import CorruptedError, FileChangedError
from heavylift.client.models import File, told_bytes
from heavylift.client.operations.files import fetch_content
from heavylift.client.options import RequestOptions
from heavylift.client.progress import Meter
from heavylift.client.stories.ranges import Fit, Wanted

DELIVERIES: Final = 3
"""How often an answer that is not what was asked for is borne: a cache on the way may forget it."""

PAUSE_SECONDS: Final = 0.25
"""Before such a range is asked for again; twice as long before the last time."""


class Landing(Sink, Protocol):
    """A sink that knows what it waits for."""

    wanted: Wanted
    taken: int

    def check(self) -> None:
        """Raise CorruptedError if fewer bytes came than were to come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Whose bytes are fetched, who watches, and how. The id is the one that was asked for."""

    file_id: str
    file: File
    meter: Meter
    options: RequestOptions

    @property
    def total(self) -> int | None:
        """The File's size; None if its metadata tells none."""
        return told_bytes(self.file)


def deliver(errand: Errand, landing: Landing) -> Flow[None]:
    """Fetch what the landing waits for, again if it is not what came. Raises CorruptedError in the end."""
    meter = errand.meter
    for attempt in range(DELIVERIES):
        meter.part_begun()
        done = False
        try:
            yield from fetch_content(
                file_id=errand.file_id,
                headers=landing.wanted.headers(),
                sink=landing,
                watch=meter,
                options=errand.options,
            )
            done = _complete(landing, meter)
            return
        except CorruptedError:
            if attempt == DELIVERIES - 1:
                raise
        finally:
            meter.part_ended(done=done)
        meter.retrying()
        yield Pause(PAUSE_SECONDS * (attempt + 1))


def _complete(landing: Landing, meter: Meter) -> bool:
    try:
        landing.check()
    except CorruptedError:
        meter.moved(-landing.taken)
        raise
    return True


class RangeLanding:
    """Writes what comes to its place in the file, and computes its checksum."""

    def __init__(self, file: Unfinished, wanted: Wanted) -> None:
        self._file = file
        self.wanted = wanted
        self.raw = False
        self.taken = 0
        self.checksum = 0
        self.fit: Fit | None = None

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Raises CorruptedError and FileChangedError."""
        self.taken = self.checksum = 0
        self.fit = self.wanted.judge(status, headers)
        self.raw = self.fit.raw

    def write(self, block: bytes | memoryview) -> None:
        """Raises CorruptedError at the first byte too many."""
        assert self.fit is not None, "begin comes first"
        refuse_more(self.fit, self.taken + len(block))
        self._file.write(self.fit.first + self.taken, block)
        self.checksum = checksums.extend(self.checksum, block)
        self.taken += len(block)

    def end(self) -> None:
        """Nothing is held."""

    def check(self) -> None:
        """Raise CorruptedError if fewer bytes came than were to come."""
        refuse_less(self.fit, self.taken)


def refuse_more(fit: Fit, count: int) -> None:
    """Raise CorruptedError if these are more bytes than belong to the answer."""
    if fit.length is not None and count > fit.length:
        raise CorruptedError(f"The server sent more than the {fit.length} bytes that were to come.")


def refuse_less(fit: Fit | None, count: int) -> None:
    """Raise CorruptedError if these are fewer."""
    if fit is None or (fit.length is not None and count != fit.length):
        due = "those" if fit is None else fit.length
        raise CorruptedError(f"The server sent {count} bytes of {due} that were to come.")


class StreamLanding:
    """Pours bytes out, each of them once: what comes again after a broken connection is compared instead."""

    def __init__(self, write: Callable[[bytes | memoryview], object]) -> None:
        self._write = write
        self.wanted = Wanted()
        self.raw = False
        self.taken = 0
        self.poured = 0
        self.checksum = 0
        self.fit: Fit | None = None
        self._since = 0  # the checksum of what was poured from `wanted.start` on
        self._again = self._again_checksum = self._awaited_checksum = 0

    def expect(self, wanted: Wanted) -> None:
        """What comes next begins where the last bytes ended."""
        assert wanted.start == self.poured
        self.wanted = wanted
        self._since = 0

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Raises CorruptedError and FileChangedError."""
        self.fit = self.wanted.judge(status, headers)
        self.raw = self.fit.raw
        self.taken = self._again_checksum = 0
        self._again = self.poured - self.fit.first
        self._awaited_checksum = self._since if self.fit.first == self.wanted.start else self.checksum

    def write(self, block: bytes | memoryview) -> None:
        """Raises CorruptedError at a byte too many, FileChangedError if those poured are others now."""
        assert self.fit is not None, "begin comes first"
        refuse_more(self.fit, self.taken + len(block))
        self.taken += len(block)
        view = memoryview(block)
        known, new = view[: self._again], view[self._again :]
        if known:
            self._again -= len(known)
            self._again_checksum = checksums.extend(self._again_checksum, known)
            if not self._again and self._again_checksum != self._awaited_checksum:
                raise FileChangedError("The File was changed on the server while it was being poured out.")
        if new:
            self._write(new)
            self.poured += len(new)
            self.checksum = checksums.extend(self.checksum, new)
            self._since = checksums.extend(self._since, new)

    def end(self) -> None:
        """The stream is the caller's."""

    def check(self) -> None:
        """Raise CorruptedError if fewer bytes came than were to come."""
        refuse_less(self.fit, self.taken)
