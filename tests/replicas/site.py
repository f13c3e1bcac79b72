"""An installation of several servers over PostgreSQL and an object store, and what it may not leave there."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from heavylift.blobs.keys import is_key
from tests.contract.engines_postgres import Server
from tests.e2e.wire import eventually
from tests.objects.engines import BUCKET, ObjectStore
from tests.ports import free_port
from tests.serving import Served, start

POINTLESS = {
    "a Part of no Upload": "SELECT id FROM parts WHERE upload_id NOT IN (SELECT id FROM uploads)",
    "a Part of no File": "SELECT id FROM parts WHERE file_id NOT IN (SELECT id FROM files)",
    "a Part that was not listed": "SELECT p.id FROM parts p JOIN uploads u ON u.id = p.upload_id"
    " WHERE u.state <> 'pending' AND p.file_id IS NULL",
    "a Part of nobody": "SELECT id FROM parts WHERE upload_id IS NULL AND file_id IS NULL",
    "bytes of an Upload that nobody goes on with": "SELECT id FROM uploads"
    " WHERE state = 'pending' AND held_parts > 0",
    "garbage": "SELECT blob FROM garbage",
}
"""Rows that must not be there once all clients are done: what they are, and how to find them."""

SWEEPS = {"HEAVYLIFT_IDLE_TIMEOUT": "0.5", "HEAVYLIFT_BODY_TIMEOUT": "0.5", "HEAVYLIFT_ORPHAN_GRACE": "1"}
"""For a sweep when nobody sends any more: what nothing points at need not lie for hours."""


@dataclass(slots=True, kw_only=True)
class Site:
    """The servers and what they share. `ended` are those that had to be started anew."""

    replicas: list[Served]
    folder: Path
    env: Mapping[str, str]
    postgres: Server
    database: str
    store: ObjectStore
    prefix: str
    ended: list[Served] = field(default_factory=list)

    @property
    def ports(self) -> list[int]:
        return [served.port for served in self.replicas]

    def at(self, port: int) -> Served:
        """The server that listens there."""
        [found] = [served for served in self.replicas if served.port == port]
        return found

    def start_new(self, data: Path) -> None:
        """One more server."""
        self.replicas.append(start(data, env=self.env, port=free_port()))

    def start_again(self, ended: Served) -> Served:
        """Start one that has ended, where it was."""
        assert ended.process.poll() is not None
        self.ended.append(ended)
        self.replicas.remove(ended)
        again = start(ended.data, env=self.env, port=ended.port)
        self.replicas.append(again)
        return again

    def ask(self, query: str) -> list[str]:
        """The first column of what the database answers."""
        return sorted(row[0] for row in self.postgres.ask(query, database=self.database))

    def debris(self) -> dict[str, list[str]]:
        """What nobody can ask for, by kind."""
        found = {kind: self.ask(query) for kind, query in POINTLESS.items()}
        pointed = {f"{self.prefix}/{blob}" for blob in self.ask("SELECT blob FROM parts")}
        objects = {path for path in self.store.objects(self.prefix) if is_key(path.rpartition("/")[2])}
        found |= {
            "objects that nothing points at": sorted(objects - pointed),
            "Parts without their bytes": sorted(pointed - objects),
            "unfinished multipart uploads": self.store.unfinished(self.prefix),
        }
        return {kind: names for kind, names in found.items() if names}

    def sweep(self) -> None:
        """`heavylift sweep`, as an operator would say it."""
        subprocess.run(
            [sys.executable, "-m", "heavylift.cli", "sweep", "--yes", "--data", str(self.folder)],
            env={**os.environ, **self.env, **SWEEPS}, check=True, capture_output=True, text=True,
        )  # fmt: skip

    def swept_clean(self) -> None:
        """All clients are done: whatever nobody can ask for goes away when it is swept."""

        def clean() -> bool:
            self.sweep()
            return not self.debris()

        try:
            eventually(clean)
        except AssertionError:
            raise AssertionError(self.debris()) from None


@contextmanager
def running(folder: Path, postgres: Server, store: ObjectStore, *, replicas: int) -> Iterator[Site]:
    """So many servers over a new database and a new prefix of the bucket, stopped and clean in the end."""
    url, prefix = postgres.fresh(), uuid4().hex
    env = {
        **store.environment(),
        "HEAVYLIFT_CATALOG": url,
        "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/{prefix}",
        "HEAVYLIFT_SWEEP_INTERVAL": "1",
        "HEAVYLIFT_DELETE_GRACE": "0",
    }
    site = Site(
        replicas=[], folder=folder, env=env, postgres=postgres, store=store, prefix=prefix,
        database=url.rpartition("/")[2],
    )  # fmt: skip
    try:
        with ThreadPoolExecutor(replicas) as pool:
            starting = [pool.submit(site.start_new, folder / str(number)) for number in range(replicas)]
        for one in starting:
            one.result()
        yield site
        site.swept_clean()
    finally:
        for served in site.replicas:
            served.stop()
        for served in site.replicas + site.ended:
            served.close()
    logged = [line for served in site.replicas + site.ended for line in served.lines]
    assert [line for line in logged if "Traceback" in line or "request.failed" in line] == []
