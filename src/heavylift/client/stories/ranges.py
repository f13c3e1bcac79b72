"""What is asked for of a File's content, and whether what comes is that."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heavylift.client.errors import CorruptedError, FileChangedError

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Validator:
    """By what a server tells one state of a File from another: an ETag, a time of change, or nothing."""

    etag: str | None = None
    modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Validator":
        """As this answer has it."""
        return cls(headers.get("etag"), headers.get("last-modified"))

    @property
    def strong(self) -> str | None:
        """The ETag if equal ones mean equal bytes: no other may go into If-Range."""
        return self.etag if self.etag is not None and self.etag.startswith('"') else None

    @property
    def known(self) -> bool:
        """Whether there is anything to compare."""
        return self != Validator()

    def differs(self, other: "Validator") -> bool:
        """Whether the two are of different states of the File."""
        if _opaque(self.etag) != _opaque(other.etag):
            return True
        return not (self.strong and other.strong) and self.modified != other.modified


def coded(headers: Mapping[str, str]) -> bool:
    """Whether the answer names a coding, though none was asked for."""
    return headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}


def _opaque(etag: str | None) -> str | None:
    return None if etag is None else etag.removeprefix("W/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """An answer that is what was asked for: `first` is where in the File its first byte belongs.

    `length` is None where nobody has said how many come. `raw`: a coding that it names is the
    File's own, and is not to be undone.
    """

    first: int
    length: int | None
    total: int | None
    validator: Validator
    raw: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The bytes from `start` to before `end`, None for the end of the File.

    `total` is the File's size as its metadata has it, None if that is unknown; `validator` that of
    the bytes that came before, None if none did. `all_will_do`: who asks can cut it out of the whole.
    """

    start: int = 0
    end: int | None = None
    total: int | None = None
    validator: Validator | None = None
    all_will_do: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is all of the File, for which no Range is needed."""
        return self.start == 0 and (self.end is None or self.end == self.total)

    def headers(self) -> dict[str, str]:
        """How to ask for it. To the File's end is said without a number, so that a longer File shows."""
        if self.whole:
            return {}
        last = "" if self.end is None or self.end == self.total else self.end - 1
        asked = {"Range": f"bytes={self.start}-{last}"}
        if self.validator is not None and self.validator.strong is not None:
            asked["If-Range"] = self.validator.strong
        return asked

    def judge(self, status: int, headers: Mapping[str, str]) -> Fit:
        """The answer as what was asked for.

        Raises FileChangedError when it is of another state of the File, CorruptedError when it is
        anything else than that.
        """
        validator = Validator.of(headers)
        ranged = status == 206
        all_will_do = self.whole or self.all_will_do or self.validator is None
        another = self.validator is not None and self.validator.differs(validator)
        if another and (ranged or all_will_do or validator.known):
            raise FileChangedError("The File was changed on the server while it was being downloaded.")
        if ranged:
            return self._ranged(validator, headers)
        if status == 204 and self.whole and not self.total:
            return Fit(first=0, length=0, total=0, validator=validator, raw=False)
        if status != 200 or not all_will_do:
            raise self._another(status, headers)
        return self._all(validator, headers)

    def _ranged(self, validator: Validator, headers: Mapping[str, str]) -> Fit:
        shown = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
        if shown is None:
            raise self._another(206, headers)
        first, last = int(shown[1]), int(shown[2])
        total = None if shown[3] == "*" else int(shown[3])
        self._check_total(total)
        known = self.total if total is None else total
        ends = [end for end in (self.end, known) if end is not None]
        if first != self.start or last < first or (ends and last != min(ends) - 1):
            raise self._another(206, headers)
        return Fit(first=first, length=last - first + 1, total=known, validator=validator, raw=coded(headers))

    def _all(self, validator: Validator, headers: Mapping[str, str]) -> Fit:
        said = headers.get("content-length", "")
        length = int(said) if re.fullmatch(r"[0-9]{1,19}", said) else None
        if coded(headers):
            own = length is not None and length == self.total
            return Fit(first=0, length=self.total, total=self.total, validator=validator, raw=own)
        self._check_total(length)
        total = length if self.total is None else self.total
        return Fit(first=0, length=total, total=total, validator=validator, raw=False)

    def _check_total(self, found: int | None) -> None:
        if found is not None and self.total is not None and found != self.total:
            raise CorruptedError(
                f"The File has {self.total} bytes by its metadata, but its content has {found}. "
                "The server, or something on the way to it, is at fault."
            )

    def _another(self, status: int, headers: Mapping[str, str]) -> CorruptedError:
        last = "" if self.end is None else self.end - 1
        return CorruptedError(
            f"Asked for bytes {self.start}-{last}, the server answered {status} with "
            f"{headers.get('content-range', 'no range')!r}. Something on the way to the server is at fault."
        )
