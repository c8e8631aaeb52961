"""items of source systems"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('source_items',
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('item_id', sa.String(length=80), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('bulletin', sa.JSON(), nullable=False),
    sa.Column('audio_sha256', sa.String(length=64), nullable=True),
    sa.Column('audio_mark', sa.String(length=80), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('open', sa.Boolean(), nullable=False),
    sa.Column('audio_job_id', sa.String(length=40), nullable=True),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('notes', sa.JSON(), nullable=False),
    sa.Column('accepted_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('withdrawn_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('closed_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('error_code', sa.String(length=60), nullable=True),
    sa.Column('error_message', sa.String(length=1000), nullable=True),
    sa.PrimaryKeyConstraint('source', 'item_id', name=op.f('pk_source_items'))
    )
    with op.batch_alter_table('source_items', schema=None) as batch_op:
        batch_op.create_index('ix_source_items_open', ['source', 'open'], unique=False)
        batch_op.create_index('ix_source_items_key', ['source', 'key'], unique=False)

    op.create_table('source_broadcasts',
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('item_id', sa.String(length=80), nullable=False),
    sa.Column('revision', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('broadcast_id', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['broadcast_id'], ['broadcasts.id'], name=op.f('fk_source_broadcasts_broadcast_id_broadcasts')),
    sa.PrimaryKeyConstraint('source', 'item_id', 'revision', name=op.f('pk_source_broadcasts'))
    )
    with op.batch_alter_table('source_broadcasts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_source_broadcasts_broadcast_id'), ['broadcast_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('source_broadcasts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_source_broadcasts_broadcast_id'))

    op.drop_table('source_broadcasts')
    with op.batch_alter_table('source_items', schema=None) as batch_op:
        batch_op.drop_index('ix_source_items_key')
        batch_op.drop_index('ix_source_items_open')

    op.drop_table('source_items')
