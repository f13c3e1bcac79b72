"""SQLite's catalog when the process is killed, and when the disk is full."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.catalog import open_catalog
from heavylift.domain.uploads import Part, Status, Upload
from heavylift.service.ports import Catalog, StorageFull
from tests.contract.catalog_facts import (
    ALL,
    MINE,
    NOW,
    ROOM,
    assert_counts_true,
    assert_no_blob_lost,
    blobs_of,
    new_part,
    pointed_at,
    stored_upload,
)

ROOT = Path(__file__).parents[2]
TINY = 4 * 2**20
"""Bytes of a disk that is soon full."""


def acknowledged(url: str, *, lines: int) -> list[list[str]]:
    """Let a process write until it has acknowledged so many facts, then kill it. All it acknowledged."""
    command = [sys.executable, "-m", "tests.contract.catalog_committer", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        told = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        told += child.stdout.readlines()  # the same reader: it has read ahead
    assert child.returncode == -9, "it was to die while writing"
    whole = [line for line in told if line.endswith("\n")]
    return [line.split() for line in whole]


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    facts: list[list[str]] = []
    for lines in (1, 40, 173, 400):
        facts += acknowledged(f"sqlite:///{path}", lines=lines)
        catalog = open_catalog(f"sqlite:///{path}")
        blobs = [blob for kind, _, blob in facts if kind == "part"]
        assert set(blobs) <= await pointed_at(catalog), "every acknowledged Part is there"
        await assert_no_blob_lost(catalog, blobs)
        files = {file.id for file in await catalog.files(MINE, purpose=None, now=NOW, page=ALL)}
        assert {file_id for kind, file_id, _ in facts if kind == "file"} <= files
        uploads = await catalog.uploads(MINE, status=None, now=NOW, page=ALL)
        assert {upload_id for kind, upload_id, _ in facts if kind == "part"} <= {u.id for u in uploads}
        for upload in uploads:
            assert (await assert_counts_true(catalog, upload)).state in (Status.PENDING, Status.COMPLETED)
        await catalog.close()
    assert len(facts) >= 614
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TINY}", "tmpfs", str(folder)]
    mounted = (
        os.geteuid() == 0 and shutil.which("mount") and subprocess.run(mount, check=False).returncode == 0
    )
    if not mounted:
        reason = "A FULL DISK WAS NOT TESTED: mounting a small tmpfs needs root and the right to mount"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # also if a failed test left it in use


async def store_until_full(catalog: Catalog, upload: Upload, stored: list[Part]) -> None:
    """Add Parts, many at once, until one finds no room. Those that were stored are put to `stored`."""
    for _ in range(1_000):
        parts = [new_part(upload) for _ in range(16)]
        offers = (catalog.add_part(MINE, part, **ROOM) for part in parts)
        answers = await asyncio.gather(*offers, return_exceptions=True)
        stored += [part for part, answer in zip(parts, answers, strict=True) if answer is True]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
    pytest.fail("the disk never filled")


async def test_a_full_disk_refuses_writes_and_nothing_else(tiny_disk: Path) -> None:
    catalog = open_catalog(f"sqlite:///{tiny_disk}/catalog.db")
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(TINY // 2))
    upload, stored = await stored_upload(catalog, 1)
    with pytest.raises(StorageFull, match="room"):
        await store_until_full(catalog, upload, stored)
    with pytest.raises(StorageFull):
        await store_until_full(catalog, upload, stored)
    assert (await assert_counts_true(catalog, upload)).held_parts == len(stored)
    assert set(blobs_of(stored)) <= await pointed_at(catalog)

    ballast.unlink()
    part = new_part(upload)
    await catalog.ping()
    assert await catalog.add_part(MINE, part, **ROOM)
    assert await catalog.cancel(MINE, upload.id, judged_at=NOW, due=0)
    await assert_no_blob_lost(catalog, blobs_of([*stored, part]))
    await catalog.close()

    again = open_catalog(f"sqlite:///{tiny_disk}/catalog.db")
    closed = await assert_counts_true(again, upload)
    assert closed.state is Status.CANCELLED
    await again.close()
