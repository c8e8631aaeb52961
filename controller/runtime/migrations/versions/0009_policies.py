"""policies by scope, their revisions, quiet zones"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'policies',
        sa.Column('scope', sa.String(length=42), nullable=False),
        sa.Column('revision', sa.Integer(), nullable=False),
        sa.Column('document', sa.JSON(), nullable=False),
        sa.Column('in_force', sa.Boolean(), nullable=False),
        sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column('made_by', sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint('scope', name=op.f('pk_policies')),
    )
    op.create_table(
        'policy_revisions',
        sa.Column('scope', sa.String(length=42), nullable=False),
        sa.Column('revision', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('document', sa.JSON(), nullable=False),
        sa.Column('in_force', sa.Boolean(), nullable=False),
        sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column('made_by', sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(['scope'], ['policies.scope'], name=op.f('fk_policy_revisions_scope_policies')),
        sa.PrimaryKeyConstraint('scope', 'revision', name=op.f('pk_policy_revisions')),
    )
    op.create_table(
        'quiet_zones',
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('latitude', sa.Double(), nullable=False),
        sa.Column('longitude', sa.Double(), nullable=False),
        sa.Column('radius_m', sa.Integer(), nullable=False),
        sa.Column('revision', sa.Integer(), nullable=False),
        sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
        sa.Column('made_by', sa.String(length=100), nullable=False),
        sa.Column('retired_at', controller.runtime.database.UtcInstant(), nullable=True),
        sa.ForeignKeyConstraint(['id'], ['groups.id'], name=op.f('fk_quiet_zones_id_groups')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_quiet_zones')),
    )


def downgrade() -> None:
    op.drop_table('quiet_zones')
    op.drop_table('policy_revisions')
    op.drop_table('policies')
