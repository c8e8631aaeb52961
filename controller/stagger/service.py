"""Use cases of keeping neighbouring horns apart: look at the map of a unit, put it into the assignments, clear it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRow
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.devices import service as devices
from controller.devices.tables import Device
from controller.stagger import acoustics
from controller.stagger.acoustics import Horn
from controller.stagger.rules import Cluster, Remedy, Round, Setting, StaggerMap, Wishes, clashes, stagger_map
from controller.timelines import store as coming
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol import topics
from loa_protocol.documents.device import DeviceKind
from loa_protocol.ids import device_scope, unit_scope
from loa_protocol.timeline import turn_length_ms

AHEAD = timedelta(days=400)
"""Farther than anything is planned."""


@dataclass(frozen=True, slots=True)
class Collision:
    """The turns of one broadcast would run into the next on so many devices."""

    earlier: str
    later: str
    over_s: float
    devices: int


@dataclass(frozen=True, slots=True)
class Look:
    """The map of a unit's horns; `placed` are those in it, by id, and `unplaced` those whose place nobody knows."""

    found: StaggerMap
    placed: Mapping[str, Device]
    unplaced: Sequence[Device]
    collisions: Sequence[Collision]

    @property
    def changed(self) -> list[str]:
        """The devices that are told something else now."""
        wanted = self.found.settings
        return [key for key, device in self.placed.items() if _setting(device) != wanted[key]]


def _setting(device: Device) -> Setting:
    return Setting(device.stagger_ms, device.turn)


async def look(
    session: AsyncSession, unit_id: str, wishes: Wishes, *, reach_m: float | None = None, now: datetime
) -> Look:
    """What should be done in a unit and all below it; changes nothing. `reach_m`: of horns whose own nobody knows.

    Raises:
        UnitUnknown: there is no such unit.
    """
    horns = await _horns(session, unit_id)
    placed = {device.id: device for device in horns if devices.position(device) is not None}
    assumed_m = reach_m or acoustics.reach_m()
    known = [
        Horn(device.id, at, float(device.reach_m or assumed_m))
        for device in horns
        if (at := devices.position(device)) is not None
    ]
    found = await asyncio.to_thread(stagger_map, known, wishes)  # thousands take a second
    unplaced = [device for device in horns if device.id not in placed]
    collisions = await _collisions(session, found.clusters, placed, now)
    return Look(found, placed, unplaced, collisions)


async def apply(
    session: AsyncSession,
    unit_id: str,
    wishes: Wishes,
    *,
    reach_m: float | None = None,
    now: datetime,
    answer_deadline: timedelta,
) -> tuple[Look, list[str]]:
    """Tell the placed horns of a unit what the map says; returns it and the devices that were changed.

    Raises:
        UnitUnknown: there is no such unit.
    """
    seen = await look(session, unit_id, wishes, reach_m=reach_m, now=now)
    changed = seen.changed
    wanted = seen.found.settings
    await _tell(session, [(seen.placed[key], wanted[key]) for key in changed], now, answer_deadline)
    return seen, changed


async def clear(session: AsyncSession, unit_id: str, *, now: datetime, answer_deadline: timedelta) -> list[str]:
    """Let all horns of a unit begin together again; returns the devices that were changed.

    Raises:
        UnitUnknown: there is no such unit.
    """
    moved = [device for device in await _horns(session, unit_id) if _setting(device) != Setting()]
    await _tell(session, [(device, Setting()) for device in moved], now, answer_deadline)
    return [device.id for device in moved]


async def _horns(session: AsyncSession, unit_id: str) -> list[Device]:
    await units.require(session, unit_id)
    found = await unit_store.devices_of_scopes(session, [unit_scope(unit_id)])
    return [device for device in found if device.kind == DeviceKind.SPEAKER]


async def _tell(
    session: AsyncSession, told: Sequence[tuple[Device, Setting]], now: datetime, answer_deadline: timedelta
) -> None:
    """Change devices; what is open waits for the last turn that there now is."""
    for device, setting in told:
        device.stagger_ms, device.turn = setting.stagger_ms, setting.turn
    await session.flush()
    moved = [device for device, _ in told]
    await delivery.want(session, [topics.to_device(topics.Family.ASSIGNMENT, device.id) for device in moved])
    ahead = await _ahead(session, await _scopes(session, moved), now)
    rows = {row.id: row for held in ahead.values() for row in held}
    reached = await broadcast_store.scopes_of(session, rows)
    for row in rows.values():
        turns = await broadcasts.turns(session, row, reached[row.id])
        ends = row.latest_start + timedelta(milliseconds=row.duration_ms) + turns
        row.deadline = max(row.deadline, ends + answer_deadline)


async def _scopes(session: AsyncSession, members: Sequence[Device]) -> dict[str, frozenset[str]]:
    """What each device listens to."""
    found = {}
    places = await unit_store.scopes_of_devices(session, members) if members else {}
    for key, (above, groups) in places.items():
        found[key] = frozenset((device_scope(key), *above, *(one.group for one in groups)))
    return found


async def _ahead(
    session: AsyncSession, scopes: Mapping[str, frozenset[str]], now: datetime
) -> dict[str, list[BroadcastRow]]:
    """Scope → the broadcasts with sound that are not over."""
    named = frozenset[str]().union(*scopes.values())
    found = await coming.broadcasts(session, now, now + AHEAD, sorted(named)) if named else {}
    return {scope: [row for row in rows if row.duration_ms and row.closed_at is None] for scope, rows in found.items()}


async def _collisions(
    session: AsyncSession, clusters: Iterable[Cluster], placed: Mapping[str, Device], now: datetime
) -> list[Collision]:
    """Broadcasts already planned whose turns would run into the next, the worst first."""
    turns = {key: one.turns for one in clusters if one.remedy is Remedy.TURNS for key in one.members}
    scopes = await _scopes(session, [placed[key] for key in sorted(turns)])
    ahead = await _ahead(session, scopes, now)
    rounds = {row.id: _round(row) for rows in ahead.values() for row in rows if row.cancelled_at is None}
    alike: dict[tuple[frozenset[str], int], int] = {}
    for key, heard in scopes.items():
        kind = (heard.intersection(ahead), turns[key])
        alike[kind] = alike.get(kind, 0) + 1
    found: dict[tuple[str, str], Collision] = {}
    for (heard, count), many in alike.items():
        mine = {row.id for scope in heard for row in ahead[scope]} & rounds.keys()
        for clash in clashes((rounds[key] for key in mine), count):
            known = found.get((clash.earlier, clash.later), Collision(clash.earlier, clash.later, 0.0, 0))
            over_s, total = max(known.over_s, clash.over_s), known.devices + many
            found[clash.earlier, clash.later] = Collision(clash.earlier, clash.later, over_s, total)
    return sorted(found.values(), key=lambda one: (-one.over_s, one.earlier, one.later))


def _round(row: BroadcastRow) -> Round:
    return Round(row.start, row.id, row.duration_ms, turn_length_ms(drafts.wire_broadcast(row)))
