"""The transactions that carry every row from one catalog to another."""

from collections.abc import Callable, Mapping, Sequence

from heavylift.catalog.transactions import Parameters, Statement, Transaction, ask, for_each
from heavylift.service.facts import Fact, Journey, Table

COLUMNS: Mapping[Table, Sequence[str]] = {
    "projects": ("id", "name", "created_at"),
    "keys": ("id", "project", "name", "hint", "digest", "created_at", "revoked_at"),
    "parts": (
        "id", "project", "upload_id", "file_id", "position", "blob", "bytes", "checksum", "created_at",
    ),
    "files": ("id", "project", "filename", "purpose", "bytes", "checksum", "created_at", "expires_at"),
    "uploads": (
        "id", "project", "filename", "purpose", "mime_type", "bytes", "created_at", "expires_at",
        "file_lifetime", "state", "held_bytes", "held_parts", "file_id", "receipt",
    ),
}  # fmt: skip

DUMPS: Mapping[Table, Callable[[str, int], Statement]] = {
    "projects": lambda after, limit: ask("dump_projects", after=after, limit=limit),
    "keys": lambda after, limit: ask("dump_keys", after=after, limit=limit),
    "parts": lambda after, limit: ask("dump_parts", after=after, limit=limit),
    "files": lambda after, limit: ask("dump_files", after=after, limit=limit),
    "uploads": lambda after, limit: ask("dump_uploads", after=after, limit=limit),
}

LOADS: Mapping[Table, Callable[[Sequence[Parameters]], Statement]] = {
    "projects": lambda facts: for_each("load_project", facts),
    "keys": lambda facts: for_each("load_key", facts),
    "parts": lambda facts: for_each("load_part", facts),
    "files": lambda facts: for_each("load_file", facts),
    "uploads": lambda facts: for_each("load_upload", facts),
}


DROPS: Mapping[Table, Callable[[Sequence[Parameters]], Statement]] = {
    "projects": lambda facts: for_each("drop_project", facts),
    "keys": lambda facts: for_each("drop_key", facts),
    "parts": lambda facts: for_each("drop_part", facts),
    "files": lambda facts: for_each("drop_file", facts),
    "uploads": lambda facts: for_each("drop_upload", facts),
}


def dump(table: Table, *, after: str, limit: int) -> Transaction[list[Fact]]:
    rows = yield DUMPS[table](after, limit)
    return [{column: row[column] for column in COLUMNS[table]} for row in rows]


def load(table: Table, facts: Sequence[Fact]) -> Transaction[None]:
    yield DROPS[table](facts)
    if table == "parts":  # a run that was broken off, and a sweep since, may have taken it for garbage
        yield for_each("forget_garbage", [{"blob": fact["blob"]} for fact in facts])
    yield LOADS[table](facts)


def unload(table: Table, ids: Sequence[str], *, due: float) -> Transaction[None]:
    rows: list[Parameters] = [{"id": one} for one in ids]
    if table == "parts":
        yield for_each("discard_part_blob", [{**row, "due": due} for row in rows])
    yield DROPS[table](rows)


def find_move() -> Transaction[Journey | None]:
    rows = yield ask("find_move")
    return Journey(came_from=rows[0]["came_from"], digest=rows[0]["digest"]) if rows else None


def remember_move(journey: Journey) -> Transaction[None]:
    yield ask("remember_move", came_from=journey.came_from, digest=journey.digest)
