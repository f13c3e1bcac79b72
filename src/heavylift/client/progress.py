"""How far a transfer is, in numbers for people: bytes, parts, rate, time left, retries."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from heavylift.client.window import Window

Phase: TypeAlias = Literal["starting", "transferring", "finishing", "done"]

REPORT_SECONDS: Final = 0.1
"""Between two reports: as often as an eye can follow."""

RATE_SECONDS: Final = 5.0
"""The rate is that of the last seconds, so that it tells what is, not what was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One report about the Upload or File `id`.

    `rate` is in bytes per second, `eta_seconds` None while it cannot be told. `bytes_done`
    counts what was there from an earlier run, and takes back what failed. `note` is a sentence
    about something unexpected, such as a start anew; most often empty.
    """

    id: str
    phase: Phase
    bytes_done: int
    bytes_total: int
    bytes_resumed: int
    parts_done: int
    parts_total: int
    parts_in_flight: int
    rate: float
    eta_seconds: float | None
    retries: int
    note: str = ""


OnProgress: TypeAlias = Callable[[Progress], object]


class Meter:
    """Adds up what the calls of one transfer tell, and reports it. A Watch; safe to call from threads.

    Reports come one at a time, of bytes at most ten a second, and always with the last state: what falls
    between two reports is in the next one. The end of a part and of the transfer is told at once: nothing
    may come behind it for long, or at all.
    """

    def __init__(
        self,
        *,
        id: str,
        total: int,
        parts: int,
        clock: Callable[[], float],
        report: OnProgress | None,
        window: Window,
    ) -> None:
        self._id = id
        self._total = total
        self._parts = parts
        self._clock = clock
        self._report = report
        self.window = window
        self._lock = threading.RLock()
        self._phase: Phase = "starting"
        self._done = 0
        self._resumed = 0
        self._parts_done = 0
        self._in_flight = 0
        self._retries = 0
        self._note, self._note_told = "", True
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._reported = float("-inf")

    def moved(self, count: int) -> None:
        """So many bytes went over the wire, or are taken back."""
        self.window.moved(count)
        with self._lock:
            self._done += count
            self._tell()

    def retrying(self) -> None:
        """Another attempt will be made."""
        with self._lock:
            self._retries += 1
            self._tell()

    def pushed_back(self) -> None:
        """The server asked for less."""
        self.window.pushed_back()

    def resumed(self, count: int) -> None:
        """A part of so many bytes was there already."""
        with self._lock:
            self._done += count
            self._resumed += count
            self._parts_done += 1
            self._tell()

    def part_begun(self) -> None:
        """One more in flight."""
        with self._lock:
            self._in_flight += 1

    def part_ended(self, *, done: bool) -> None:
        """One less in flight, and one more done if it went well."""
        with self._lock:
            self._in_flight -= 1
            self._parts_done += done
            self._tell(now=done)

    def enter(self, phase: Phase, *, note: str = "") -> None:
        """Another phase begins. A note stays until it was told, and until the next one."""
        with self._lock:
            self._phase = phase
            if note or self._note_told:
                self._note, self._note_told = note, not note
            self._tell(now=phase == "done")

    def snapshot(self) -> Progress:
        """The numbers as they are now."""
        with self._lock:
            rate = self._rate()
            left = self._total - self._done
            return Progress(
                id=self._id,
                phase=self._phase,
                bytes_done=self._done,
                bytes_total=self._total,
                bytes_resumed=self._resumed,
                parts_done=self._parts_done,
                parts_total=self._parts,
                parts_in_flight=self._in_flight,
                rate=rate,
                eta_seconds=max(0.0, left / rate) if rate > 0 else None,
                retries=self._retries,
                note=self._note,
            )

    def _tell(self, *, now: bool = False) -> None:
        moment = self._clock()
        if not now and moment - self._reported < REPORT_SECONDS:
            return
        self._reported = moment
        self._note_told = True
        self._samples.append((moment, self._done - self._resumed))
        while len(self._samples) > 2 and moment - self._samples[0][0] > RATE_SECONDS:
            self._samples.popleft()
        if self._report is not None:
            self._report(self.snapshot())

    def _rate(self) -> float:
        """Bytes per second over the samples that are kept."""
        begun, at_first = self._samples[0]
        span = self._samples[-1][0] - begun
        return max(0.0, (self._samples[-1][1] - at_first) / span) if span > 0 else 0.0
