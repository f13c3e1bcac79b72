"""A backup that was taken while uploads ran, restored: whatever was acknowledged before it reads back."""

import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import obstore

from heavylift.service.ownership import MARK
from tests.contract import engines_postgres
from tests.contract.engines_postgres import Server
from tests.e2e.crash.shelf import sweep_command
from tests.e2e.wire import completed, content_of, eventually, speaking
from tests.objects import engines
from tests.objects.engines import BUCKET, ObjectStore
from tests.serving import Served, serving

LONG_AGO = 1_700_000_000
FEW = 5
"""Files that are there before a backup begins, and that come between its two steps."""

OFTEN = {"HEAVYLIFT_SWEEP_INTERVAL": "0.3"}
"""The lease of a sweeper is in the backup too, and must have ended when the restored service wants it."""

EAGER = {
    **OFTEN,
    "HEAVYLIFT_IDLE_TIMEOUT": "2",
    "HEAVYLIFT_BODY_TIMEOUT": "2.5",
    "HEAVYLIFT_ORPHAN_GRACE": "3",
    "HEAVYLIFT_ORPHAN_INTERVAL": "0.5",
}
"""Orphans are found as soon as they lie still for a moment."""


class Uploading:
    """Somebody who uploads file after file, and remembers what was acknowledged."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._stop = threading.Event()
        self.files: dict[str, bytes] = {}

    def run(self) -> None:
        with speaking(self._served.url, self._served.key) as api:
            while not self._stop.is_set():
                pieces = (os.urandom(3000), os.urandom(5000))
                done = completed(api, *pieces)
                self.files[done["file"]["id"]] = b"".join(pieces)

    def more(self, count: int) -> dict[str, bytes]:
        """All that are acknowledged once so many more are."""
        wanted = len(self.files) + count
        eventually(lambda: len(self.files) >= wanted)
        return dict(self.files)

    def end(self) -> None:
        self._stop.set()


@contextmanager
def uploading(served: Served) -> Iterator[Uploading]:
    someone = Uploading(served)
    thread = threading.Thread(target=someone.run)
    thread.start()
    try:
        yield someone
    finally:
        someone.end()
        thread.join()


def check(api: httpx2.Client, promised: dict[str, bytes]) -> None:
    for file, content in promised.items():
        assert content_of(api, file) == content


def test_a_folder_restored_has_every_file_of_that_moment_and_loses_the_orphans(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    backup.mkdir()
    with serving(data, env=OFTEN) as served, uploading(served) as someone:
        promised = someone.more(FEW)
        with sqlite3.connect(f"file:{data}/catalog.sqlite?mode=ro", uri=True) as catalog:
            catalog.execute(f"VACUUM INTO '{backup}/catalog.sqlite'")
        catalog.close()
        someone.more(FEW)
        subprocess.run(["cp", "-al", str(data / "blobs"), str(backup / "blobs")], check=True)
        someone.more(1)
    shutil.rmtree(data)
    for path in (backup / "blobs").glob("??/*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    with serving(backup, env=EAGER) as served, speaking(served.url, served.key) as api:
        check(api, promised)
        with sqlite3.connect(f"file:{backup}/catalog.sqlite?mode=ro", uri=True) as catalog:
            sweep_all(backup, EAGER)
            eventually(lambda: len(served.blobs()) == parts_in(catalog))
        catalog.close()
        check(api, promised)
        completed(api, b"and goes on")


def sweep_all(data: Path, env: Mapping[str, str]) -> None:
    """What came after the backup goes now: where it is much, on a word alone."""
    eventually(lambda: subprocess.run(
        sweep_command(data), env={**os.environ, **env}, capture_output=True, check=False
    ).returncode == 0)  # fmt: skip


def parts_in(catalog: sqlite3.Connection) -> int:
    [(count,)] = catalog.execute("SELECT count(*) FROM parts").fetchall()
    return int(count)


def test_the_blobs_before_the_facts_would_be_the_wrong_order(tmp_path: Path) -> None:
    """Which is why the other one is the rule."""
    data = tmp_path / "data"
    with serving(data) as served, uploading(served) as someone:
        someone.more(1)
        copied = {path.name for path in served.blobs()}
        someone.more(2)  # the next file's blobs may all have been there already, not those of the one after
        with sqlite3.connect(f"file:{data}/catalog.sqlite?mode=ro", uri=True) as catalog:
            known = {blob for (blob,) in catalog.execute("SELECT blob FROM parts")}
        catalog.close()
    assert known - copied


def test_a_database_and_a_bucket_restored_have_every_file_of_that_moment(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with engines_postgres.running("18") as server, engines.seaweed(tmp_path / "store") as store:
        before, after = server.fresh(), server.empty()
        env = {**store.environment(), **OFTEN}
        live = {**env, "HEAVYLIFT_CATALOG": before, "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/live"}
        with serving(tmp_path / "live", env=live) as served, uploading(served) as someone:
            promised = someone.more(FEW)
            pg(server, "pg_dump", "--format=custom", f"--file={server.folder}/dump", before)
            someone.more(FEW)
            copy(store, "live", "copy")
            someone.more(1)
        pg(server, "pg_restore", f"--dbname={after}", f"{server.folder}/dump")
        [(known,)] = server.ask("SELECT count(*) FROM parts", database=after.rpartition("/")[2])
        assert len(store.objects("copy")) > known
        restored = {**env, **EAGER, "HEAVYLIFT_CATALOG": after, "HEAVYLIFT_BLOBS": f"s3://{BUCKET}/copy"}
        with serving(tmp_path / "restored", env=restored) as served, speaking(served.url, served.key) as api:
            check(api, promised)
            sweep_all(tmp_path / "restored", restored)
            eventually(lambda: len(store.objects("copy")) == known)
            check(api, promised)


def pg(server: Server, program: str, *words: str) -> None:
    server.folder.chmod(0o777)
    server.run(program, *words)


def copy(store: ObjectStore, old: str, new: str) -> None:
    """Every object of a prefix under another, the mark too."""
    client = store.client()
    for path in [*store.objects(old), f"{old}/{MARK}"]:
        obstore.copy(client, path, path.replace(old, new, 1))
