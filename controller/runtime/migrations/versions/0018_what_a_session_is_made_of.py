"""what sessions are made of, what placements missed where, and what was approved in spite of

Sessions that were planned before are taken to have in them what waits with one of their sounds: rather too much than
too little, for a withdrawal stops them; planned anew they say it exactly.
"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broadcast_slot_items",
        sa.Column("broadcast_id", sa.String(length=40), nullable=False),
        sa.Column("item_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_broadcast_slot_items_broadcast_id_broadcasts")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["slot_items.id"], name=op.f("fk_broadcast_slot_items_item_id_slot_items")
        ),
        sa.PrimaryKeyConstraint("broadcast_id", "item_id", name=op.f("pk_broadcast_slot_items")),
    )
    op.create_index(op.f("ix_broadcast_slot_items_item_id"), "broadcast_slot_items", ["item_id"], unique=False)
    with op.batch_alter_table("slot_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_slot_items_origin"), ["origin"], unique=False)
    with op.batch_alter_table("placements", schema=None) as batch_op:
        batch_op.add_column(sa.Column("waits_since", controller.runtime.database.UtcInstant(), nullable=True))
    op.execute("UPDATE placements SET waits_since = made_at")
    with op.batch_alter_table("placements", schema=None) as batch_op:
        batch_op.alter_column("waits_since", existing_type=controller.runtime.database.UtcInstant(), nullable=False)
    with op.batch_alter_table("placement_misses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scopes", sa.JSON(), server_default="[]", nullable=False))
        batch_op.create_index(batch_op.f("ix_placement_misses_start"), ["start"], unique=False)
    with op.batch_alter_table("bulletin_steps", schema=None) as batch_op:
        batch_op.add_column(sa.Column("despite", sa.JSON(), server_default="[]", nullable=False))
    _fill()


def _fill() -> None:
    op.execute(
        "UPDATE slot_items SET origin = (SELECT max(placements.id) FROM placements"
        " WHERE placements.slot_item_id = slot_items.id)"
    )
    op.execute(
        "UPDATE placement_misses SET scopes = (SELECT placements.scopes FROM placements"
        " WHERE placements.id = placement_misses.placement_id)"
    )
    op.execute(
        "INSERT INTO broadcast_slot_items (broadcast_id, item_id)"
        " SELECT DISTINCT broadcasts.id, slot_items.id FROM broadcasts"
        " JOIN programme_slots ON programme_slots.programme_id = broadcasts.programme_id"
        " JOIN slot_items ON slot_items.unit_id = programme_slots.unit_id"
        " JOIN broadcast_renditions ON broadcast_renditions.broadcast_id = broadcasts.id"
        " JOIN renditions ON renditions.id = broadcast_renditions.rendition_id"
        " AND renditions.asset_id = slot_items.asset_id"
        " WHERE broadcasts.closed_at IS NULL AND broadcasts.cancelled_at IS NULL AND slot_items.withdrawn_at IS NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("bulletin_steps", schema=None) as batch_op:
        batch_op.drop_column("despite")
    with op.batch_alter_table("placement_misses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_placement_misses_start"))
        batch_op.drop_column("scopes")
    with op.batch_alter_table("placements", schema=None) as batch_op:
        batch_op.drop_column("waits_since")
    with op.batch_alter_table("slot_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slot_items_origin"))
        batch_op.drop_column("origin")
    op.drop_index(op.f("ix_broadcast_slot_items_item_id"), table_name="broadcast_slot_items")
    op.drop_table("broadcast_slot_items")
