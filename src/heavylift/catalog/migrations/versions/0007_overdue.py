"""A project's open Uploads by their deadlines: a list of what has expired passes none that is still open."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
least = "0002"

PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.create_index(
        "uploads_overdue",
        "uploads",
        ["project", "expires_at", "id"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
