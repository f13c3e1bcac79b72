"""What the catalog calls itself: the blobs that are its own bear this name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
least = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("marked", sa.BigInteger(), nullable=False),
    )
