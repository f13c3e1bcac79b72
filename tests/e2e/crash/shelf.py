"""What must be on the disk: exactly what the catalog points at, whole."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
from awscrt.checksums import crc64nvme

from heavylift.settings import Settings
from heavylift.stores import make_sweeper, open_stores
from tests.e2e.crash.calls import all_files
from tests.e2e.crash.patience import SWEEP
from tests.e2e.wire import content_of


def sweep(data: Path, *, later: float = 0.0) -> None:
    """Reclaim everything that can be, as the command does it: the first search may have been cut off.

    `later`: as it would go that many seconds from now.
    """
    patience = {name.removeprefix("HEAVYLIFT_").lower(): float(value) for name, value in SWEEP.items()}
    settings = Settings(data=data, **patience)

    async def one_round() -> None:
        async with open_stores(settings) as stores:
            for _ in range(2):
                sweeper = make_sweeper(settings, stores, clock=lambda: time.time() + later)
                await sweeper.round(confirmed=True)

    asyncio.run(one_round())


def sweep_command(data: Path) -> list[str]:
    """`heavylift sweep` over that folder."""
    return [sys.executable, "-m", "heavylift.cli", "sweep", "--yes", "--data", str(data)]


@contextmanager
def facts(data: Path) -> Iterator[sqlite3.Connection]:
    """The catalog, read as a file. Only while no crash is to be recovered from."""
    with closing(sqlite3.connect(data / "catalog.sqlite")) as catalog:
        yield catalog


def check_disk(data: Path) -> None:
    """After a sweep: the blobs on the disk are those that the catalog points at, byte for byte."""
    with facts(data) as catalog:
        pointed_at = {
            blob: (size, crc)
            for blob, size, crc in catalog.execute("SELECT blob, bytes, checksum FROM parts")
        }
        garbage = {blob for (blob,) in catalog.execute("SELECT blob FROM garbage")}
        assert catalog.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert garbage.isdisjoint(pointed_at)
    assert blobs_on(data) == pointed_at


def blobs_on(data: Path) -> dict[str, tuple[int, str]]:
    """Every file in the folder of blobs: its size and checksum, by its name."""
    contents = {path.name: path.read_bytes() for path in (data / "blobs").glob("??/*") if path.is_file()}
    return {name: (len(content), f"{crc64nvme(content):016x}") for name, content in contents.items()}


def check_files(api: httpx2.Client, files: Mapping[str, bytes]) -> None:
    """The service has exactly these Files, and gives back their bytes."""
    assert set(all_files(api)) == set(files)
    for file, body in files.items():
        assert content_of(api, file) == body
