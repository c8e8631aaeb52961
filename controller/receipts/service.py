"""Use cases of the ledger: who must answer, what was answered, when silence becomes `unknown`.

The expected set is fixed at the start of a broadcast, or at the first answer or tick after it, and never shrinks. An
answer before the start (a device whose clock runs ahead) is kept on its own row and does not fix the set early. Every
function works in the caller's transaction and returns what changed, to be told after the commit.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import LedgerRow
from controller.receipts import expected, rules, store
from controller.receipts.rules import Summary
from controller.runtime.changes import Change
from loa_protocol.receipts import Receipt, decode_entry


async def tick(session: AsyncSession, now: datetime) -> list[Change]:
    """Fix sets that are due, give up on those past their deadline, close what is answered. Idempotent."""
    changes: list[Change] = []
    early = await store.cancelled_early(session, locked=True)
    due = await store.due(session, now, locked=True)
    for broadcast in (*early, *due):
        if broadcast.expected_at is None:
            await expected.fix(session, broadcast, now)
            changes.append(Change("ledger", {"broadcast_id": broadcast.id, "fixed": True}))
    for broadcast in due:
        if broadcast.deadline <= now:
            given_up = await store.give_up(session, broadcast.id, now)
            told = ({"broadcast_id": broadcast.id, "device_id": device, "outcome": "unknown"} for device in given_up)
            changes += [Change("ledger", one) for one in told]
    for closed in await store.close_answered(session, sorted({one.id for one in (*early, *due)}), now):
        changes.append(Change("ledger", {"broadcast_id": closed, "closed": True}))
    return changes


async def has_work(session: AsyncSession, now: datetime) -> bool:
    """Whether a tick would find anything open; takes no lock."""
    return bool(await store.due(session, now) or await store.cancelled_early(session))


async def summary(session: AsyncSession, broadcast_id: str) -> Summary:
    """The answers of a broadcast, counted."""
    return rules.summarise(await store.outcomes(session, broadcast_id))


async def rows(session: AsyncSession, broadcast_id: str, *where: ColumnElement[bool]) -> Sequence[LedgerRow]:
    """The answers of a broadcast, one a device."""
    return await store.rows(session, broadcast_id, *where)


async def receipts(session: AsyncSession, broadcast_id: str, *where: ColumnElement[bool]) -> dict[str, Receipt]:
    """Device → its receipt for a broadcast, out of the devices' journals."""
    entries = await store.answering_entries(session, broadcast_id, *where)
    read = ((device, decode_entry(raw).body) for device, raw in entries)
    return {device: body for device, body in read if isinstance(body, Receipt)}
