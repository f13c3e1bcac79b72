"""What an unfinished transfer has done so far, in a small file, for the next run to go on from.

A record is a file of JSON lines: what the transfer is about, then one line per piece that is done.
It is locked while it is in use, so two runs never go on with the same transfer. No key is ever in it,
and nothing in it is believed: it may be damaged, of another program, or nobody's.
"""

import contextlib
import json
import threading
from collections.abc import Iterable, Mapping
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from heavylift.client import records
from heavylift.client.logs import LOGGER

FORMAT: Final = 1

KEPT_SECONDS: Final = 30 * 86_400
"""An Upload lives an hour, but a `.part` file on a laptop may wait for its owner's return."""

MOST_BYTES: Final = 32 * 1024 * 1024
"""No transfer has as many pieces as would fill this."""

Head = TypeVar("Head", bound=BaseModel)

Size = Annotated[int, Field(ge=0, lt=2**63)]

_told: set[str] = set()
"""What has been warned of: once is enough for a process."""


class PieceDone(BaseModel):
    """A stretch that has arrived: where, how long, its CRC-64, and the Part's id if it is one."""

    model_config = ConfigDict(strict=True)

    offset: Size
    length: Size
    checksum: Annotated[int, Field(ge=0, lt=2**64)]
    part_id: Annotated[str, Field(max_length=1000)] = ""


class Record:
    """One open record. Every method is safe to call from threads; `close` lets go of the lock.

    `kept` tells whether another run could go on from it.
    """

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file  # unbuffered: a line is written whole, and none is left to fail at close
        self._path = path
        self._lock = threading.Lock()
        self._head: Mapping[str, Any] | None = None
        self.kept = False

    def read(self, kind: type[Head]) -> tuple[Head, list[PieceDone]] | None:
        """What an earlier run wrote; None for a new record and, with a warning, for one that is not ours."""
        try:
            lines = records.read(self._file, most=MOST_BYTES).splitlines(keepends=True)
            if not lines:
                return None
            said = json.loads(lines[0])
            if said.pop("heavylift_journal") != FORMAT:
                raise ValueError("it is of another version")
            head = kind.model_validate(said)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            LOGGER.warning(
                "Ignoring the journal %s, which cannot be used (%s).", self._path, type(error).__name__
            )
            return None
        self._head = head.model_dump()
        self.kept = True
        return head, self._pieces(line for line in lines[1:] if line.endswith(b"\n"))

    def _pieces(self, lines: Iterable[bytes]) -> list[PieceDone]:
        """Those that can be read. A line that cannot costs what it tells of, not the transfer."""
        pieces, odd = [], 0
        for line in lines:
            try:
                pieces.append(PieceDone.model_validate_json(line))
            except ValidationError:
                odd += 1
        if odd:
            LOGGER.warning("Ignoring %d lines of the journal %s, which cannot be used.", odd, self._path)
        return pieces

    def begin(self, head: BaseModel, pieces: Iterable[PieceDone] = ()) -> None:
        """Start over: this transfer, with these pieces done. Written beside, and put in place whole.

        A disk that takes no more costs the journal, not the transfer.
        """
        about = head.model_dump()
        lines = [{"heavylift_journal": FORMAT, **about}, *(piece.model_dump() for piece in pieces)]
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file = records.replaced(self._file, self._path, b"".join(map(_line, lines)))
            except OSError as error:
                self._give_up(error, still_true=about == self._head)
            else:
                self._head, self.kept = about, True

    def add(self, piece: PieceDone) -> None:
        """One more piece is done. A disk that takes no more ends the journal, not the transfer."""
        with self._lock:
            if self._file.closed:
                return
            try:
                records.append(self._file, _line(piece.model_dump()))
            except OSError as error:
                self._give_up(error, still_true=True)

    def _give_up(self, error: OSError, *, still_true: bool) -> None:
        """No more is written. What is there stays if it is about this transfer."""
        LOGGER.warning("The journal %s cannot be kept any more (%s).", self._path, error.strerror)
        if not still_true:
            self.kept = False
            records.remove(self._file, self._path)
        self._file.close()

    def forget(self) -> None:
        """The transfer is over: remove the record."""
        with self._lock:
            self.kept = False
            records.remove(self._file, self._path)

    def close(self) -> None:
        """Keep the record for another run, unless nothing is in it. Harmless when repeated."""
        with self._lock:
            if not self._file.closed and records.is_empty(self._file):
                records.remove(self._file, self._path)
            self._file.close()


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode("ascii") + b"\n"


def prune(folder: Path, *, now: float) -> None:
    """Remove records that nobody went on with for a month. `now` is the Unix time in seconds."""
    with contextlib.suppress(OSError, ValueError):
        for path in folder.glob(f"*{records.SUFFIX}*"):
            with contextlib.suppress(OSError):
                if now - path.lstat().st_mtime > KEPT_SECONDS:
                    path.unlink()


def names_about(folder: Path, about: Mapping[str, str]) -> list[str]:
    """The names of the records whose first line has these values, for those that know no more."""
    found = []
    for path in records.in_folder(folder):
        try:
            head = json.loads(records.first_line(path))
        except (OSError, ValueError, RecursionError):
            continue
        if (
            isinstance(head, dict)
            and about.items() <= {key: value for key, value in head.items() if isinstance(value, str)}.items()
        ):
            found.append(path.name)
    return found


def record_name(*about: str) -> str:
    """A file name for what the transfer is about."""
    return records.name_for(about)


class InUse(Exception):
    """Another run has this record."""


def open_record(folder: Path, name: str, *, alone: bool = False) -> Record | None:
    """The record of that name, locked. None when another run has it, or when nothing can be written there.

    `alone`: raise InUse for the former.
    """
    if not folder.is_absolute():  # where a home folder should be, and is not
        _warn_once(f"There is no folder for a journal ({folder}): transfers cannot be resumed.")
        return None
    try:
        file = records.opened(folder, name)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        _warn_once(f"No journal can be kept in {folder} ({said}): this transfer cannot be resumed.")
        return None
    if file is None and alone:
        raise InUse
    if file is None:
        LOGGER.warning(
            "Another run is transferring the same file; this one starts anew and keeps no journal."
        )
        return None
    return Record(file, folder / name)


def _warn_once(said: str) -> None:
    if said not in _told:
        _told.add(said)
        LOGGER.warning("%s", said)
