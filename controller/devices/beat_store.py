"""Queries about how devices were by the quarter of an hour: noted with what they say of themselves, kept for days.

What was odd about them is let go of with it, after three months.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices import beats
from controller.devices.tables import DeviceDay, DeviceReport, Finding
from controller.runtime.upsert import insert

FINDINGS_DAYS = 90


async def note(session: AsyncSession, reports: Iterable[DeviceReport], now: datetime) -> None:
    """These devices, whose reports are locked, were heard now; only what is new in this quarter is written."""
    slot = beats.slot_of(now)
    fresh: dict[str, int] = {}
    for report in reports:
        beat = beats.HEARD | report.alarms
        if report.beat_slot != slot:
            report.beat_slot, report.beat = slot, 0
        if beat & ~report.beat:
            report.beat |= beat
            fresh[report.device_id] = report.beat
    if fresh:
        await _write(session, fresh, slot)


async def _write(session: AsyncSession, fresh: dict[str, int], slot: int) -> None:
    day, devices = beats.day_of(slot), sorted(fresh)
    query = select(DeviceDay).where(DeviceDay.day == day, DeviceDay.device_id.in_(devices))
    known = {row.device_id: row for row in await session.scalars(query.execution_options(populate_existing=True))}
    for device, row in known.items():
        row.slots = beats.noted(row.slots, slot, fresh[device])
    missing = [
        {"device_id": one, "day": day, "slots": beats.noted(b"", slot, fresh[one])}
        for one in devices
        if one not in known
    ]
    if missing:
        await session.execute(insert(session, DeviceDay).values(missing).on_conflict_do_nothing())


async def days(session: AsyncSession, device_id: str, first: date) -> dict[date, bytes]:
    """Day → slots of one device, from a day on."""
    query = select(DeviceDay.day, DeviceDay.slots).where(DeviceDay.device_id == device_id, DeviceDay.day >= first)
    return {row.day: row.slots for row in await session.execute(query)}


def _old(today: date) -> date:
    return today - timedelta(days=beats.DAYS)


def _stale(today: date) -> ColumnElement[bool]:
    return Finding.at < datetime.combine(today, time(), UTC) - timedelta(days=FINDINGS_DAYS)


async def any_old(session: AsyncSession, today: date) -> bool:
    """Whether `forget` would find anything; takes no lock."""
    days, findings = exists().where(DeviceDay.day < _old(today)), exists().where(_stale(today))
    return bool(await session.scalar(select(or_(days, findings))))


async def forget(session: AsyncSession, today: date, limit: int = 2000) -> int:
    """Let go of some of what is older than is kept; gives how many rows."""
    query = select(DeviceDay.device_id, DeviceDay.day).where(DeviceDay.day < _old(today)).limit(limit)
    keys = [(row.device_id, row.day) for row in await session.execute(query.with_for_update(skip_locked=True))]
    if keys:
        await session.execute(delete(DeviceDay).where(tuple_(DeviceDay.device_id, DeviceDay.day).in_(keys)))
    return len(keys) + await _forget_findings(session, today, limit)


async def _forget_findings(session: AsyncSession, today: date, limit: int) -> int:
    query = select(Finding.id).where(_stale(today)).limit(limit).with_for_update(skip_locked=True)
    ids = (await session.scalars(query)).all()
    if ids:
        await session.execute(delete(Finding).where(Finding.id.in_(ids)))
    return len(ids)
