"""What facts cost in PostgreSQL: bytes of a row with its indexes, durable transactions a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from bench.findings import Breakdown, Curve, Finding
from bench.peers.stores import Postgres
from bench.session import Bench
from heavylift.catalog import open_catalog
from heavylift.domain import ids
from heavylift.domain.checksums import EMPTY
from heavylift.domain.files import Extent, File
from heavylift.domain.uploads import Part, Upload
from heavylift.service.ports import Catalog, Project

PARTS_OF_ONE = 8
"""Parts of each of the Uploads that the tables are filled with."""

WRITERS = (1, 4, 16, 64)
SECONDS = 3.0
PROJECT = "proj_" + "0" * 22

FILL = (
    "INSERT INTO uploads SELECT 'upload_' || lpad(i::text, 22, '0'), %(project)s, 'data-' || i || '.jsonl',"
    " 'user_data', 'application/jsonl', 67108864, 1700000000, 1700003600, NULL, 'completed', 67108864, 8,"
    " 'file-' || lpad(i::text, 22, '0'), md5(i::text) || md5(i::text) FROM generate_series(1, %(many)s) i",
    "INSERT INTO files SELECT 'file-' || lpad(i::text, 22, '0'), %(project)s, 'data-' || i || '.jsonl',"
    " 'user_data', 67108864, substr(md5(i::text), 1, 16), 1700000000, NULL"
    " FROM generate_series(1, %(many)s) i",
    "INSERT INTO parts SELECT 'part_' || lpad(n::text, 22, '0'), %(project)s,"
    " 'upload_' || lpad((n / 8 + 1)::text, 22, '0'), 'file-' || lpad((n / 8 + 1)::text, 22, '0'), n %% 8,"
    " md5(n::text), 8388608, substr(md5(n::text), 1, 16), 1700000000"
    " FROM generate_series(0, %(many)s * 8 - 1) n",
)
"""Completed Uploads of eight Parts each, as the service leaves them: ids ascend, blobs are random."""

SIZES = """
SELECT relname, pg_relation_size(oid)::float8 / %(rows)s, pg_indexes_size(oid)::float8 / %(rows)s
FROM pg_class WHERE relname = %(table)s
"""


def facts(bench: Bench) -> Iterator[Finding]:
    """Sizes first, then the same transactions over empty and over filled tables."""
    many = 10_000 if bench.quick else 125_000
    with bench.field() as field:
        postgres = field.add(Postgres)
        assert isinstance(postgres, Postgres)
        series = {f"{name}, empty": points for name, points in asyncio.run(_rates(postgres.url)).items()}
        bench.say("measured over empty tables")
        yield _sizes(postgres.url, many)
        bench.say(f"filled with {many} Uploads of {PARTS_OF_ONE} Parts")
        filled = asyncio.run(_rates(postgres.url))
    series |= {f"{name}, {many * PARTS_OF_ONE:,} Parts": points for name, points in filled.items()}
    yield Curve(
        name="facts-rates",
        title="Facts a second in PostgreSQL",
        meaning="Durable transactions a second by one process with its eight connections, for so many"
        " callers at once: a Part added to one Upload or to many in turn, an Upload of one Part created and"
        " completed (three transactions, counted as one), a File looked up. Over empty tables, and over"
        " filled ones.",
        x_label="callers",
        y_label="a second",
        series=series,
    )


def _sizes(url: str, many: int) -> Finding:
    rows = {"uploads": many, "files": many, "parts": many * PARTS_OF_ONE}
    found: dict[str, tuple[float, float, float]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement.encode(), {"project": PROJECT, "many": many})
        connection.execute("VACUUM ANALYZE")
        for table, count in rows.items():
            answer = connection.execute(SIZES.encode(), {"table": table, "rows": count}).fetchone()
            assert answer is not None
            found[table] = (answer[1], answer[2], answer[1] + answer[2])
    whole = sum(found[table][2] * count for table, count in rows.items()) / many
    found[f"one File of {PARTS_OF_ONE} Parts, its Upload too"] = (0.0, 0.0, whole)
    return Breakdown(
        name="facts-sizes",
        title="Bytes of a row in PostgreSQL",
        meaning="Bytes on the disk for each row, by pg_relation_size and pg_indexes_size over"
        f" {many:,} completed Uploads of {PARTS_OF_ONE} Parts each, just loaded and vacuumed.",
        unit="bytes",
        columns=("table", "indexes", "both"),
        stacked=("table", "indexes"),
        rows=found,
    )


@dataclass(slots=True)
class Story:
    """What is done again and again, to a project of its own."""

    catalog: Catalog
    uploads: Sequence[Upload]
    file: File
    turn: int = 0

    @classmethod
    async def begin(cls, catalog: Catalog) -> "Story":
        """With pending Uploads that take Parts, and a File to look up."""
        project = Project(id=ids.new_id(ids.PROJECT, now=time.time()), name=str(time.time_ns()), created_at=0)
        await catalog.add_project(project)
        uploads = [_upload(project.id) for _ in range(max(WRITERS))]
        for upload in uploads:
            await catalog.add_upload(upload)
        file = _file(project.id)
        await catalog.add_file(file, [_extent()], bytes_until=2**62)
        return cls(catalog=catalog, uploads=uploads, file=file)

    async def add_to_one(self) -> None:
        """A Part to the first of them: its row makes callers take turns."""
        assert await self._added(self.uploads[0])

    async def add_to_many(self) -> None:
        """A Part to the next of them."""
        self.turn += 1
        assert await self._added(self.uploads[self.turn % len(self.uploads)])

    async def whole_upload(self) -> None:
        """Created, one Part, completed."""
        upload = _upload(self.file.project)
        await self.catalog.add_upload(upload)
        part = await self._added(upload)
        assert await self.catalog.complete(
            upload.project, upload.id, file=_file(upload.project), extents=[part.extent], receipt="r",
            judged_at=time.time(), due=0,
        )  # fmt: skip

    async def look_up(self) -> None:
        """A File by its id."""
        assert await self.catalog.file(self.file.project, self.file.id, now=time.time())

    async def _added(self, upload: Upload) -> Part:
        now = time.time()
        part = Part(
            id=ids.new_id(ids.PART, now=now), upload_id=upload.id, created_at=int(now), extent=_extent()
        )
        assert await self.catalog.add_part(
            upload.project, part, judged_at=now, bytes_until=2**62, held_bytes=2**62, held_parts=2**31
        )
        return part


def _upload(project: str) -> Upload:
    now = time.time()
    return Upload(
        id=ids.new_id(ids.UPLOAD, now=now), project=project, filename="data.jsonl", purpose="user_data",
        mime_type="application/jsonl", bytes=100, created_at=int(now), expires_at=int(now) + 3600,
    )  # fmt: skip


def _file(project: str) -> File:
    now = time.time()
    return File(
        id=ids.new_id(ids.FILE, now=now), project=project, filename="data.jsonl", purpose="user_data",
        bytes=100, checksum=EMPTY, created_at=int(now),
    )  # fmt: skip


def _extent() -> Extent:
    return Extent(blob=ids.new_blob_key(), bytes=100, checksum=EMPTY)


async def _rates(url: str) -> dict[str, list[tuple[float, float]]]:
    catalog = open_catalog(url)
    try:
        story = await Story.begin(catalog)
        deeds = {
            "a Part, all to one Upload": story.add_to_one,
            "a Part, to many Uploads": story.add_to_many,
            "whole Uploads": story.whole_upload,
            "a File looked up": story.look_up,
        }
        return {
            name: [(many, await _rate(deed, callers=many)) for many in WRITERS]
            for name, deed in deeds.items()
        }
    finally:
        await catalog.close()


async def _rate(deed: Callable[[], Awaitable[None]], *, callers: int) -> float:
    """How often a second it is done by so many at once."""
    done = 0
    until = time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await deed()
            done += 1

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return done / (time.perf_counter() - began)
