"""bulletins: revisions, steps, rules of units, placements, and what was taken off the air"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulletin_rules",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("self_approval", sa.Boolean(), nullable=True),
        sa.Column("remind_before_min", sa.JSON(), nullable=True),
        sa.Column("fallback_asset", sa.String(length=40), nullable=True),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["fallback_asset"], ["assets.id"], name=op.f("fk_bulletin_rules_fallback_asset_assets")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["people.id"], name=op.f("fk_bulletin_rules_made_by_people")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletin_rules_unit_id_units")),
        sa.PrimaryKeyConstraint("unit_id", "number", name=op.f("pk_bulletin_rules")),
    )
    op.create_table(
        "bulletins",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("author_id", sa.String(length=40), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_ref", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("approved_revision", sa.Integer(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("essential", sa.Boolean(), nullable=False),
        sa.Column("languages", sa.String(length=500), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("valid_from", controller.runtime.database.UtcInstant(), nullable=True),
        sa.Column("valid_until", controller.runtime.database.UtcInstant(), nullable=True),
        sa.Column("air_until", controller.runtime.database.UtcInstant(), nullable=True),
        sa.Column("created_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("changed_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["people.id"], name=op.f("fk_bulletins_author_id_people")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_bulletins_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletins")),
    )
    op.create_index(op.f("ix_bulletins_air_until"), "bulletins", ["air_until"], unique=False)
    op.create_index(op.f("ix_bulletins_author_id"), "bulletins", ["author_id"], unique=False)
    op.create_index("ix_bulletins_state", "bulletins", ["state", "valid_until"], unique=False)
    op.create_index("ix_bulletins_unit", "bulletins", ["unit_id", "changed_at"], unique=False)
    op.create_table(
        "bulletin_recalls",
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=42), nullable=False),
        sa.Column("after_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until", controller.runtime.database.UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_bulletin_recalls_broadcast_id_broadcasts")
        ),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_recalls_bulletin_id_bulletins")
        ),
        sa.PrimaryKeyConstraint("bulletin_id", "step", "broadcast_id", "scope", name=op.f("pk_bulletin_recalls")),
    )
    op.create_table(
        "bulletin_revisions",
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_revisions_bulletin_id_bulletins")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["people.id"], name=op.f("fk_bulletin_revisions_made_by_people")),
        sa.PrimaryKeyConstraint("bulletin_id", "number", name=op.f("pk_bulletin_revisions")),
    )
    op.create_table(
        "bulletin_steps",
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("for_person_id", sa.String(length=40), nullable=True),
        sa.Column("by_rule", sa.Boolean(), nullable=False),
        sa.Column("at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_steps_bulletin_id_bulletins")
        ),
        sa.ForeignKeyConstraint(["for_person_id"], ["people.id"], name=op.f("fk_bulletin_steps_for_person_id_people")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_bulletin_steps_person_id_people")),
        sa.PrimaryKeyConstraint("bulletin_id", "number", name=op.f("pk_bulletin_steps")),
    )
    op.create_table(
        "placements",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("slot_unit_id", sa.String(length=40), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("start", controller.runtime.database.UtcInstant(), nullable=True),
        sa.Column("late_s", sa.Integer(), nullable=False),
        sa.Column("volume", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("chime", sa.Boolean(), nullable=False),
        sa.Column("board_s", sa.Integer(), nullable=False),
        sa.Column("fallback_asset", sa.String(length=40), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("slot_item_id", sa.String(length=40), nullable=True),
        sa.Column("broadcast_id", sa.String(length=40), nullable=True),
        sa.Column("until", controller.runtime.database.UtcInstant(), nullable=True),
        sa.Column("look_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("ended_at", controller.runtime.database.UtcInstant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_placements_broadcast_id_broadcasts")
        ),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletins.id"], name=op.f("fk_placements_bulletin_id_bulletins")),
        sa.ForeignKeyConstraint(["fallback_asset"], ["assets.id"], name=op.f("fk_placements_fallback_asset_assets")),
        sa.ForeignKeyConstraint(["made_by"], ["people.id"], name=op.f("fk_placements_made_by_people")),
        sa.ForeignKeyConstraint(
            ["slot_item_id"], ["slot_items.id"], name=op.f("fk_placements_slot_item_id_slot_items")
        ),
        sa.ForeignKeyConstraint(["slot_unit_id"], ["units.id"], name=op.f("fk_placements_slot_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placements")),
    )
    op.create_index(op.f("ix_placements_broadcast_id"), "placements", ["broadcast_id"], unique=False)
    op.create_index(op.f("ix_placements_bulletin_id"), "placements", ["bulletin_id"], unique=False)
    op.create_index(op.f("ix_placements_slot_item_id"), "placements", ["slot_item_id"], unique=False)
    op.create_index("ix_placements_state", "placements", ["state", "look_at"], unique=False)
    op.create_index(op.f("ix_placements_until"), "placements", ["until"], unique=False)
    op.create_table(
        "placement_misses",
        sa.Column("placement_id", sa.String(length=40), nullable=False),
        sa.Column("start", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("programme_id", sa.String(length=40), nullable=True),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("occurrence", sa.String(length=19), nullable=True),
        sa.Column("fallback_asset", sa.String(length=40), nullable=True),
        sa.Column("fallback_broadcast_id", sa.String(length=40), nullable=True),
        sa.Column("fallback_slot_item_id", sa.String(length=40), nullable=True),
        sa.Column("fallback_error", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placements.id"], name=op.f("fk_placement_misses_placement_id_placements")
        ),
        sa.PrimaryKeyConstraint("placement_id", "start", name=op.f("pk_placement_misses")),
    )
    op.create_table(
        "placement_reminders",
        sa.Column("placement_id", sa.String(length=40), nullable=False),
        sa.Column("start", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("before_min", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placements.id"], name=op.f("fk_placement_reminders_placement_id_placements")
        ),
        sa.PrimaryKeyConstraint("placement_id", "start", "before_min", name=op.f("pk_placement_reminders")),
    )


def downgrade() -> None:
    op.drop_table("placement_reminders")
    op.drop_table("placement_misses")
    op.drop_index(op.f("ix_placements_until"), table_name="placements")
    op.drop_index("ix_placements_state", table_name="placements")
    op.drop_index(op.f("ix_placements_slot_item_id"), table_name="placements")
    op.drop_index(op.f("ix_placements_bulletin_id"), table_name="placements")
    op.drop_index(op.f("ix_placements_broadcast_id"), table_name="placements")
    op.drop_table("placements")
    op.drop_table("bulletin_steps")
    op.drop_table("bulletin_revisions")
    op.drop_table("bulletin_recalls")
    op.drop_index("ix_bulletins_unit", table_name="bulletins")
    op.drop_index("ix_bulletins_state", table_name="bulletins")
    op.drop_index(op.f("ix_bulletins_author_id"), table_name="bulletins")
    op.drop_index(op.f("ix_bulletins_air_until"), table_name="bulletins")
    op.drop_table("bulletins")
    op.drop_table("bulletin_rules")
