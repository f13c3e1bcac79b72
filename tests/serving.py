"""A real heavylift server in a process of its own: started, watched, stopped by the tests."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from heavylift.catalog import migrate_catalog

START_SECONDS = 60.0
"""A bound, not a wait: a server that has not said its URL by then has failed."""

KEY = "hl-test-key-of-the-default-project"


@dataclass
class Served:
    """A running server. `url` ends in /v1; `lines` are what it has logged so far, `said` what it has printed
    after its URL."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    key: str
    lines: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def root(self) -> str:
        """The URL without /v1."""
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.root.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The process that `heavylift serve` is."""
        return self.process.pid

    def blobs(self) -> list[Path]:
        """Every blob file on its disk."""
        return [path for path in (self.data / "blobs").glob("??/*") if path.is_file()]

    def workers(self) -> list[psutil.Process]:
        """The processes that serve for it, if there are several."""
        return [
            child for child in psutil.Process(self.pid).children() if child.status() != psutil.STATUS_ZOMBIE
        ]

    def told(self, event: str) -> list[dict[str, Any]]:
        """What it has logged under that name so far."""
        found = [json.loads(line) for line in list(self.lines) if f'"{event}"' in line and line[0] == "{"]
        return [one for one in found if one["event"] == event]

    def kill(self) -> None:
        """End it at once, as a power cut would, its workers too."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for process in family:
            if process.is_running():
                process.kill()
        self.process.wait(START_SECONDS)

    def stop(self) -> int:
        """Ask it to stop, wait for it, and say its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)

    def close(self) -> None:
        """Stop it, if it still runs. From then on `lines` and `said` have all that it ever told."""
        self.stop()
        for reader in self.readers:
            reader.join(START_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def listen(self, stream: Iterable[str], lines: list[str]) -> None:
        """Go on reading what it says, so that it never has to wait for a reader."""
        self.readers.append(threading.Thread(target=_collect, args=(stream, lines), daemon=True))
        self.readers[-1].start()


def start(
    data: Path,
    *,
    options: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    key: str = KEY,
    port: int = 0,
    before: tuple[str, ...] = (),
) -> Served:
    """Start `heavylift serve` over the folder `data` on a port of loopback; 0 is a free one.

    A SQLite catalog that is not there yet is laid there first, migrated and empty.
    """
    scheme, _, place = (
        (env or {}).get("HEAVYLIFT_CATALOG", f"sqlite:///{data}/catalog.sqlite").partition(":///")
    )
    if scheme == "sqlite" and not Path(place).exists():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes(empty_catalog())
    process = subprocess.Popen(
        [
            *before,
            sys.executable,
            "-m",
            "heavylift.cli",
            "serve",
            "--data",
            str(data),
            "--port",
            str(port),
            *options,
        ],
        env={
            **os.environ,
            "HEAVYLIFT_BOOTSTRAP_KEY": key,
            "HEAVYLIFT_LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    served = Served(process=process, url="", data=data, key=key)
    served.listen(process.stderr, served.lines)
    overdue = threading.Timer(START_SECONDS, process.kill)
    overdue.start()
    try:
        for line in process.stdout:
            if line.startswith("heavylift serves "):
                served.url = line.split()[-1]
                break
    finally:
        overdue.cancel()
    assert served.url, f"the server did not start: {served.lines}"
    served.listen(process.stdout, served.said)
    return served


@cache
def empty_catalog() -> bytes:
    """A SQLite database that holds nothing yet. To migrate costs half as much as the rest of a start."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "catalog.sqlite")
        migrate_catalog(f"sqlite:///{database}")
        return database.read_bytes()


def _collect(stream: Iterable[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)


@contextmanager
def serving(
    data: Path,
    *,
    options: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
) -> Iterator[Served]:
    """A server for the length of a `with` block; `before` is a command that runs it, such as strace."""
    served = start(data, options=options, env=env, before=before)
    try:
        yield served
    finally:
        served.close()
