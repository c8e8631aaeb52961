"""programmes with their history, what waits in slots, and broadcasts that a programme makes"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('programmes',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('head', sa.Integer(), nullable=False),
    sa.Column('planned_until', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('created_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('retired_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_programmes_unit_id_units')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_programmes'))
    )
    with op.batch_alter_table('programmes', schema=None) as batch_op:
        batch_op.create_index('ix_programmes_horizon', ['retired_at', 'planned_until'], unique=False)
        batch_op.create_index(batch_op.f('ix_programmes_unit_id'), ['unit_id'], unique=False)

    op.create_table('programme_revisions',
    sa.Column('programme_id', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('effective_from', sa.String(length=10), nullable=False),
    sa.Column('document', sa.JSON(), nullable=False),
    sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('made_by', sa.String(length=100), nullable=False),
    sa.Column('note', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['programme_id'], ['programmes.id'], name=op.f('fk_programme_revisions_programme_id_programmes')),
    sa.PrimaryKeyConstraint('programme_id', 'number', name=op.f('pk_programme_revisions'))
    )
    op.create_table('programme_changes',
    sa.Column('programme_id', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('session_id', sa.String(length=40), nullable=False),
    sa.Column('occurrence', sa.String(length=19), nullable=False),
    sa.Column('last_day', sa.String(length=10), nullable=False),
    sa.Column('change', sa.JSON(), nullable=False),
    sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('made_by', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['programme_id'], ['programmes.id'], name=op.f('fk_programme_changes_programme_id_programmes')),
    sa.PrimaryKeyConstraint('programme_id', 'number', name=op.f('pk_programme_changes'))
    )
    with op.batch_alter_table('programme_changes', schema=None) as batch_op:
        batch_op.create_index('ix_programme_changes_days', ['programme_id', 'last_day'], unique=False)

    op.create_table('programme_slots',
    sa.Column('programme_id', sa.String(length=40), nullable=False),
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['programme_id'], ['programmes.id'], name=op.f('fk_programme_slots_programme_id_programmes')),
    sa.PrimaryKeyConstraint('programme_id', 'unit_id', name=op.f('pk_programme_slots'))
    )
    with op.batch_alter_table('programme_slots', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_programme_slots_unit_id'), ['unit_id'], unique=False)

    op.create_table('slot_items',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('owner_id', sa.String(length=40), nullable=False),
    sa.Column('authority', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('level', sa.String(length=20), nullable=False),
    sa.Column('asset_id', sa.String(length=40), nullable=False),
    sa.Column('valid_from', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('valid_until', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('withdrawn_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.ForeignKeyConstraint(['asset_id'], ['assets.id'], name=op.f('fk_slot_items_asset_id_assets')),
    sa.ForeignKeyConstraint(['owner_id'], ['units.id'], name=op.f('fk_slot_items_owner_id_units')),
    sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_slot_items_unit_id_units')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_slot_items'))
    )
    with op.batch_alter_table('slot_items', schema=None) as batch_op:
        batch_op.create_index('ix_slot_items_waiting', ['unit_id', 'withdrawn_at'], unique=False)

    with op.batch_alter_table('broadcasts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('on_late', sa.String(length=20), server_default='begin', nullable=False))
        batch_op.add_column(sa.Column('programme_id', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('session_id', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('occurrence', sa.String(length=19), nullable=True))
        batch_op.add_column(sa.Column('cancelled_by_plan', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('named_until', controller.runtime.database.UtcInstant(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_broadcasts_programme_id_programmes'), 'programmes', ['programme_id'], ['id'])
        batch_op.create_index('ix_broadcasts_cancelled', ['closed_at', 'cancelled_at'], unique=False)
        batch_op.create_index('ix_broadcasts_programme', ['programme_id', 'start'], unique=False)

    op.create_table('broadcast_scopes_left',
    sa.Column('broadcast_id', sa.String(length=40), nullable=False),
    sa.Column('scope', sa.String(length=42), nullable=False),
    sa.Column('rev', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['broadcast_id'], ['broadcasts.id'], name=op.f('fk_broadcast_scopes_left_broadcast_id_broadcasts')),
    sa.PrimaryKeyConstraint('broadcast_id', 'scope', name=op.f('pk_broadcast_scopes_left'))
    )
    with op.batch_alter_table('broadcast_scopes_left', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_broadcast_scopes_left_scope'), ['scope'], unique=False)


def downgrade() -> None:
    op.drop_table('broadcast_scopes_left')
    with op.batch_alter_table('broadcasts', schema=None) as batch_op:
        batch_op.drop_index('ix_broadcasts_programme')
        batch_op.drop_index('ix_broadcasts_cancelled')
        batch_op.drop_constraint(batch_op.f('fk_broadcasts_programme_id_programmes'), type_='foreignkey')
        batch_op.drop_column('named_until')
        batch_op.drop_column('cancelled_by_plan')
        batch_op.drop_column('occurrence')
        batch_op.drop_column('session_id')
        batch_op.drop_column('programme_id')
        batch_op.drop_column('on_late')

    op.drop_table('slot_items')
    op.drop_table('programme_slots')
    op.drop_table('programme_changes')
    op.drop_table('programme_revisions')
    op.drop_table('programmes')
