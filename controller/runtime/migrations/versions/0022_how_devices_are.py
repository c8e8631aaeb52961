"""names of devices as they are searched, how devices were by the quarter of an hour, commands that wait, closed units"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database
from controller.devices import names

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_Instant = controller.runtime.database.UtcInstant
_NUMBERS = ("alarms", "beat_slot", "beat")


def upgrade() -> None:
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folded", sa.String(length=400), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sort_key", sa.String(length=400), nullable=False, server_default=""))
        batch_op.create_index("ix_devices_listed", ["sort_key", "id"], unique=False)
    with op.batch_alter_table("device_reports", schema=None) as batch_op:
        for column in _NUMBERS:
            batch_op.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "device_days",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_device_days_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_device_days")),
    )
    op.create_index(op.f("ix_device_days_day"), "device_days", ["day"], unique=False)
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires", _Instant(), nullable=True))
        batch_op.add_column(sa.Column("sent_at", _Instant(), nullable=True))
        batch_op.add_column(sa.Column("asked_by", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("arguments", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.create_index("ix_commands_waiting", ["sent_at", "expires"], unique=False)
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_at", _Instant(), nullable=True))
    _name()


def _name() -> None:
    """The names that are there, as they are searched and ordered."""
    devices = sa.table("devices", sa.column("id"), sa.column("name"), sa.column("folded"), sa.column("sort_key"))
    link = op.get_bind()
    known = link.execute(sa.select(devices.c.id, devices.c.name)).all()
    for row in known:
        said = {"folded": names.searched(row.name), "sort_key": names.sort_key(row.name)}
        link.execute(sa.update(devices).where(devices.c.id == row.id).values(**said))


def downgrade() -> None:
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_column("closed_at")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index("ix_commands_waiting")
        for column in ("arguments", "asked_by", "sent_at", "expires"):
            batch_op.drop_column(column)
    op.drop_table("device_days")
    with op.batch_alter_table("device_reports", schema=None) as batch_op:
        for column in _NUMBERS:
            batch_op.drop_column(column)
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_index("ix_devices_listed")
        batch_op.drop_column("sort_key")
        batch_op.drop_column("folded")
