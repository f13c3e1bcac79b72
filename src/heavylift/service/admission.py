"""What is remembered of Uploads for a moment, so that not every Part has to ask the catalog first.

The catalog decides when it adds the Part; the question before only spares a refused client the
sending of its bytes. So a "yes" may be a little old. A "no" is never told from here.
"""

import time
from dataclasses import dataclass

from heavylift.domain import uploads as rules
from heavylift.domain.errors import Refusal
from heavylift.domain.limits import Limits
from heavylift.domain.uploads import Upload
from heavylift.service.ports import Clock

SECONDS = 2.0
"""How old a "yes" may be."""

ENTRIES = 1024
"""Uploads that are remembered."""


@dataclass(slots=True)
class _Seen:
    """An Upload, until when that holds, and what was admitted to it since."""

    upload: Upload
    until: float
    parts: int = 0
    bytes: int = 0


class Admission:
    """Uploads that were pending and had room when they were looked at. For how long that is believed goes by
    `ticks`, a clock that nobody sets."""

    def __init__(self, limits: Limits, *, ticks: Clock = time.monotonic) -> None:
        self._limits = limits
        self._ticks = ticks
        self._seen: dict[str, _Seen] = {}

    def admits(self, project: str, upload_id: str, size: int, now: float) -> bool:
        """Whether this Upload was seen a moment ago, and as it was, takes a Part of `size` bytes at `now`."""
        seen = self._seen.get(upload_id)
        if seen is None or seen.upload.project != project or self._ticks() >= seen.until:
            return False
        try:
            rules.admit_part(seen.upload, size, now, self._limits)
        except Refusal:
            return False
        seen.parts += 1
        seen.bytes += size
        return (
            seen.upload.held_parts + seen.parts <= self._limits.parts
            and seen.upload.held_bytes + seen.bytes <= self._limits.held_bytes
        )

    def remember(self, upload: Upload) -> None:
        """The Upload as the catalog has it now."""
        if len(self._seen) >= ENTRIES:
            self._seen.clear()
        self._seen[upload.id] = _Seen(upload, self._ticks() + SECONDS)

    def forget(self, upload_id: str) -> None:
        """It has changed: ask afresh."""
        self._seen.pop(upload_id, None)
