"""broadcasts that are not counted yet: found by their start alone, in its order"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_WAITING = sa.text("tallied_at IS NULL")


def upgrade() -> None:
    op.drop_index("ix_broadcasts_untallied", table_name="broadcasts")
    op.create_index(
        "ix_broadcasts_untallied", "broadcasts", ["start"], postgresql_where=_WAITING, sqlite_where=_WAITING
    )


def downgrade() -> None:
    op.drop_index("ix_broadcasts_untallied", table_name="broadcasts")
    op.create_index("ix_broadcasts_untallied", "broadcasts", ["tallied_at", "start"])
