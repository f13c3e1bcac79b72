"""Keys of requests that are done once, however often they come."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
least = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("project", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("made", TEXT, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["created_at"])
