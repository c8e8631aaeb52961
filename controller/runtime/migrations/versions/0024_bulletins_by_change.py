"""bulletins in the order of their change: what a list of many communes begins with"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_bulletins_changed", "bulletins", ["changed_at"])


def downgrade() -> None:
    op.drop_index("ix_bulletins_changed", table_name="bulletins")
