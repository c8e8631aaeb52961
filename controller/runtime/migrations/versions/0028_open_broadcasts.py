"""what is asked every second (which broadcasts are open, or taken back) stands in small indexes

Their conditions are those of the queries, so a planner that knows only shares of columns does not go through years of
broadcasts to find the few.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SMALL = {
    "ix_broadcasts_open": (["start", "id"], "closed_at IS NULL"),
    "ix_broadcasts_cancelled": (["id"], "closed_at IS NULL AND cancelled_at IS NOT NULL"),
}


def upgrade() -> None:
    for name, (columns, condition) in _SMALL.items():
        op.drop_index(name, table_name="broadcasts")
        where = sa.text(condition)
        op.create_index(name, "broadcasts", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name in _SMALL:
        op.drop_index(name, table_name="broadcasts")
    op.create_index("ix_broadcasts_open", "broadcasts", ["closed_at", "start"])
    op.create_index("ix_broadcasts_cancelled", "broadcasts", ["closed_at", "cancelled_at"])
