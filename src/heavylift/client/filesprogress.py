"""How far many files are, in numbers for people; a Watch for those that go in one request."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

REPORT_SECONDS: Final = 0.1
RATE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesProgress:
    """One report about all files. `files_done` counts those that failed or were left out, too.

    `files_total` and `bytes_total` are None while they are not known. `rate` is in bytes per second.
    """

    files_done: int
    files_failed: int
    files_skipped: int
    files_total: int | None
    files_in_flight: int
    bytes_done: int
    bytes_total: int | None
    rate: float
    eta_seconds: float | None
    retries: int


OnFilesProgress: TypeAlias = Callable[[FilesProgress], object]


class FilesMeter:
    """Adds up what all transfers tell, and reports it as Meter does. Safe to call from threads."""

    def __init__(self, *, clock: Callable[[], float], report: OnFilesProgress | None) -> None:
        self.total: tuple[int, int] | None = None
        self._clock = clock
        self._report = report
        self._lock = threading.RLock()
        self._files = self._failed = self._skipped = self._in_flight = self._retries = 0
        self._bytes = self._passed_over = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._reported = float("-inf")

    def moved(self, count: int) -> None:
        """So many bytes went over the wire, or are taken back."""
        with self._lock:
            self._bytes += count
            self._tell()

    def retrying(self) -> None:
        """Another attempt will be made."""
        with self._lock:
            self._retries += 1

    def pushed_back(self) -> None:
        """The server asked for less: every request waits as long as it was told."""

    def begun(self) -> None:
        """One more in flight."""
        with self._lock:
            self._in_flight += 1

    def ended(self, *, failed: bool, skipped: bool, passed_over: int = 0) -> None:
        """One file is over; so many of its bytes need not be sent any more."""
        with self._lock:
            self._in_flight -= 1
            self._files += 1
            self._failed += failed
            self._skipped += skipped
            self._bytes += passed_over
            self._passed_over += passed_over
            self._tell(now=True)

    def last(self) -> None:
        """The last report."""
        with self._lock:
            self._tell(now=True)

    def _tell(self, *, now: bool = False) -> None:
        moment = self._clock()
        if self._report is None or (not now and moment - self._reported < REPORT_SECONDS):
            return
        self._reported = moment
        self._samples.append((moment, self._bytes - self._passed_over))
        while len(self._samples) > 2 and moment - self._samples[0][0] > RATE_SECONDS:
            self._samples.popleft()
        self._report(self._snapshot())

    def _snapshot(self) -> FilesProgress:
        (begun, first), (latest, last) = self._samples[0], self._samples[-1]
        rate = max(0.0, (last - first) / (latest - begun)) if latest > begun else 0.0
        files, size = self.total or (None, None)
        return FilesProgress(
            files_done=self._files,
            files_failed=self._failed,
            files_skipped=self._skipped,
            files_total=files,
            files_in_flight=self._in_flight,
            bytes_done=self._bytes,
            bytes_total=size,
            rate=rate,
            eta_seconds=max(0.0, (size - self._bytes) / rate) if size is not None and rate > 0 else None,
            retries=self._retries,
        )
