"""groups that are no more: they keep their id and what was said to them"""

import sqlalchemy as sa
from alembic import op

from controller.runtime.database import UtcInstant

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("groups") as batch_op:
        batch_op.add_column(sa.Column("retired_at", UtcInstant(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("groups") as batch_op:
        batch_op.drop_column("retired_at")
