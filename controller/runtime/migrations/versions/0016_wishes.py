"""what was wished of a sound is part of what it is; pictures of sounds"""

from alembic import op
import sqlalchemy as sa

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("assets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wishes", sa.String(length=64), nullable=False, server_default=""))
        batch_op.drop_index(batch_op.f("ix_assets_source_sha256"))
        batch_op.create_index("ix_assets_source_wishes", ["source_sha256", "wishes"], unique=True)
    op.create_table(
        "waveforms",
        sa.Column("asset_id", sa.String(length=40), nullable=False),
        sa.Column("picture", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_waveforms_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_waveforms")),
    )


def downgrade() -> None:
    """One asset a file again; where other wishes made more of one, the downgrade is refused by the unique index."""
    op.drop_table("waveforms")
    with op.batch_alter_table("assets", schema=None) as batch_op:
        batch_op.drop_index("ix_assets_source_wishes")
        batch_op.create_index(batch_op.f("ix_assets_source_sha256"), ["source_sha256"], unique=True)
        batch_op.drop_column("wishes")
