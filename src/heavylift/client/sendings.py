"""Which files of a batch have been sent, in a small file, for the next run to leave them out.

It is kept only while something is left to do. Nothing in it is believed: a File is asked for before its
file is left out. Before anything is sent it holds what all idempotency keys of the batch are made of, so that
whoever is killed before the answers are written down asks again under the same keys.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from secrets import token_hex
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
        self._keys = ""
        self._torn = False
        self._known = self._read()

    def _read(self) -> dict[bytes, str]:
        """File ids by the marks of what was sent. A torn or strange line is none."""
        known = {}
        with contextlib.suppress(OSError, ValueError):
            content = records.read(self._file, most=MOST_BYTES)
            self._torn = bool(content) and not content.endswith(b"\n")
            for line in content.splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    said = json.loads(line)
                    if "keys" in said:
                        self._keys = str(said["keys"])
                    else:
                        known[bytes.fromhex(said["sent"])] = str(said["file_id"])
        return known

    def file_id(self, name: str, path: str) -> str | None:
        """The File that an earlier run made of this file as it is now."""
        if not self._known:
            return None
        with contextlib.suppress(OSError, ValueError):
            return self._known.get(_mark(name, os.stat(path)))
        return None

    def key(self, name: str, path: str, facts: os.stat_result) -> str:
        """The idempotency key for this file as these facts tell: the same in every run of the batch. "" where
        none can be kept."""
        with self._lock:
            if not self._keys:
                fresh = token_hex(16)
                self._keys = fresh if self._append({"keys": fresh}) else ""
            about = f"{self._keys}\0{os.path.abspath(path)}".encode("utf-8", "surrogatepass")
            return hashlib.sha256(about + _mark(name, facts)).hexdigest() if self._keys else ""

    def add(self, name: str, facts: os.stat_result, file_id: str) -> None:
        """It was sent as these facts tell. A disk that takes no more ends the record, not the batch."""
        with self._lock:
            self._append({"sent": _mark(name, facts).hex(), "file_id": file_id})

    def _append(self, said: dict[str, str]) -> bool:
        """One more line, apart from one that a killed run has left torn."""
        if self._file.closed:
            return False
        try:
            line = json.dumps(said).encode("ascii") + b"\n"
            records.append(self._file, b"\n" + line if self._torn else line)
            self._torn = False
        except OSError as error:
            LOGGER.warning("The journal %s cannot be kept any more (%s).", self._path, error.strerror)
            self._file.close()
            return False
        return True

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
