"""Who has let go of a bulletin that was taken back, and on how many devices it may still play."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import LedgerRow
from controller.bulletins.tables import Recall
from controller.devices.tables import Device, DeviceReport
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.ids import device_scope
from loa_protocol.outcomes import Outcome
from loa_protocol.topics import Family

_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A device that has not said that it let go; `online`: it seems to be there."""

    device_id: str
    name: str
    unit_id: str
    online: bool


@dataclass(frozen=True, slots=True)
class Told:
    """How a recall stands: of `devices` that may have had it, which are `doubtful`; `until` its last end by plan."""

    devices: int
    doubtful: tuple[Doubtful, ...]
    until: datetime | None

    @property
    def confirmed(self) -> int:
        """Devices that have let go of it."""
        return self.devices - len(self.doubtful)


def sentence(found: Told) -> tuple[str, str]:
    """What to say of it, in Vietnamese and in English."""
    if found.doubtful:
        count = len(found.doubtful)
        return f"có thể vẫn phát ở {count} thiết bị", f"it may still play on {count} devices"
    if found.devices:
        return "không còn phát ở thiết bị nào", "it plays on no device any more"
    return "không có thiết bị nào phải ngừng", "no device had to let go of it"


async def told(session: AsyncSession, bulletin_id: str, now: datetime) -> Told:
    """Who has let go of what was taken back of a bulletin, as far as it might still sound."""
    query = select(Recall).where(Recall.bulletin_id == bulletin_id)
    rows = (await session.scalars(query)).all()
    until = max((row.until for row in rows), default=None)
    devices = await units.devices_of_scopes(session, {row.scope for row in rows}) if rows else ()
    standing = [row for row in rows if row.until >= now]
    if not standing or not devices:
        return Told(len(devices), (), until)
    answered = await _answered(session, {row.broadcast_id for row in standing})
    doubtful: list[Doubtful] = []
    asked = _questions(standing, {broadcast for broadcast, _ in answered})
    for at in range(0, len(devices), _AT_ONCE):
        doubtful += await _doubtful(session, devices[at : at + _AT_ONCE], asked, answered)
    return Told(len(devices), tuple(doubtful), until)


async def _doubtful(
    session: AsyncSession,
    devices: Sequence[Device],
    asked: Sequence["_Question"],
    answered: Collection[tuple[str, str]],
) -> list[Doubtful]:
    """Those of the devices that have not said that they let go."""
    holding = await _holding(session, [one.id for one in devices])
    heard = await _heard(session, devices)
    return [
        Doubtful(one.id, one.name, one.unit_id, online=one.id in holding and holding[one.id].online)
        for one in devices
        if _in_doubt(one.id, asked, heard[one.id], holding, answered)
    ]


@dataclass(frozen=True, slots=True)
class _Holding:
    """What a device last said of itself."""

    have: Mapping[str, int]
    online: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """Who hears `scope` must hold a later plan than `after`, or have answered for `broadcast` (None: nobody has)."""

    scope: str
    topic: str
    after: int
    broadcast: str | None = None


def _questions(standing: Sequence[Recall], answered: Collection[str]) -> list[_Question]:
    """What to ask of every device; where nobody has answered yet, the latest version of a scope stands for all."""
    latest: dict[str, int] = {}
    found: list[_Question] = []
    for row in standing:
        if row.broadcast_id in answered:
            topic = topics.scoped(Family.PLAN, row.scope)
            found.append(_Question(row.scope, topic, row.after_version, row.broadcast_id))
        else:
            latest[row.scope] = max(row.after_version, latest.get(row.scope, 0))
    return [*found, *(_Question(one, topics.scoped(Family.PLAN, one), after) for one, after in latest.items())]


def _in_doubt(
    device_id: str,
    asked: Sequence[_Question],
    heard: Collection[str],
    holding: Mapping[str, _Holding],
    answered: Collection[tuple[str, str]],
) -> bool:
    have = holding[device_id].have if device_id in holding else {}
    return any(
        one.scope in heard
        and have.get(one.topic, 0) <= one.after
        and (one.broadcast is None or (one.broadcast, device_id) not in answered)
        for one in asked
    )


async def _holding(session: AsyncSession, device_ids: Sequence[str]) -> dict[str, _Holding]:
    query = select(DeviceReport.device_id, DeviceReport.state, DeviceReport.online)
    rows = await session.execute(query.where(DeviceReport.device_id.in_(device_ids)))
    return {device: _Holding(state.get("have") or {}, online) for device, state, online in rows}


async def _answered(session: AsyncSession, broadcast_ids: Collection[str]) -> frozenset[tuple[str, str]]:
    query = select(LedgerRow.broadcast_id, LedgerRow.device_id).where(
        LedgerRow.outcome.is_not(None), LedgerRow.outcome != str(Outcome.UNKNOWN)
    )
    rows = await session.execute(query.where(LedgerRow.broadcast_id.in_(sorted(broadcast_ids))))
    return frozenset((broadcast, device) for broadcast, device in rows)


async def _heard(session: AsyncSession, devices: Sequence[Device]) -> dict[str, frozenset[str]]:
    found = await units.scopes_of_devices(session, devices)
    return {
        device: frozenset({*above, *(one.group for one in groups), device_scope(device)})
        for device, (above, groups) in found.items()
    }
