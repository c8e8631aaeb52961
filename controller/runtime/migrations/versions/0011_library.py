"""the library: kinds of assets, whose they are, what is found by searching, quotas, bytes that have gone"""

from alembic import op
import sqlalchemy as sa

from controller.library.folding import folded

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('assets', schema=None) as batch_op:
        batch_op.add_column(sa.Column('kind', sa.String(length=10), nullable=False, server_default='sound'))
        batch_op.add_column(sa.Column('unit_id', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('language', sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column('origin', sa.String(length=20), nullable=False, server_default='upload'))
        batch_op.add_column(sa.Column('text', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('folded', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('content_sha256', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('purged_at', sa.DateTime(), nullable=True))
        batch_op.alter_column('loudness_lufs', existing_type=sa.Float(), nullable=True)
        batch_op.alter_column('true_peak_dbtp', existing_type=sa.Float(), nullable=True)
        batch_op.create_foreign_key(batch_op.f('fk_assets_unit_id_units'), 'units', ['unit_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_assets_content_sha256'), ['content_sha256'], unique=False)
        batch_op.create_index('ix_assets_newest', ['created_at', 'id'], unique=False)
        batch_op.create_index('ix_assets_of_unit', ['unit_id', 'created_at'], unique=False)
    with op.batch_alter_table('renditions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('purged_at', sa.DateTime(), nullable=True))
        batch_op.create_index(batch_op.f('ix_renditions_sha256'), ['sha256'], unique=False)
    op.create_table(
        'asset_units',
        sa.Column('asset_id', sa.String(length=40), nullable=False),
        sa.Column('unit_id', sa.String(length=40), nullable=False),
        sa.Column('added_at', sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['asset_id'], ['assets.id'], name=op.f('fk_asset_units_asset_id_assets')),
        sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_asset_units_unit_id_units')),
        sa.PrimaryKeyConstraint('asset_id', 'unit_id', name=op.f('pk_asset_units')),
    )
    with op.batch_alter_table('asset_units', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_asset_units_unit_id'), ['unit_id'], unique=False)
    op.create_table(
        'unit_quotas',
        sa.Column('unit_id', sa.String(length=40), nullable=False),
        sa.Column('most_bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('set_at', sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_unit_quotas_unit_id_units')),
        sa.PrimaryKeyConstraint('unit_id', name=op.f('pk_unit_quotas')),
    )
    _describe()


def _describe() -> None:
    """What is known of the sounds that are there: their normalised bytes, and their titles as they are searched."""
    op.execute(
        "UPDATE assets SET content_sha256 = (SELECT min(sha256) FROM renditions"
        " WHERE renditions.asset_id = assets.id AND renditions.codec = 'opus')"
    )
    assets = sa.table('assets', sa.column('id', sa.String), sa.column('title', sa.String), sa.column('folded', sa.Text))
    connection = op.get_bind()
    for asset_id, title in connection.execute(sa.select(assets.c.id, assets.c.title)).all():
        connection.execute(assets.update().where(assets.c.id == asset_id).values(folded=f' {folded(title)}'))


def downgrade() -> None:
    op.drop_table('unit_quotas')
    op.drop_table('asset_units')
    with op.batch_alter_table('renditions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_renditions_sha256'))
        batch_op.drop_column('purged_at')
    with op.batch_alter_table('assets', schema=None) as batch_op:
        batch_op.drop_index('ix_assets_of_unit')
        batch_op.drop_index('ix_assets_newest')
        batch_op.drop_index(batch_op.f('ix_assets_content_sha256'))
        batch_op.drop_constraint(batch_op.f('fk_assets_unit_id_units'), type_='foreignkey')
        batch_op.alter_column('true_peak_dbtp', existing_type=sa.Float(), nullable=False)
        batch_op.alter_column('loudness_lufs', existing_type=sa.Float(), nullable=False)
        for name in ('purged_at', 'content_sha256', 'folded', 'text', 'origin', 'language', 'unit_id', 'kind'):
            batch_op.drop_column(name)
