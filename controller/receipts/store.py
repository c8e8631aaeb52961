"""All queries of the ledger and of findings."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.devices.tables import Finding
from controller.runtime.upsert import insert
from controller.units import store as units
from loa_protocol.outcomes import Outcome, Reason

FOLD = timedelta(hours=1)
_AT_ONCE = 100


async def due(session: AsyncSession, now: datetime, *, locked: bool = False) -> Sequence[BroadcastRow]:
    """Broadcasts under way or over that are not closed; `locked`: for us alone, without those others are at."""
    query = select(BroadcastRow).where(BroadcastRow.closed_at.is_(None), BroadcastRow.start <= now)
    return await _some(session, query.order_by(BroadcastRow.start, BroadcastRow.id), locked=locked)


async def cancelled_early(session: AsyncSession, *, locked: bool = False) -> Sequence[BroadcastRow]:
    """Broadcasts taken back before their start that are not closed yet; `locked` as for `due`."""
    query = select(BroadcastRow).where(BroadcastRow.closed_at.is_(None), BroadcastRow.cancelled_at < BroadcastRow.start)
    return await _some(session, query.order_by(BroadcastRow.id), locked=locked)


async def _some(session: AsyncSession, query: Select[BroadcastRow], *, locked: bool) -> Sequence[BroadcastRow]:
    if locked:
        query = query.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    return (await session.scalars(query.limit(_AT_ONCE))).all()


async def expected_devices(session: AsyncSession, broadcast_id: str) -> tuple[str, ...]:
    """Whom the broadcast reaches by the unit tree as it is now."""
    scopes = await session.scalars(select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == broadcast_id))
    return tuple(device.id for device in await units.devices_of_scopes(session, scopes.all()))


async def expect(session: AsyncSession, broadcast_id: str, devices: Iterable[str]) -> None:
    """Open a row for each device; rows that are there stay as they are."""
    wanted = sorted(devices)
    for at in range(0, len(wanted), _AT_ONCE):
        rows = [{"broadcast_id": broadcast_id, "device_id": device} for device in wanted[at : at + _AT_ONCE]]
        statement = insert(session, LedgerRow).values(rows)
        await session.execute(statement.on_conflict_do_nothing(index_elements=["broadcast_id", "device_id"]))


async def waiting(session: AsyncSession, broadcast_id: str) -> int:
    """How many devices have not answered."""
    query = select(func.count()).select_from(LedgerRow)
    query = query.where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.outcome.is_(None))
    return await session.scalar(query) or 0


async def give_up(session: AsyncSession, broadcast_id: str, now: datetime) -> Sequence[str]:
    """Answer `unknown` for every device that has not; returns them."""
    statement = (
        update(LedgerRow)
        .where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.outcome.is_(None))
        .values(outcome=str(Outcome.UNKNOWN), reason=str(Reason.NO_ANSWER), answered_at=now)
        .returning(LedgerRow.device_id)
    )
    return (await session.scalars(statement)).all()


async def row(session: AsyncSession, broadcast_id: str, device_id: str) -> LedgerRow | None:
    """One row."""
    query = select(LedgerRow).where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.device_id == device_id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def rows(session: AsyncSession, broadcast_id: str) -> Sequence[LedgerRow]:
    """All rows of a broadcast, by device."""
    query = select(LedgerRow).where(LedgerRow.broadcast_id == broadcast_id).order_by(LedgerRow.device_id)
    return (await session.scalars(query)).all()


async def outcomes(session: AsyncSession, broadcast_id: str) -> Sequence[str | None]:
    """What each device answered."""
    return (await session.scalars(select(LedgerRow.outcome).where(LedgerRow.broadcast_id == broadcast_id))).all()


async def note(session: AsyncSession, device_id: str, code: str, detail: str, now: datetime) -> bool:
    """Write down that something was odd; the same code of the same device within an hour is one finding.

    True if it is a new one.
    """
    query = select(Finding).where(Finding.device_id == device_id, Finding.code == code, Finding.at > now - FOLD)
    known = (await session.scalars(query.order_by(Finding.id.desc()).limit(1))).first()
    if known is not None:
        known.detail, known.at = detail, now
        return False
    session.add(Finding(device_id=device_id, code=code, detail=detail, at=now))
    await session.flush()
    return True
