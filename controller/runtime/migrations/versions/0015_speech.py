"""machine voices: how units have words pronounced, and which voices they prefer"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pronunciations",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("written", sa.String(length=100), nullable=False),
        sa.Column("spoken", sa.String(length=200), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["people.id"], name=op.f("fk_pronunciations_made_by_people")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_pronunciations_unit_id_units")),
        sa.PrimaryKeyConstraint("unit_id", "written", name=op.f("pk_pronunciations")),
    )
    op.create_table(
        "speech_choices",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("voices", sa.JSON(), nullable=False),
        sa.Column("speed", sa.Double(), nullable=True),
        sa.Column("pause_ms", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["people.id"], name=op.f("fk_speech_choices_made_by_people")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_speech_choices_unit_id_units")),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_speech_choices")),
    )


def downgrade() -> None:
    op.drop_table("speech_choices")
    op.drop_table("pronunciations")
