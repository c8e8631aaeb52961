"""How far a programme's plans have come: per scope, who holds the newest, who does not yet, and who is away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, BroadcastScopeLeft
from controller.delivery import store as delivery
from controller.devices.tables import Device, DeviceReport
from controller.units import store as units
from loa_protocol import topics


@dataclass(frozen=True, slots=True)
class ScopeReach:
    """A scope's plan and its devices in service; `version` 0: none is signed yet; `waiting`: a newer one will be.

    `hold` devices have said that they have this version; of the others `lacking` seem to be there and `away` do not.
    """

    scope: str
    version: int
    waiting: bool
    devices: int
    hold: int
    lacking: int
    away: int


async def reach(session: AsyncSession, programme_id: str, now: datetime) -> list[ScopeReach]:
    """Every scope whose plan speaks of a programme's coming broadcasts, by name."""
    scopes = await _scopes(session, programme_id, now)
    named = {scope: topics.scoped(topics.Family.PLAN, scope) for scope in scopes}
    versions = await delivery.versions_of(session, list(named.values()))
    waiting = await delivery.waiting_of(session, list(named.values()))
    found = []
    for scope, topic in named.items():
        version = versions.get(topic, 0)
        reports = await _reports(session, [scope])
        hold = sum(have.get(topic, 0) >= version > 0 for have, _ in reports)
        lacking = sum(online and have.get(topic, 0) < max(version, 1) for have, online in reports)
        away = len(reports) - hold - lacking
        found.append(ScopeReach(scope, version, topic in waiting, len(reports), hold, lacking, away))
    return found


async def _scopes(session: AsyncSession, programme_id: str, now: datetime) -> Sequence[str]:
    found: set[str] = set()
    for table in (BroadcastScope, BroadcastScopeLeft):
        query = select(table.scope).join(BroadcastRow, BroadcastRow.id == table.broadcast_id).distinct()
        found |= set(
            await session.scalars(query.where(BroadcastRow.programme_id == programme_id, BroadcastRow.start > now))
        )
    return sorted(found)


async def _reports(session: AsyncSession, scopes: Collection[str]) -> list[tuple[dict[str, int], bool]]:
    """What each device of the scopes says it has, and whether it seems to be there."""
    query = (
        select(DeviceReport.state, DeviceReport.online)
        .select_from(Device)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(units.listens_to(scopes))
    )
    rows = await session.execute(query)
    return [((row.state or {}).get("have", {}), bool(row.online)) for row in rows]
