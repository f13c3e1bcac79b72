"""What reclaiming has to remember: why a blob may go, when orphans were looked for, a move under way."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
least = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def only_row() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.add_column("garbage", sa.Column("why", TEXT, nullable=True))
    op.create_table(
        "orphan_search",
        only_row(),
        sa.Column("searched_at", sa.Double(), nullable=False),
        sa.Column("doubted_at", sa.Double(), nullable=True),
    )
    op.create_table(
        "move",
        only_row(),
        sa.Column("came_from", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=True),
    )
