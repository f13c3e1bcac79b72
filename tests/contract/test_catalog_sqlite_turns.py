"""Processes that write to one SQLite database take turns: nobody waits for many commits of another."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from heavylift.catalog import open_catalog
from tests.contract.catalog_facts import new_upload

WRITES = 100


async def test_a_write_waits_for_a_few_commits_of_another_process_and_not_for_hundreds(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    catalog = open_catalog(url)
    await catalog.ping()
    count = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)

    def theirs() -> int:
        [(found,)] = count.execute("SELECT count(*) FROM uploads WHERE project = 'proj_hammer'")
        return int(found)

    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.catalog_hammer", url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as hammer:  # fmt: skip
        assert hammer.stdin is not None
        assert hammer.stdout is not None
        assert hammer.stdout.readline() == "ready\n"
        waited = []
        for _ in range(WRITES):
            before = theirs()
            await catalog.add_upload(new_upload())
            waited.append(theirs() - before)
        hammer.stdin.close()
    count.close()
    await catalog.close()
    assert sum(waited) > WRITES // 2, "the other one wrote meanwhile"
    assert sorted(waited)[WRITES * 9 // 10] <= 10
    assert max(waited) <= 50


async def test_a_process_that_stands_still_with_the_turn_stops_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    catalog = open_catalog(url)
    await catalog.ping()
    holder = """if True:
        import fcntl, sys
        file = open(sys.argv[1], "r+")
        fcntl.lockf(file, fcntl.LOCK_EX, 2, 1)
        print()
        input()"""
    with subprocess.Popen(
        [sys.executable, "-c", holder, f"{tmp_path}/catalog.sqlite-serving"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as standing:  # fmt: skip
        assert standing.stdout is not None
        standing.stdout.readline()
        upload = new_upload()
        await catalog.add_upload(upload)
        assert await catalog.upload(upload.project, upload.id) == upload
        standing.communicate("\n")
    await catalog.close()
