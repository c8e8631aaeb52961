"""languages of units, which devices inherit; sounds in other languages for what waits in slots

Every device listed Vietnamese because that was the default: those inherit from now on. Another list was somebody's
choice and stands.
"""

from alembic import op
import sqlalchemy as sa

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def _devices() -> sa.TableClause:
    return sa.table('devices', sa.column('id', sa.String()), sa.column('languages', sa.JSON()))


def _listed(languages: list[str]) -> sa.ColumnElement[bool]:
    """Whatever spaces the text has."""
    text = sa.func.replace(sa.cast(sa.column('languages'), sa.Text()), ' ', '')
    return text == ('["vi"]' if languages else '[]')


def upgrade() -> None:
    op.add_column('units', sa.Column('languages', sa.JSON(), nullable=True))
    op.add_column('slot_items', sa.Column('variants', sa.JSON(), nullable=False, server_default='{}'))
    op.execute(_devices().update().where(_listed(['vi'])).values(languages=[]))


def downgrade() -> None:
    op.execute(_devices().update().where(_listed([])).values(languages=['vi']))
    op.drop_column('slot_items', 'variants')
    op.drop_column('units', 'languages')
