"""Arrivals lock their gate by a mode of its own, so that a dump, which only reads, is in nobody's way.

Whoever condemns took a lock that no reader may share, and a dump reads for minutes: all arrivals queued up
behind the two. Now `arrivals` is a view that locks what it reads, and whoever condemns takes a lock that
conflicts with this one and not with reading. Code that is older names the view where it named the table, in
its statements and in its lock, and is as safe.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
least = "0002"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # those who write to SQLite take turns
    op.rename_table("arrivals", "arrivals_gate")
    op.execute("CREATE VIEW arrivals AS SELECT id FROM arrivals_gate FOR KEY SHARE")
