"""people, their roles and leaves; notices, their sendings, browsers that are told, webhooks"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('people',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('webhook', sa.Boolean(), nullable=False),
    sa.Column('language', sa.String(length=20), nullable=False),
    sa.Column('created_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('retired_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('erased_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_people_unit_id_units')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people'))
    )
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_people_unit_id'), ['unit_id'], unique=False)

    op.create_table('grants',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.String(length=40), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('begins', sa.Date(), nullable=False),
    sa.Column('ends', sa.Date(), nullable=True),
    sa.Column('granted_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('granted_by', sa.String(length=40), nullable=True),
    sa.Column('revoked_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('revoked_by', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['granted_by'], ['people.id'], name=op.f('fk_grants_granted_by_people')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_grants_person_id_people')),
    sa.ForeignKeyConstraint(['revoked_by'], ['people.id'], name=op.f('fk_grants_revoked_by_people')),
    sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_grants_unit_id_units')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants'))
    )
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_grants_person_id'), ['person_id'], unique=False)
        batch_op.create_index('ix_grants_unit_role', ['unit_id', 'role'], unique=False)

    op.create_table('leaves',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.String(length=40), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('deputy_id', sa.String(length=40), nullable=True),
    sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('made_by', sa.String(length=40), nullable=True),
    sa.Column('cancelled_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.ForeignKeyConstraint(['deputy_id'], ['people.id'], name=op.f('fk_leaves_deputy_id_people')),
    sa.ForeignKeyConstraint(['made_by'], ['people.id'], name=op.f('fk_leaves_made_by_people')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_leaves_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leaves'))
    )
    with op.batch_alter_table('leaves', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_leaves_deputy_id'), ['deputy_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_leaves_person_id'), ['person_id'], unique=False)

    op.create_table('notices',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.String(length=40), nullable=False),
    sa.Column('dedupe', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=60), nullable=False),
    sa.Column('about', sa.String(length=80), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('path', sa.String(length=300), nullable=False),
    sa.Column('created_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('useful_until', controller.runtime.database.UtcInstant(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_notices_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices')),
    sa.UniqueConstraint('dedupe', name=op.f('uq_notices_dedupe'))
    )
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notices_about'), ['about'], unique=False)
        batch_op.create_index(batch_op.f('ix_notices_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_notices_person_id'), ['person_id'], unique=False)

    op.create_table('push_subscriptions',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.String(length=40), nullable=False),
    sa.Column('endpoint_sha256', sa.String(length=64), nullable=False),
    sa.Column('endpoint', sa.String(length=2000), nullable=False),
    sa.Column('p256dh', sa.String(length=100), nullable=False),
    sa.Column('auth', sa.String(length=40), nullable=False),
    sa.Column('created_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_push_subscriptions_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_push_subscriptions')),
    sa.UniqueConstraint('endpoint_sha256', name=op.f('uq_push_subscriptions_endpoint_sha256'))
    )
    with op.batch_alter_table('push_subscriptions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_push_subscriptions_person_id'), ['person_id'], unique=False)

    op.create_table('webhooks',
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('url', sa.String(length=2000), nullable=False),
    sa.Column('made_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('made_by', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['made_by'], ['people.id'], name=op.f('fk_webhooks_made_by_people')),
    sa.ForeignKeyConstraint(['unit_id'], ['units.id'], name=op.f('fk_webhooks_unit_id_units')),
    sa.PrimaryKeyConstraint('unit_id', name=op.f('pk_webhooks'))
    )
    op.create_table('notice_sendings',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('notice_id', sa.String(length=40), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('subscription_id', sa.String(length=40), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', controller.runtime.database.UtcInstant(), nullable=False),
    sa.Column('lease_owner', sa.String(length=40), nullable=True),
    sa.Column('lease_until', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('sent_at', controller.runtime.database.UtcInstant(), nullable=True),
    sa.Column('error_code', sa.String(length=60), nullable=True),
    sa.Column('error_message', sa.String(length=1000), nullable=True),
    sa.ForeignKeyConstraint(['notice_id'], ['notices.id'], name=op.f('fk_notice_sendings_notice_id_notices')),
    sa.ForeignKeyConstraint(['subscription_id'], ['push_subscriptions.id'], name=op.f('fk_notice_sendings_subscription_id_push_subscriptions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_sendings'))
    )
    with op.batch_alter_table('notice_sendings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notice_sendings_notice_id'), ['notice_id'], unique=False)
        batch_op.create_index('ix_notice_sendings_open', ['state', 'channel', 'due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_notice_sendings_subscription_id'), ['subscription_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('notice_sendings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notice_sendings_subscription_id'))
        batch_op.drop_index('ix_notice_sendings_open')
        batch_op.drop_index(batch_op.f('ix_notice_sendings_notice_id'))

    op.drop_table('notice_sendings')
    op.drop_table('webhooks')
    with op.batch_alter_table('push_subscriptions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_push_subscriptions_person_id'))

    op.drop_table('push_subscriptions')
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notices_person_id'))
        batch_op.drop_index(batch_op.f('ix_notices_created_at'))
        batch_op.drop_index(batch_op.f('ix_notices_about'))

    op.drop_table('notices')
    with op.batch_alter_table('leaves', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_leaves_person_id'))
        batch_op.drop_index(batch_op.f('ix_leaves_deputy_id'))

    op.drop_table('leaves')
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.drop_index('ix_grants_unit_role')
        batch_op.drop_index(batch_op.f('ix_grants_person_id'))

    op.drop_table('grants')
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_people_unit_id'))

    op.drop_table('people')
