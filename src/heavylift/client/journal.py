"""What an unfinished transfer has done so far, in a small file, for the next run to go on from.

A record is a file of JSON lines: what the transfer is about, then one line per piece that is done.
It is locked while it is in use, so two runs never go on with the same transfer. No key is ever in it.
"""

import contextlib
import hashlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from heavylift.client.logs import LOGGER

FORMAT: Final = 1

KEPT_SECONDS: Final = 30 * 86_400
"""An Upload lives an hour, but a `.part` file on a laptop may wait for its owner's return."""

Head = TypeVar("Head", bound=BaseModel)


class PieceDone(BaseModel):
    """A stretch that has arrived: where, how long, its CRC-64, and the Part's id if it is one."""

    offset: int
    length: int
    checksum: int
    part_id: str = ""


class Record:
    """One open record. Every method is safe to call from threads; `close` lets go of the lock."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file  # unbuffered: a line is written whole, and none is left to fail at close
        self._path = path
        self._lock = threading.Lock()

    def read(self, kind: type[Head]) -> tuple[Head, list[PieceDone]] | None:
        """What an earlier run wrote; None for a new record and, with a warning, for one that is not ours."""
        lines = self._file.read().splitlines(keepends=True)
        if not lines:
            return None
        try:
            head = json.loads(lines[0])
            if head.pop("heavylift_journal") != FORMAT:
                raise ValueError("it is of another version")
            pieces = [PieceDone.model_validate_json(line) for line in lines[1:] if line.endswith(b"\n")]
            return kind.model_validate(head), pieces
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            LOGGER.warning(
                "Ignoring the journal %s, which cannot be used (%s).", self._path, type(error).__name__
            )
            return None

    def begin(self, head: BaseModel, pieces: list[PieceDone] | None = None) -> None:
        """Start over: this transfer, with these pieces done."""
        with self._lock:
            self._file.seek(0)
            self._file.truncate()
            self._write({"heavylift_journal": FORMAT, **head.model_dump()})
            for piece in pieces or []:
                self._write(piece.model_dump())

    def add(self, piece: PieceDone) -> None:
        """One more piece is done. A disk that takes no more ends the journal, not the transfer."""
        with self._lock:
            if self._file.closed:
                return
            try:
                self._write(piece.model_dump())
            except OSError as error:
                LOGGER.warning("The journal %s cannot be kept any more (%s).", self._path, error.strerror)
                self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line).encode("ascii") + b"\n")

    def forget(self) -> None:
        """The transfer is over: remove the record."""
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._file.close()

    def close(self) -> None:
        """Keep the record for another run, unless nothing is in it. Harmless when repeated."""
        with self._lock:
            if not self._file.closed and os.fstat(self._file.fileno()).st_size == 0:
                self._path.unlink(missing_ok=True)
            self._file.close()


def prune(folder: Path, *, now: float) -> None:
    """Remove records that nobody went on with for a month. `now` is the Unix time in seconds."""
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()


def names_about(folder: Path, field: str, value: str) -> list[str]:
    """The names of the records whose first line has this value, for those that know no more."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline())
        except (OSError, ValueError):
            continue
        if isinstance(head, dict) and head.get(field) == value:
            found.append(path.name)
    return found


def record_name(*about: str) -> str:
    """A file name for what the transfer is about."""
    return hashlib.sha256("\0".join(about).encode("utf-8", "surrogateescape")).hexdigest()[:40] + ".jsonl"


def open_record(folder: Path, name: str) -> Record | None:
    """The record of that name, locked. None when another run has it, or when nothing can be written there."""
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for _ in range(3):
            file = _opened(path)
            if not _locked(file):
                file.close()
                LOGGER.warning(
                    "Another run is transferring the same file; this one starts anew and keeps no journal."
                )
                return None
            if os.fstat(file.fileno()).st_nlink:
                return Record(file, path)
            file.close()  # the run that held it has just finished and removed it
    except OSError as error:
        LOGGER.warning(
            "No journal can be kept in %s (%s): this transfer cannot be resumed.", folder, error.strerror
        )
    return None


def _opened(path: Path) -> FileIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    return FileIO(descriptor, "r+")


if sys.platform == "win32":

    def _locked(file: FileIO) -> bool:
        """Windows does not let another process remove an open file, which is lock enough here."""
        return True

else:
    import fcntl

    def _locked(file: FileIO) -> bool:
        """Whether the lock is ours now. The system lets go of it when the process ends, however it ends."""
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
