"""the audit: a chain of entries, its head, what stands beside it and where it was cut"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_LARGE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("sequence", _LARGE, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=200), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_entries_id")),
    )
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"])
    op.create_index(op.f("ix_audit_entries_person_id"), "audit_entries", ["person_id"])
    op.create_table(
        "audit_units",
        sa.Column("entry_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "unit_id", name=op.f("pk_audit_units")),
    )
    op.create_index("ix_audit_units_unit_id", "audit_units", ["unit_id"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", _LARGE, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64}])
    op.create_table(
        "audit_private",
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_audit_private")),
    )
    op.create_index(op.f("ix_audit_private_entry_id"), "audit_private", ["entry_id"])
    op.create_index(op.f("ix_audit_private_subject"), "audit_private", ["subject"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("sequence", _LARGE, autoincrement=False, nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", controller.runtime.database.UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_checkpoints")),
    )


def downgrade() -> None:
    for table in ("audit_checkpoints", "audit_private", "audit_head", "audit_units", "audit_entries"):
        op.drop_table(table)
