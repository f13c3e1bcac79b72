"""Which files of a batch have been sent, in a small file, for the next run to leave them out.

It is kept only while something is left to do. Nothing in it is believed: a File is asked for before its
file is left out.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final

from heavylift.client import records
from heavylift.client.logs import LOGGER

MOST_BYTES: Final = 512 * 1024 * 1024
"""Ten million files and more. A longer record is not read."""


class Sendings:
    """The record of one batch, held by one run at a time. Safe to call from threads."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._lock = threading.Lock()
        self._known = self._read()

    def _read(self) -> dict[bytes, str]:
        """File ids by the marks of what was sent. A torn or strange line is none."""
        known = {}
        with contextlib.suppress(OSError, ValueError):
            for line in records.read(self._file, most=MOST_BYTES).splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    said = json.loads(line)
                    known[bytes.fromhex(said["sent"])] = str(said["file_id"])
        return known

    def file_id(self, name: str, path: str) -> str | None:
        """The File that an earlier run made of this file as it is now."""
        if not self._known:
            return None
        with contextlib.suppress(OSError, ValueError):
            return self._known.get(_mark(name, os.stat(path)))
        return None

    def add(self, name: str, facts: os.stat_result, file_id: str) -> None:
        """It was sent as these facts tell. A disk that takes no more ends the record, not the batch."""
        said = {"sent": _mark(name, facts).hex(), "file_id": file_id}
        with self._lock:
            if self._file.closed:
                return
            try:
                records.append(self._file, json.dumps(said).encode("ascii") + b"\n")
            except OSError as error:
                LOGGER.warning("The journal %s cannot be kept any more (%s).", self._path, error.strerror)
                self._file.close()

    def forget(self) -> None:
        """All is sent."""
        with self._lock:
            records.remove(self._file, self._path)

    def close(self) -> None:
        """Keep it for another run, unless nothing is in it. Harmless when repeated."""
        with self._lock:
            if not self._file.closed and records.is_empty(self._file):
                records.remove(self._file, self._path)
            self._file.close()


def _mark(name: str, facts: os.stat_result) -> bytes:
    """Another name, size, time of change or file is another mark."""
    about = f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\0{facts.st_ino}"
    return hashlib.sha256(about.encode("utf-8", "surrogatepass")).digest()[:16]


def open_sendings(folder: Path, about: Sequence[str]) -> Sendings | None:
    """The record of the batch that this is about; None, with a warning, while another run has it or where
    none can be kept."""
    if not folder.is_absolute():
        return None
    name = records.name_for(("files", *about))
    try:
        file = records.opened(folder, name)
    except (OSError, ValueError) as error:
        LOGGER.warning("No journal can be kept in %s (%s).", folder, error)
        return None
    if file is None:
        LOGGER.warning(
            "Another run is sending the same files; this one sends all of them and keeps no journal."
        )
        return None
    return Sendings(file, folder / name)
