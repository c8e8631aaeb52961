"""the ledger refers to the journal entry of a receipt instead of repeating it

Every receipt of the ledger came from a journal entry of its device. That entry is found by what it says; of several
that say the same, the first of its journal. A receipt without an entry is a fault of the database: its row keeps
outcome, reason, start and length, and the receipt itself is written to the log before its column goes.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from alembic import op
import msgspec
import sqlalchemy as sa

from loa_protocol.receipts import ChainBroken, Receipt, read_line

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

log = logging.getLogger('alembic.runtime.receipts_by_reference')

AT_ONCE = 500
LEDGER = sa.table(
    'ledger',
    sa.column('broadcast_id', sa.String),
    sa.column('device_id', sa.String),
    sa.column('receipt', sa.JSON),
    sa.column('journal_id', sa.String),
    sa.column('sequence', sa.BigInteger),
)
ENTRIES = sa.table(
    'journal_entries',
    sa.column('device_id', sa.String),
    sa.column('journal_id', sa.String),
    sa.column('sequence', sa.BigInteger),
    sa.column('kind', sa.String),
    sa.column('raw', sa.LargeBinary),
)
ENTRY_KEY = (ENTRIES.c.device_id, ENTRIES.c.journal_id, ENTRIES.c.sequence)
LEDGER_KEY = (LEDGER.c.broadcast_id, LEDGER.c.device_id)
POINT_AT = (
    sa.update(LEDGER)
    .where(LEDGER.c.broadcast_id == sa.bindparam('b'), LEDGER.c.device_id == sa.bindparam('d'))
    .where(LEDGER.c.sequence.is_(None))
    .values(journal_id=sa.bindparam('j'), sequence=sa.bindparam('s'))
)


def upgrade() -> None:
    op.add_column('ledger', sa.Column('journal_id', sa.String(length=40), nullable=True))
    op.add_column('ledger', sa.Column('sequence', sa.BigInteger(), nullable=True))
    connection = op.get_bind()
    for entries in _pages(connection, sa.select(ENTRIES).where(ENTRIES.c.kind == 'receipt'), ENTRY_KEY):
        _refer(connection, entries)
    _tell_missing(connection)
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ledger_device_id'))
        batch_op.drop_column('receipt')
    if connection.dialect.name == 'postgresql':
        op.execute('ALTER TABLE ledger SET (fillfactor = 50)')


def downgrade() -> None:
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.add_column(sa.Column('receipt', sa.JSON(), nullable=True))
        batch_op.create_index(batch_op.f('ix_ledger_device_id'), ['device_id'], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == 'postgresql':
        op.execute('ALTER TABLE ledger RESET (fillfactor)')
    same = sa.and_(
        ENTRIES.c.device_id == LEDGER.c.device_id,
        ENTRIES.c.journal_id == LEDGER.c.journal_id,
        ENTRIES.c.sequence == LEDGER.c.sequence,
    )
    repeat = (
        sa.update(LEDGER)
        .where(LEDGER.c.broadcast_id == sa.bindparam('b'), LEDGER.c.device_id == sa.bindparam('d'))
        .values(receipt=sa.bindparam('r', type_=sa.JSON))
    )
    for rows in _pages(connection, sa.select(*LEDGER_KEY, ENTRIES.c.raw).join_from(LEDGER, ENTRIES, same), LEDGER_KEY):
        connection.execute(repeat, [{'b': b, 'd': d, 'r': json.loads(raw)['body']} for b, d, raw in rows])
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.drop_column('journal_id')
        batch_op.drop_column('sequence')


def _pages(connection: sa.Connection, query: sa.Select[Any], key: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows of a query in the order of their key, a few at a time."""
    query, names = query.order_by(*key).limit(AT_ONCE), [column.name for column in key]
    page = connection.execute(query).all()
    while page:
        yield page
        last = [getattr(page[-1], name) for name in names]
        page = connection.execute(query.where(sa.tuple_(*key) > sa.tuple_(*last))).all()


def _refer(connection: sa.Connection, entries: Sequence[Any]) -> None:
    """Point the rows that repeat one of these entries at it, the first of each."""
    told: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    for entry in entries:
        if (read := _receipt(entry.raw)) is not None:
            told.setdefault((read[0], entry.device_id), []).append((entry, read[1]))
    if not told:
        return
    open_rows = sa.select(LEDGER).where(LEDGER.c.sequence.is_(None), sa.tuple_(*LEDGER_KEY).in_(list(told)))
    found = []
    for row in connection.execute(open_rows).all():
        repeated = _plain(row.receipt)
        entry = next((e for e, body in told[row.broadcast_id, row.device_id] if body == repeated), None)
        if entry is not None:
            found.append({'b': row.broadcast_id, 'd': row.device_id, 'j': entry.journal_id, 's': entry.sequence})
    if found:
        connection.execute(POINT_AT, found)


def _receipt(raw: bytes) -> tuple[str, Any] | None:
    """The broadcast and the receipt in an entry, as the ledger wrote it down, if it is one."""
    line = read_line(raw)
    if isinstance(line, ChainBroken) or line.entry is None or not isinstance(line.entry.body, Receipt):
        return None
    occurrence = line.entry.body.occurrence
    return (occurrence.id, _plain(msgspec.to_builtins(line.entry.body))) if occurrence.kind == 'broadcast' else None


def _plain(receipt: Any) -> Any:
    """As it compares: a NUL was once stored as U+FFFD."""
    return json.loads(json.dumps(receipt).replace('\\u0000', '\\ufffd'))


def _tell_missing(connection: sa.Connection) -> None:
    lost = sa.select(LEDGER).where(LEDGER.c.sequence.is_(None), sa.cast(LEDGER.c.receipt, sa.Text) != 'null')
    count = 0
    for rows in _pages(connection, lost, LEDGER_KEY):
        count += len(rows)
        for row in rows:
            told = json.dumps(row.receipt, ensure_ascii=False)
            log.warning('broadcast %s, device %s: %s', row.broadcast_id, row.device_id, told)
    if count:
        log.error(
            '%d receipts of the ledger stand in no journal (above, one a line): their rows keep outcome, reason, start'
            ' and length, but not the receipt; was a part of the database restored or deleted?',
            count,
        )
