"""The transactions of projects and their API keys."""

from dataclasses import asdict

from heavylift.catalog.transactions import Row, Transaction, ask
from heavylift.service.ports import Key, Project


def add_project(project: Project) -> Transaction[bool]:
    rows = yield ask("insert_project", **asdict(project))
    return bool(rows)


def list_projects() -> Transaction[list[Project]]:
    rows = yield ask("list_projects")
    return [to_project(row) for row in rows]


def add_key(key: Key, digest: str) -> Transaction[bool]:
    rows = yield ask("insert_key", digest=digest, **asdict(key))
    return bool(rows)


def list_keys(project: str | None) -> Transaction[list[Key]]:
    if project is None:
        rows = yield ask("list_keys")
    else:
        rows = yield ask("list_keys_of_project", project=project)
    return [to_key(row) for row in rows]


def find_key_owner(digest: str) -> Transaction[Project | None]:
    rows = yield ask("find_key_owner", digest=digest)
    return to_project(rows[0]) if rows else None


def revoke_key(key_id: str, *, now: float) -> Transaction[bool]:
    rows = yield ask("revoke_key", id=key_id, now=int(now))
    return bool(rows)


def to_project(row: Row) -> Project:
    return Project(id=row["id"], name=row["name"], created_at=row["created_at"])


def to_key(row: Row) -> Key:
    return Key(
        id=row["id"],
        project=row["project"],
        name=row["name"],
        hint=row["hint"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
