"""Taking a bulletin off the air, and who has heard of it.

What waits never starts, what sounds stops: broadcasts of its own are cancelled, slots are filled anew without it, and a
session that sounds now, or too soon to be filled anew, and has it in it, is cancelled whole. Of each broadcast that it
was taken out of is kept which plan versions still had it: a device that holds a later one, or has answered for the
broadcast, has let go of it. Of every other one it is said that it may still play.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, LedgerRow
from controller.bulletins import store
from controller.bulletins.rules import Step
from controller.bulletins.tables import Bulletin, Placement, Recall
from controller.delivery import store as delivery
from controller.devices.tables import Device, DeviceReport
from controller.media.tables import Rendition
from controller.runtime.database import alone
from controller.schedules import making
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from controller.schedules.tables import ProgrammeSlot
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.ids import device_scope
from loa_protocol.outcomes import Outcome
from loa_protocol.topics import Family


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
        return f"có thể vẫn phát ở {count} cụm loa", f"it may still play on {count} devices"
    if found.devices:
        return "không còn phát ở cụm loa nào", "it plays on no device any more"
    return "không có cụm loa nào phải ngừng", "no device had to let go of it"


async def take_back(
    session: AsyncSession, row: Bulletin, step: int, placements: Sequence[Placement], terms: Terms
) -> None:
    """Take these placements off the air. The caller holds the bulletin's row."""
    for unit_id in sorted({one.slot_unit_id for one in placements if one.slot_unit_id is not None}):
        await alone(session, making.slot_lock(unit_id))
    refs = await _refs(session, row)
    carrying = await _carrying(session, placements, refs, terms.now)
    for one in placements:
        if one.slot_item_id is not None:
            await slots.withdraw(session, one.slot_item_id, terms)
    changed = await _end(session, carrying, refs, terms.now)
    await _note(session, row, step, changed)
    for one in placements:
        one.state, one.ended_at = "withdrawn", terms.now
    await session.flush()


async def _carrying(
    session: AsyncSession, placements: Sequence[Placement], refs: frozenset[str], now: datetime
) -> Sequence[str]:
    """Ids of the broadcasts that are not over and have the bulletin in them, or are made of it."""
    own = [one.broadcast_id for one in placements if one.broadcast_id is not None]
    slot_units = sorted({one.slot_unit_id for one in placements if one.slot_unit_id is not None})
    in_slots = (
        select(BroadcastRow.id)
        .join(BroadcastRendition, BroadcastRendition.broadcast_id == BroadcastRow.id)
        .join(ProgrammeSlot, ProgrammeSlot.programme_id == BroadcastRow.programme_id)
        .where(ProgrammeSlot.unit_id.in_(slot_units), BroadcastRendition.rendition_id.in_(sorted(refs)))
    )
    query = select(BroadcastRow.id).where(BroadcastRow.id.in_(own) | BroadcastRow.id.in_(in_slots))
    query = query.where(
        BroadcastRow.cancelled_at.is_(None), BroadcastRow.closed_at.is_(None), BroadcastRow.deadline >= now
    )
    return (await session.scalars(query.order_by(BroadcastRow.id))).all()


async def _refs(session: AsyncSession, row: Bulletin) -> frozenset[str]:
    """The renditions of every sound it was ever approved with: a session may still sound what was approved before."""
    numbers = {one.revision for one in await store.steps(session, row.id) if one.step == Step.APPROVED}
    texts = await store.documents(session, row.id, numbers)
    assets = {asset for text in texts.values() for asset in text.sounds.values()}
    return frozenset(await session.scalars(select(Rendition.id).where(Rendition.asset_id.in_(sorted(assets)))))


async def _end(
    session: AsyncSession, broadcast_ids: Sequence[str], refs: frozenset[str], now: datetime
) -> list[BroadcastRow]:
    """Cancel what is made of it and what sounds with it in it; gives all that devices must hear of.

    A coming session that still has the sound has it for another reason, e.g. a segment of its own.
    """
    changed: list[BroadcastRow] = []
    for broadcast_id in broadcast_ids:
        row = await broadcast_store.find_to_change(session, broadcast_id)
        if row is None:
            continue
        if row.cancelled_at is None:
            in_session = row.programme_id is not None
            if in_session and row.start > now + LEAD:
                if await _has(session, broadcast_id, refs):
                    continue
            else:
                await broadcasts.cancel(session, broadcast_id, now=now)
        changed.append(row)
    await session.flush()
    return changed


async def _has(session: AsyncSession, broadcast_id: str, refs: frozenset[str]) -> bool:
    query = select(BroadcastRendition.rendition_id).where(BroadcastRendition.broadcast_id == broadcast_id)
    return not refs.isdisjoint(await session.scalars(query))


async def _note(session: AsyncSession, row: Bulletin, step: int, changed: Sequence[BroadcastRow]) -> None:
    scopes = await broadcast_store.scopes_of(session, [one.id for one in changed])
    plans = {scope: topics.scoped(Family.PLAN, scope) for named in scopes.values() for scope in named}
    await delivery.want(session, plans.values())  # holds them: what is signed by now still had it, what comes has not
    versions = await delivery.versions_of(session, list(plans.values()))
    session.add_all(
        Recall(
            bulletin_id=row.id,
            step=step,
            broadcast_id=one.id,
            scope=scope,
            after_version=versions.get(plans[scope], 0),
            until=one.deadline,
        )
        for one in changed
        for scope in scopes.get(one.id, ())
    )
    await session.flush()


async def told(session: AsyncSession, bulletin_id: str, now: datetime) -> Told:
    """Who has let go of what was taken back of a bulletin, as far as it might still sound."""
    query = select(Recall).where(Recall.bulletin_id == bulletin_id)
    rows = (await session.scalars(query)).all()
    until = max((row.until for row in rows), default=None)
    devices = await units.devices_of_scopes(session, {row.scope for row in rows}) if rows else ()
    standing = [row for row in rows if row.until >= now]
    if not standing or not devices:
        return Told(len(devices), (), until)
    holding = await _holding(session, [one.id for one in devices])
    answered = await _answered(session, {row.broadcast_id for row in standing})
    heard = await _heard(session, devices)
    doubtful = [
        Doubtful(one.id, one.name, one.unit_id, online=holding[one.id].online if one.id in holding else False)
        for one in devices
        if _in_doubt(one.id, standing, heard[one.id], holding, answered)
    ]
    return Told(len(devices), tuple(doubtful), until)


@dataclass(frozen=True, slots=True)
class _Holding:
    """What a device last said of itself."""

    have: Mapping[str, int]
    online: bool


def _in_doubt(
    device_id: str,
    standing: Sequence[Recall],
    heard: Collection[str],
    holding: Mapping[str, _Holding],
    answered: Collection[tuple[str, str]],
) -> bool:
    have = holding[device_id].have if device_id in holding else {}
    return any(
        row.scope in heard
        and (row.broadcast_id, device_id) not in answered
        and have.get(topics.scoped(Family.PLAN, row.scope), 0) <= row.after_version
        for row in standing
    )


async def _holding(session: AsyncSession, device_ids: Sequence[str]) -> dict[str, _Holding]:
    found: dict[str, _Holding] = {}
    for at in range(0, len(device_ids), 500):
        query = select(DeviceReport.device_id, DeviceReport.state, DeviceReport.online)
        rows = await session.execute(query.where(DeviceReport.device_id.in_(device_ids[at : at + 500])))
        found |= {device: _Holding(state.get("have") or {}, online) for device, state, online in rows}
    return found


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
