"""What devices say of their own condition: signed state, unsigned telemetry and presence, and our own liveness timer.

A broker may bring old states again: a state replaces the one we have only if it is not older. Presence is a hint; who
has been silent for too long is offline whatever was last said.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import DeviceReport
from controller.runtime.changes import Change
from controller.runtime.upsert import insert
from loa_protocol.clock import FUTURE_TOLERANCE
from loa_protocol.documents.device import ClockState, DeviceState, Health, Presence


async def take_state(
    session: AsyncSession, state: DeviceState, *, retained: bool, now: datetime
) -> tuple[bool, list[Change]]:
    """The newest signed state; gives whether it was taken, and the changes. A retained one proves no presence."""
    report = await _report(session, state.device, now)
    if not retained:
        _seen(report, now)
    if not _newer(report.state_issued, state, now):
        return False, []
    report.state_issued, report.state = state.issued, msgspec.to_builtins(state)
    await session.flush()
    return True, [_changed(report)]


async def take_health(session: AsyncSession, health: Health, *, now: datetime) -> list[Change]:
    """Telemetry: figures for people."""
    report = await _report(session, health.device, now)
    was_online = report.online
    _seen(report, now)
    report.health = msgspec.to_builtins(health)
    await session.flush()
    return [] if was_online else [_changed(report)]


async def take_presence(session: AsyncSession, device_id: str, presence: Presence, *, now: datetime) -> list[Change]:
    """A hint. The will of an earlier life, which may come late, says nothing of this one."""
    report = await _report(session, device_id, now)
    if presence.online:
        _seen(report, now)
    elif report.state.get("boot", presence.boot) == presence.boot:
        report.online = False
    await session.flush()
    return [_changed(report)]


async def mark_silent(session: AsyncSession, *, silent_since: datetime) -> list[Change]:
    """Who has said nothing since then is offline."""
    silent = select(DeviceReport.device_id).where(DeviceReport.online, DeviceReport.seen_at < silent_since)
    ours = silent.with_for_update(skip_locked=True)  # one that is locked is being heard at this moment
    statement = (
        update(DeviceReport)
        .where(DeviceReport.device_id.in_(ours))
        .values(online=False)
        .returning(DeviceReport.device_id)
    )
    devices: Sequence[str] = (await session.scalars(statement)).all()
    return [Change("device", {"device_id": device, "online": False}) for device in devices]


async def any_silent(session: AsyncSession, *, silent_since: datetime) -> bool:
    """Whether `mark_silent` would find anybody; takes no lock."""
    query = select(DeviceReport.device_id).where(DeviceReport.online, DeviceReport.seen_at < silent_since)
    return (await session.scalars(query.limit(1))).first() is not None


def _newer(held: datetime | None, state: DeviceState, now: datetime) -> bool:
    """Not older than what is held. A clock that nobody trusts, or a date of ours in the future, settles nothing."""
    if held is None or state.clock.state is ClockState.UNTRUSTED:
        return True
    return state.issued >= held or held > now + FUTURE_TOLERANCE + timedelta(minutes=1)


async def _report(session: AsyncSession, device_id: str, now: datetime) -> DeviceReport:
    first = {"device_id": device_id, "online": False, "seen_at": now, "state": {}, "health": {}}
    report = await _locked(session, device_id)
    if report is None:
        await session.execute(insert(session, DeviceReport).values(first).on_conflict_do_nothing())
        report = await _locked(session, device_id)
    if report is None:
        raise LookupError(f"the report of {device_id} was removed while it was written")
    return report


async def _locked(session: AsyncSession, device_id: str) -> DeviceReport | None:
    await session.flush()  # what an earlier message of this transaction changed is not to be read over
    return await session.get(DeviceReport, device_id, with_for_update=True, populate_existing=True)


def _seen(report: DeviceReport, now: datetime) -> None:
    report.online, report.seen_at = True, now


def _changed(report: DeviceReport) -> Change:
    data = {"device_id": report.device_id, "online": report.online, "ready": bool(report.state.get("ready"))}
    return Change("device", data)
