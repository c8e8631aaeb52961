"""What devices say of their own condition: signed state, unsigned telemetry and presence, and our own liveness timer.

A broker may bring old states again: a state replaces the one we have only if it is not older. Presence is a hint; who
has been silent for too long is offline whatever was last said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices import beat_store, beats, logs
from controller.devices.tables import DeviceReport
from controller.devices.texts import lined
from controller.runtime.changes import Change
from controller.runtime.upsert import insert
from loa_protocol.clock import FUTURE_TOLERANCE
from loa_protocol.documents.device import ClockState, DeviceState, Health, Presence


@dataclass(frozen=True, slots=True)
class Said:
    """What one device said of itself; a retained message may be old, and proves no presence."""

    device_id: str
    document: DeviceState | Health | Presence
    retained: bool = False


@dataclass(slots=True)
class Heard:
    """What became of it: the states that were newer than those we had, and what changed."""

    states: list[Said] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


async def hear(session: AsyncSession, said: Sequence[Said], now: datetime) -> Heard:
    """Take in what devices said, in this order; the rows of all of them are read and written together."""
    heard = Heard()
    reports = await _reports(session, sorted({one.device_id for one in said}), now)
    live: dict[str, DeviceReport] = {}
    for one in said:
        report = reports[one.device_id]
        if _is_live(one):
            live[one.device_id] = report
        match one.document:
            case DeviceState() as state:
                if _take_state(report, state, retained=one.retained, now=now):
                    heard.states.append(one)
                    heard.changes.append(_changed(report))
            case Health() as health:
                if _take_health(report, health, now):
                    heard.changes.append(_changed(report))
            case Presence() as presence:
                _take_presence(report, presence, now)
                heard.changes.append(_changed(report))
    for report in reports.values():
        report.alarms = int(beats.alarms(report.state, report.health))
    await beat_store.note(session, live.values(), now)
    figures = [one.document for one in said if isinstance(one.document, Health)]
    heard.changes += [_changed(reports[device]) for device in await logs.take(session, figures, now)]
    await session.flush()
    return heard


def _is_live(one: Said) -> bool:
    """Whether the device itself speaks now: not a broker that remembers, nor its will."""
    if isinstance(one.document, Presence):
        return one.document.online and not one.retained
    return not one.retained


def _take_state(report: DeviceReport, state: DeviceState, *, retained: bool, now: datetime) -> bool:
    """Whether it is newer than what we had."""
    if not retained:
        _seen(report, now)
    if not _newer(report.state_issued, state, now):
        return False
    report.state_issued, report.state = state.issued, lined(msgspec.to_builtins(state))
    return True


def _take_health(report: DeviceReport, health: Health, now: datetime) -> bool:
    """Figures for people, without the log, which not everybody may read; whether it was not known to be there."""
    was_online = report.online
    _seen(report, now)
    report.health = lined(msgspec.to_builtins(msgspec.structs.replace(health, log=())))
    return not was_online


def _take_presence(report: DeviceReport, presence: Presence, now: datetime) -> None:
    """A hint. The will of an earlier life, which may come late, says nothing of this one."""
    if presence.online:
        _seen(report, now)
    elif report.state.get("boot", presence.boot) == presence.boot:
        report.online = False


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


async def _reports(session: AsyncSession, device_ids: Sequence[str], now: datetime) -> dict[str, DeviceReport]:
    """The rows of these devices, locked in their order, made where there were none."""
    first: dict[str, Any] = {"online": False, "seen_at": now, "state": {}, "health": {}}
    rows = await _locked(session, device_ids)
    missing = [{"device_id": one, **first} for one in device_ids if one not in rows]
    if missing:
        await session.execute(insert(session, DeviceReport).values(missing).on_conflict_do_nothing())
        rows |= await _locked(session, [one["device_id"] for one in missing])
    return rows


async def _locked(session: AsyncSession, device_ids: Sequence[str]) -> dict[str, DeviceReport]:
    query = select(DeviceReport).where(DeviceReport.device_id.in_(device_ids)).order_by(DeviceReport.device_id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return {report.device_id: report for report in await session.scalars(query)}


def _seen(report: DeviceReport, now: datetime) -> None:
    report.online, report.seen_at = True, now


def _changed(report: DeviceReport) -> Change:
    data = {"device_id": report.device_id, "online": report.online, "ready": bool(report.state.get("ready"))}
    return Change("device", data)
