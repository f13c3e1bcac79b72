"""How cost grows with the catalog: the same calls over a thousand files and over a million."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.findings import Curve, Finding
from bench.peers.heavylift import Heavylift
from bench.peers.peer import running
from bench.session import Bench
from heavylift.settings import Settings
from heavylift.stores import make_sweeper, open_stores

TIMES = 15
OVERDUE = 500
"""Files that have expired when the sweep begins, whatever else there is."""

FILL = """
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO {table} SELECT {values} FROM n
"""
FILES = (
    "printf('file-%022d', i), :project, 'bench.bin', 'user_data', 4096, '0000000000000000', 1700000000,"
    " CASE WHEN i <= :overdue THEN 1700000001 END"
)
UPLOADS = (
    "printf('upload_%022d', i), :project, 'bench.bin', 'user_data', 'application/octet-stream', 4096,"
    " 1700000000, 4000000000, NULL, 'completed', 4096, 1, printf('file-%022d', i), 'sha'"
)
PARTS = (
    "printf('part_%022d', i), :project, printf('upload_%022d', i), printf('file-%022d', i), 0,"
    " lower(hex(randomblob(16))), 4096, '0000000000000000', 1700000000"
)


def catalog(bench: Bench) -> Iterator[Finding]:
    """Rows are put in behind the service's back, while it is stopped; calls go through it."""
    sizes = (1000, 10_000, 100_000) if bench.quick else (1000, 10_000, 100_000, 1_000_000)
    series: dict[str, list[tuple[float, float]]] = {}
    for many in sizes:
        with bench.field() as field:
            for name, took in _measure(field.folder, many).items():
                series.setdefault(name, []).append((many, took))
        bench.say(f"{many} files")
    yield Curve(
        name="growth-catalog",
        title="By files in the catalog",
        meaning="Milliseconds of a call over SQLite, strict durability, with so many completed Uploads, Files"
        f" and Parts there already. The sweep reclaims {OVERDUE} expired Files of them; its time is of the"
        " whole round.",
        x_label="files",
        y_label="ms",
        series=series,
    )


def _measure(folder: Path, many: int) -> dict[str, float]:
    with running(Heavylift(folder, strict=True)):
        pass  # it makes its tables and its project
    data = folder / "data"
    fill(data / "catalog.sqlite", many)
    swept = asyncio.run(_sweep(data))
    peer = Heavylift(folder, strict=True)
    with running(peer):
        _one_file(peer)
        calls: dict[str, Callable[[], object]] = {
            "create": peer.create,
            "list a page of 100": partial(peer.call, "GET", "/files?limit=100"),
            "retrieve": partial(peer.call, "GET", f"/files/file-{many:022d}"),
        }
        found = {name: median(_timed(call) for _ in range(TIMES)) for name, call in calls.items()}
        found["complete"] = median(_one_file(peer) for _ in range(TIMES))
    return {**found, "sweep": swept}


def fill(path: Path, many: int) -> None:
    """So many completed Uploads of one Part and one File each."""
    with sqlite3.connect(path) as database:
        [project] = database.execute("SELECT id FROM projects").fetchone()
        given = {"first": 1, "last": many, "project": project, "overdue": OVERDUE}
        for table, values in (("files", FILES), ("uploads", UPLOADS), ("parts", PARTS)):
            database.execute(FILL.format(table=table, values=values), given)
    database.close()


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _one_file(peer: Heavylift) -> float:
    """Milliseconds that completing an Upload of one part takes."""
    upload = peer.create(size=4096)
    part = peer.call("POST", f"/uploads/{upload}/parts", raw=bytes(4096))["id"]
    return _timed(partial(peer.call, "POST", f"/uploads/{upload}/complete", {"part_ids": [part]}))


async def _sweep(data: Path) -> float:
    settings = Settings(data=data)
    async with open_stores(settings) as stores:
        began = time.perf_counter()
        swept = await make_sweeper(settings, stores).round()
        took = (time.perf_counter() - began) * 1000
    assert swept.expired_files == OVERDUE, swept
    return took
