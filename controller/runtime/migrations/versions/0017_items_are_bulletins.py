"""what a source system handed down is a bulletin, too"""

from alembic import op
import sqlalchemy as sa

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bulletin_id", sa.String(length=40), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_source_items_bulletin_id_bulletins"), "bulletins", ["bulletin_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_source_items_bulletin_id"), ["bulletin_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("source_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_items_bulletin_id"))
        batch_op.drop_constraint(batch_op.f("fk_source_items_bulletin_id_bulletins"), type_="foreignkey")
        batch_op.drop_column("bulletin_id")
