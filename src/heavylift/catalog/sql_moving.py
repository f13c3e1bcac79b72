"""The transactions that carry every row from one catalog to another."""

from collections.abc import Callable, Mapping, Sequence

from heavylift.catalog.transactions import Parameters, Statement, Transaction, ask, for_each
from heavylift.service.facts import Fact, Table

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


def dump(table: Table, *, after: str, limit: int) -> Transaction[list[Fact]]:
    rows = yield DUMPS[table](after, limit)
    return [{column: row[column] for column in COLUMNS[table]} for row in rows]


def load(table: Table, facts: Sequence[Fact]) -> Transaction[None]:
    yield LOADS[table](facts)
