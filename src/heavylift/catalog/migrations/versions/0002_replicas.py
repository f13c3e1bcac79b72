"""What many replicas need: leases, the gate of arrivals, and who may use this schema."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
least = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
    )
    # always empty: a table to lock, never one to fill
    op.create_table("arrivals", sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False))
    op.create_table(
        "compatibility",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("least", TEXT, nullable=False),
    )
