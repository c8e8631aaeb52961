"""pages of the ledger and of journals keep room for a whole page of new versions

Where all devices of a page answer in one transaction, what they leave behind cannot be used again before its end: half
a page was too little, and every second answer moved its row and touched the index.
"""

from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE ledger SET (fillfactor = 33)')
        op.execute('ALTER TABLE journals SET (fillfactor = 45)')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE ledger SET (fillfactor = 50)')
        op.execute('ALTER TABLE journals RESET (fillfactor)')
