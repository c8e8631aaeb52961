"""Counts closed broadcasts once, so that no list counts receipts: by the clock, a few at a time, past what others do.

Rule: `broadcasts.tallied_at` is set in the transaction that counts, and taken away in the transaction that changes an
answer of a closed broadcast (`recount`). So a tally either is what the ledger says, or does not count.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.devices.tables import Device
from controller.receipts.store import meant
from controller.results.tables import Fault, Tally
from controller.runtime.upsert import insert
from controller.units import store as units
from controller.units.tables import Unit
from loa_protocol.outcomes import Outcome

AT_ONCE = 50
FAULTY = (str(Outcome.FAILED), str(Outcome.INTERRUPTED))
COMMUNE = "commune"
NEWS = timedelta(days=2)
"""A fault that is older is noted no more: what came after it is not looked up."""
_ROWS_AT_ONCE = 500


async def waiting(session: AsyncSession, now: datetime) -> bool:
    """Whether `tally` would find anything; takes no lock.

    Asked in the order of the index, which has few; any one would be looked for among all there ever were.
    """
    return (await session.scalars(_uncounted(now).order_by(BroadcastRow.start).limit(1))).first() is not None


async def tally(session: AsyncSession, now: datetime) -> int:
    """Count some closed broadcasts that are not counted; gives how many."""
    query = _uncounted(now).order_by(BroadcastRow.start, BroadcastRow.id).limit(AT_ONCE)
    locked = await session.execute(query.with_for_update(skip_locked=True, key_share=True))
    starts = {row.id: row.start for row in locked}
    if not starts:
        return 0
    await _keep(session, await _counted(session, starts.keys()), starts)
    for broadcast_id, start in starts.items():
        if start > now - NEWS:
            await _note_faults(session, broadcast_id, start)
    told = update(BroadcastRow).where(BroadcastRow.id.in_(starts)).values(tallied_at=now)
    await session.execute(told.execution_options(synchronize_session=False))
    return len(starts)


def _uncounted(now: datetime) -> Select[str, datetime]:
    """Those that are closed; what was taken back before its start is counted when that has passed: as nothing."""
    return select(BroadcastRow.id, BroadcastRow.start).where(
        BroadcastRow.tallied_at.is_(None), BroadcastRow.start <= now, BroadcastRow.closed_at.is_not(None)
    )


async def recount(session: AsyncSession, broadcast_ids: Iterable[str]) -> None:
    """Answers of these were set: those of them that are closed are to be counted anew.

    Sees what was closed while the answers waited for it: on PostgreSQL a statement sees what is committed before it.
    """
    named = sorted(set(broadcast_ids))
    late = update(BroadcastRow).where(BroadcastRow.id.in_(named), BroadcastRow.closed_at.is_not(None))
    await session.execute(late.values(tallied_at=None).execution_options(synchronize_session=False))


async def _counted(session: AsyncSession, broadcast_ids: Collection[str]) -> dict[tuple[str, str], Counter[str]]:
    """(broadcast, unit) → outcome → devices, for the communes and all above them."""
    query = (
        select(LedgerRow.broadcast_id, Device.unit_id, LedgerRow.outcome, func.count())
        .join(Device, Device.id == LedgerRow.device_id)
        .where(LedgerRow.broadcast_id.in_(list(broadcast_ids)), meant())
        .group_by(LedgerRow.broadcast_id, Device.unit_id, LedgerRow.outcome)
    )
    rows = (await session.execute(query)).all()
    counted_in = await _counted_in(session, {row.unit_id for row in rows})
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for broadcast_id, unit_id, outcome, count in rows:
        for above in counted_in[unit_id]:
            found[broadcast_id, above][str(outcome)] += count
    return found


async def _counted_in(session: AsyncSession, unit_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Unit of a device → the units whose tallies it is in: the nearest commune and all above, else itself and all."""
    chains = await units.chains(session, unit_ids)
    above = {one for chain in chains.values() for one in chain}
    communes = frozenset(await session.scalars(select(Unit.id).where(Unit.kind == COMMUNE, Unit.id.in_(above))))
    return {unit_id: from_commune(chain, communes) for unit_id, chain in chains.items()}


def from_commune(chain: Sequence[str], communes: Collection[str]) -> Sequence[str]:
    """The part of a chain of units, narrowest first, that tallies are kept of."""
    first = next((number for number, one in enumerate(chain) if one in communes), 0)
    return chain[first:]


async def _keep(
    session: AsyncSession, counted: Mapping[tuple[str, str], Counter[str]], starts: Mapping[str, datetime]
) -> None:
    """In the place of what was kept before."""
    await session.execute(delete(Tally).where(Tally.broadcast_id.in_(starts)))
    rows = [
        {
            "broadcast_id": broadcast_id,
            "unit_id": unit_id,
            "start": starts[broadcast_id],
            "expected": outcomes.total(),
            **{str(one): outcomes[str(one)] for one in Outcome},
        }
        for (broadcast_id, unit_id), outcomes in sorted(counted.items())
    ]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        await session.execute(insert(session, Tally).values(rows[at : at + _ROWS_AT_ONCE]))


def _played_after(start: datetime) -> ColumnElement[bool]:
    """Whether the device of a row of the ledger played something that began later and is counted already."""
    later = aliased(LedgerRow)
    query = select(later.device_id).join(BroadcastRow, BroadcastRow.id == later.broadcast_id)
    query = query.where(later.device_id == LedgerRow.device_id, later.outcome == str(Outcome.PLAYED))
    return query.where(BroadcastRow.start > start, BroadcastRow.tallied_at.is_not(None)).exists()


async def _note_faults(session: AsyncSession, broadcast_id: str, start: datetime) -> None:
    """Devices that played it have no earlier fault any more; those that failed at it have this one."""
    answered = select(LedgerRow.device_id).where(LedgerRow.broadcast_id == broadcast_id)
    well = answered.where(LedgerRow.outcome == str(Outcome.PLAYED))
    await session.execute(delete(Fault).where(Fault.at <= start, Fault.device_id.in_(well)))
    query = select(LedgerRow.device_id, LedgerRow.outcome, LedgerRow.reason)
    query = query.where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.outcome.in_(FAULTY), ~_played_after(start))
    rows = [
        {"device_id": device, "broadcast_id": broadcast_id, "at": start, "outcome": outcome, "reason": reason}
        for device, outcome, reason in await session.execute(query.order_by(LedgerRow.device_id))
    ]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        statement = insert(session, Fault).values(rows[at : at + _ROWS_AT_ONCE])
        newer = {name: statement.excluded[name] for name in ("broadcast_id", "at", "outcome", "reason")}
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["device_id"], set_=newer, where=Fault.at <= statement.excluded["at"]
            )
        )
