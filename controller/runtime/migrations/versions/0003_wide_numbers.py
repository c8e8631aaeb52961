"""milliseconds and bytes past 2^31, and the age of idempotency keys by index"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

WIDER = {
    'assets': ['duration_ms'],
    'broadcasts': ['duration_ms'],
    'ledger': ['played_ms'],
    'renditions': ['bytes'],
}


def upgrade() -> None:
    _alter(sa.Integer(), sa.BigInteger())
    op.create_index('ix_idempotency_keys_created_at', 'idempotency_keys', ['created_at'])


def downgrade() -> None:
    op.drop_index('ix_idempotency_keys_created_at', 'idempotency_keys')
    _alter(sa.BigInteger(), sa.Integer())


def _alter(before: sa.Integer, after: sa.Integer) -> None:
    """SQLite's integers are as wide as they need to be."""
    if op.get_bind().dialect.name == 'sqlite':
        return
    for table, columns in WIDER.items():
        for column in columns:
            op.alter_column(table, column, existing_type=before, type_=after)
