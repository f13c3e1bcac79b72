"""Projects and keys, uploads, files, the parts of both, and the garbage."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
least = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Compares bytewise, as SQLite does anyhow: ids sort by creation, on every database alike."""

NUMBER = sa.BigInteger()
"""Bytes, counts, Unix seconds."""

PENDING = sa.text("state = 'pending'")
CLOSED = sa.text("state <> 'pending'")


def text(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable, primary_key=primary_key)


def number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable)


def index(
    name: str, table: str, *columns: str, unique: bool = False, where: sa.TextClause | None = None
) -> None:
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    create_keys()
    create_uploads()
    create_files()
    create_parts()
    op.create_table(
        "heartbeat",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        number("beats"),
    )


def create_keys() -> None:
    op.create_table("projects", text("id", primary_key=True), text("name"), number("created_at"))
    index("projects_by_name", "projects", "name", unique=True)
    op.create_table(
        "api_keys",
        text("id", primary_key=True),
        text("project"),
        text("name"),
        text("hint"),
        text("digest"),
        number("created_at"),
        number("revoked_at", nullable=True),
    )
    index("api_keys_by_digest", "api_keys", "digest", unique=True)
    index("api_keys_by_project", "api_keys", "project", "created_at", "id")


def create_uploads() -> None:
    op.create_table(
        "uploads",
        text("id", primary_key=True),
        text("project"),
        text("filename"),
        text("purpose"),
        text("mime_type"),
        number("bytes"),
        number("created_at"),
        number("expires_at"),
        number("file_lifetime", nullable=True),
        text("state"),
        number("held_bytes"),
        number("held_parts"),
        text("file_id", nullable=True),
        text("receipt", nullable=True),
    )
    index("uploads_by_project", "uploads", "project", "id")
    index("uploads_by_state", "uploads", "project", "state", "id")
    index("uploads_by_file", "uploads", "file_id", where=sa.text("file_id IS NOT NULL"))
    index("uploads_pending", "uploads", "expires_at", where=PENDING)
    index("uploads_closed", "uploads", "expires_at", where=CLOSED)


def create_files() -> None:
    op.create_table(
        "files",
        text("id", primary_key=True),
        text("project"),
        text("filename"),
        text("purpose"),
        number("bytes"),
        text("checksum"),
        number("created_at"),
        number("expires_at", nullable=True),
    )
    index("files_by_project", "files", "project", "id")
    index("files_by_purpose", "files", "project", "purpose", "id")
    index("files_by_deadline", "files", "expires_at", where=sa.text("expires_at IS NOT NULL"))


def create_parts() -> None:
    op.create_table(
        "parts",
        text("id", primary_key=True),
        text("project"),
        text("upload_id", nullable=True),
        text("file_id", nullable=True),
        number("position", nullable=True),
        text("blob"),
        number("bytes"),
        text("checksum"),
        number("created_at"),
    )
    index("parts_by_blob", "parts", "blob", unique=True)
    index("parts_by_upload", "parts", "upload_id", "id", where=sa.text("upload_id IS NOT NULL"))
    index("parts_by_file", "parts", "file_id", "position", where=sa.text("file_id IS NOT NULL"))
    op.create_table("garbage", text("blob", primary_key=True), sa.Column("due", sa.Double(), nullable=False))
    index("garbage_by_due", "garbage", "due")
