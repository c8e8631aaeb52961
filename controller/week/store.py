"""All queries of a unit's week: whose programmes it hears, and what else is placed in it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.bulletins.places import PlacementState
from controller.bulletins.rules import State
from controller.bulletins.tables import Bulletin, Placement
from controller.devices.tables import Device, GroupMember
from controller.media.tables import Asset
from controller.schedules.tables import BroadcastSlotItem, ProgrammeRow, SlotItem
from controller.units import store as units
from controller.units.tables import Group, Unit

Told = Callable[[ColumnElement[str]], ColumnElement[bool]]
"""Of a column with scopes, the condition that they may be told to who asks."""
MOST = 200
"""Single broadcasts, and bulletins that wait, of one week."""
_AT_ONCE = 500


async def programmes(session: AsyncSession, unit_ids: Collection[str]) -> Sequence[ProgrammeRow]:
    """Those of these units that are not retired."""
    query = select(ProgrammeRow).where(ProgrammeRow.retired_at.is_(None), ProgrammeRow.unit_id.in_(sorted(unit_ids)))
    return (await session.scalars(query.order_by(ProgrammeRow.id))).all()


async def children(session: AsyncSession, unit_id: str) -> Sequence[Unit]:
    """The units right below one, by name."""
    query = select(Unit).where(Unit.parent_id == unit_id, Unit.closed_at.is_(None))
    return (await session.scalars(query.order_by(Unit.name, Unit.id).limit(MOST))).all()


async def groups_here(session: AsyncSession, unit_id: str) -> frozenset[str]:
    """Scopes of groups that have a device of the unit or of one below it."""
    query = select(GroupMember.group_id).join(Device, Device.id == GroupMember.device_id).distinct()
    found = await session.scalars(query.where(Device.unit_id.in_(units.subtree([unit_id]))))
    return frozenset(f"g-{one}" for one in found)


def reaching(chain: Sequence[str]) -> Subquery:
    """(`broadcast_id`, `scope`) of what is heard at a unit or below it; `chain`: the unit and all above.

    It is asked what goes to these scopes, not of everything whether it goes there (the offset has PostgreSQL keep it
    so): one unit hears little of what a province broadcasts.
    """
    below = units.subtree([chain[0]])
    there = select(Device.id).where(Device.unit_id.in_(below))
    scopes = union_all(
        select("u-" + Unit.id).where(Unit.id.in_(chain)),
        select("u-" + Unit.id).where(Unit.id.in_(below)),
        select("g-" + Group.id).where(Group.unit_id.in_(below)),
        select("g-" + GroupMember.group_id).where(GroupMember.device_id.in_(there)),
        select("d-" + Device.id).where(Device.unit_id.in_(below)),
    )
    goes = select(BroadcastScope.broadcast_id, BroadcastScope.scope).where(BroadcastScope.scope.in_(scopes))
    return goes.offset(0).subquery()


async def singles(
    session: AsyncSession, begin: datetime, end: datetime, chain: Sequence[str], told: Told | None
) -> Sequence[BroadcastRow]:
    """Broadcasts of no programme that begin in [begin, end), heard at a unit or below, by a scope that may be told."""
    goes = reaching(chain)
    there = select(goes.c.broadcast_id)
    if told is not None:
        there = there.where(told(goes.c.scope))
    query = select(BroadcastRow).where(
        BroadcastRow.start >= begin, BroadcastRow.start < end, BroadcastRow.programme_id.is_(None)
    )
    query = query.where(BroadcastRow.id.in_(there), BroadcastRow.cancelled_at.is_(None))
    return (await session.scalars(query.order_by(BroadcastRow.start, BroadcastRow.id).limit(MOST))).all()


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an occurrence; `taken_back`: somebody cancelled it, not its programme."""

    start: datetime
    duration_ms: int
    taken_back: bool


async def made(session: AsyncSession, broadcast_ids: Sequence[str]) -> dict[str, Made]:
    """Those of these broadcasts that there are."""
    by_hand = BroadcastRow.cancelled_at.is_not(None) & BroadcastRow.cancelled_by_plan.is_(False)
    query = select(BroadcastRow.id, BroadcastRow.start, BroadcastRow.duration_ms, by_hand)
    found: dict[str, Made] = {}
    for at in range(0, len(broadcast_ids), _AT_ONCE):
        part = broadcast_ids[at : at + _AT_ONCE]
        rows = await session.execute(query.where(BroadcastRow.id.in_(part)))
        found |= {key: Made(start, duration_ms, bool(gone)) for key, start, duration_ms, gone in rows}
    return found


async def carried(session: AsyncSession, broadcast_ids: Sequence[str]) -> dict[str, list[str]]:
    """Broadcast → titles of what it was filled with out of slots."""
    query = select(BroadcastSlotItem.broadcast_id, SlotItem.title).join(
        SlotItem, SlotItem.id == BroadcastSlotItem.item_id
    )
    found: dict[str, list[str]] = {}
    rows = await session.execute(query.where(BroadcastSlotItem.broadcast_id.in_(broadcast_ids)).order_by(SlotItem.id))
    for key, title in rows:
        found.setdefault(key, []).append(title)
    return found


async def bulletins_of(session: AsyncSession, broadcast_ids: Sequence[str]) -> dict[str, str]:
    """Broadcast → the bulletin that was placed as it."""
    query = select(Placement.broadcast_id, Placement.bulletin_id).where(Placement.broadcast_id.in_(broadcast_ids))
    return {key: bulletin for key, bulletin in await session.execute(query) if key is not None}


async def waiting(
    session: AsyncSession, unit_id: str, begin: datetime, end: datetime, *where: ColumnElement[bool]
) -> Sequence[tuple[Bulletin, Placement]]:
    """Bulletins of a unit and those below it that are to begin in [begin, end) and are not approved yet."""
    query = select(Bulletin, Placement).join(Placement, Placement.bulletin_id == Bulletin.id)
    query = query.where(
        Placement.state == PlacementState.RESERVED,
        Placement.start >= begin,
        Placement.start < end,
        Bulletin.state.in_((State.DRAFT, State.IN_REVIEW)),
        Bulletin.unit_id.in_(units.subtree([unit_id])),
        *where,
    )
    rows = await session.execute(query.order_by(Placement.start, Placement.id).limit(MOST))
    return [(row, one) for row, one in rows]


async def titles(session: AsyncSession, asset_ids: Collection[str]) -> dict[str, str]:
    """Asset → title."""
    rows = await session.execute(select(Asset.id, Asset.title).where(Asset.id.in_(sorted(asset_ids))))
    return {key: title for key, title in rows}  # noqa: C416 - rows are no pairs to the type checker


async def named(session: AsyncSession, unit_ids: Collection[str]) -> dict[str, str]:
    """Unit → name."""
    rows = await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(sorted(unit_ids))))
    return {key: name for key, name in rows}  # noqa: C416 - rows are no pairs to the type checker
