"""the newest lines of the log of each device's agent"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_logs",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_device_logs_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_logs")),
    )


def downgrade() -> None:
    op.drop_table("device_logs")
