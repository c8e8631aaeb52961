"""how closed broadcasts went, counted per unit; faults of devices; broadcasts that are heard again; names of units

What is closed already is counted by the clock once the controller runs, the oldest first; until then lists count it.
"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database
from controller.devices import names

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_Instant = controller.runtime.database.UtcInstant
_COUNTS = ("expected", "played", "partial", "preempted", "skipped", "failed", "interrupted", "unknown")


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("broadcast_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("start", _Instant(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"], name=op.f("fk_tallies_broadcast_id_broadcasts")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_tallies_unit_id_units")),
        sa.PrimaryKeyConstraint("broadcast_id", "unit_id", name=op.f("pk_tallies")),
    )
    op.create_index("ix_tallies_of_unit", "tallies", ["unit_id", "start", "broadcast_id"], unique=False)
    op.create_table(
        "device_faults",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("broadcast_id", sa.String(length=40), nullable=False),
        sa.Column("at", _Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_device_faults_device_id_devices")),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_device_faults_broadcast_id_broadcasts")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_faults")),
    )
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tallied_at", _Instant(), nullable=True))
        batch_op.add_column(sa.Column("retry_of", sa.String(length=40), nullable=True))
        batch_op.create_index("ix_broadcasts_untallied", ["tallied_at", "start"], unique=False)
        batch_op.create_index(batch_op.f("ix_broadcasts_retry_of"), ["retry_of"], unique=False)
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folded", sa.String(length=400), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sort_key", sa.String(length=400), nullable=False, server_default=""))
    _name()


def _name() -> None:
    """The names of units that are there, as they are searched and ordered."""
    units = sa.table("units", sa.column("id"), sa.column("name"), sa.column("folded"), sa.column("sort_key"))
    link = op.get_bind()
    for row in link.execute(sa.select(units.c.id, units.c.name)).all():
        said = {"folded": names.searched(row.name), "sort_key": names.sort_key(row.name)}
        link.execute(sa.update(units).where(units.c.id == row.id).values(**said))


def downgrade() -> None:
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_column("sort_key")
        batch_op.drop_column("folded")
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_broadcasts_retry_of"))
        batch_op.drop_index("ix_broadcasts_untallied")
        batch_op.drop_column("retry_of")
        batch_op.drop_column("tallied_at")
    op.drop_table("device_faults")
    op.drop_table("tallies")
