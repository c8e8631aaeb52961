"""Many rows at once, the way each database takes them fastest; `bulk_of` chooses. No rules here, only rows.

Rows of one table are locked in the order of their keys. A journal's head is moved, if it stands where it should, before
its entries are added, and both are committed together: behind a moved head no entry can be there already.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from controller.receipts.bulk_postgres import PostgresBulk
from controller.receipts.bulk_sqlite import SqliteBulk
from controller.receipts.rows import AddedRows, AnswerRow, BegunRow, HeadRow, Key, MovedRow, Span, Standing

_PREPARED = "loa_bulk"


class Bulk(Protocol):
    """Statements on groups of rows, inside the caller's transaction. Given rows are in the order of their keys."""

    async def lock_heads(self, keys: Sequence[Key], now: datetime) -> dict[Key, HeadRow]:
        """The heads of these journals, made where there are none, locked until the commit."""

    async def move_heads(self, rows: Sequence[MovedRow]) -> int:
        """Move those that stand where they should, locked until the commit; gives how many."""

    async def hashes(self, spans: Sequence[Span]) -> dict[Key, dict[int, str]]:
        """Sequence → hash of the committed entries of each span."""

    async def add_entries(self, added: Sequence[AddedRows], now: datetime) -> None:
        """New entries of moved journals."""

    async def answer(self, rows: Sequence[AnswerRow], now: datetime) -> int:
        """Set the answers of those that are not answered (or only by our own `unknown`); gives how many were set."""

    async def begin(self, rows: Sequence[BegunRow]) -> int:
        """Set when they started, of those that are not answered; gives how many were set."""

    async def awaiting(self, keys: Sequence[Key]) -> set[str]:
        """Those broadcasts of (broadcast, device) that await an answer of somebody named behind that device."""

    async def standing(self, keys: Sequence[Key]) -> dict[Key, Standing]:
        """What the ledger says of (broadcast, device) now; absent where the device is not expected."""


async def bulk_of(session: AsyncSession) -> Bulk:
    """For the session's database; a session is one transaction, which is prepared once."""
    bulk: Bulk | None = session.info.get(_PREPARED)
    if bulk is None:
        connection = await session.connection()
        postgres = connection.dialect.name == "postgresql"
        bulk = session.info[_PREPARED] = await PostgresBulk.on(connection) if postgres else SqliteBulk(connection)
    return bulk
