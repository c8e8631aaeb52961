"""All queries about what source systems handed down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.devices.tables import Device
from controller.sources.tables import SourceBroadcast, SourceItem
from controller.units import store as units
from controller.units.tables import Unit
from loa_protocol.ids import unit_scope


@dataclass(frozen=True, slots=True)
class Count:
    """How many devices of a class gave an outcome; None is not answered yet."""

    device_class: str
    outcome: str | None
    devices: int


async def find(session: AsyncSession, source: str, item_id: str) -> SourceItem | None:
    """One item."""
    return await session.get(SourceItem, (source, item_id), populate_existing=True)


async def hold(session: AsyncSession, source: str, item_id: str) -> SourceItem | None:
    """One item, which nobody else changes before the commit."""
    return await session.get(SourceItem, (source, item_id), populate_existing=True, with_for_update=True)


async def of_key(session: AsyncSession, source: str, key: str) -> SourceItem | None:
    """The item that was last accepted under a key."""
    query = select(SourceItem).where(SourceItem.source == source, SourceItem.key == key)
    return (await session.scalars(query.order_by(SourceItem.accepted_at.desc()).limit(1))).first()


async def still_open(session: AsyncSession, source: str) -> Sequence[str]:
    """Ids of the items whose result may still change."""
    query = select(SourceItem.item_id).where(SourceItem.source == source, SourceItem.open)
    return (await session.scalars(query.order_by(SourceItem.accepted_at))).all()


async def newest(session: AsyncSession, source: str, limit: int) -> Sequence[SourceItem]:
    """The latest accepted first."""
    query = select(SourceItem).where(SourceItem.source == source)
    return (await session.scalars(query.order_by(SourceItem.accepted_at.desc()).limit(limit))).all()


async def units_of_codes(session: AsyncSession, codes: Iterable[str]) -> dict[str, list[str]]:
    """Ids of the units that have each official code and stand."""
    found: dict[str, list[str]] = {}
    query = select(Unit.code, Unit.id).where(Unit.code.in_(list(codes)), Unit.closed_at.is_(None))
    for row in await session.execute(query.order_by(Unit.id)):
        found.setdefault(row.code, []).append(row.id)
    return found


async def device_classes(session: AsyncSession, unit_ids: Iterable[str]) -> frozenset[str]:
    """The classes of the devices in service there."""
    devices = await units.devices_of_scopes(session, [unit_scope(unit) for unit in unit_ids])
    return frozenset(device.kind for device in devices)


async def broadcasts(session: AsyncSession, item: SourceItem) -> Sequence[tuple[int, BroadcastRow]]:
    """The broadcasts an item became, with their revisions, oldest first."""
    query = (
        select(SourceBroadcast.revision, BroadcastRow)
        .join(BroadcastRow, BroadcastRow.id == SourceBroadcast.broadcast_id)
        .where(SourceBroadcast.source == item.source, SourceBroadcast.item_id == item.item_id)
        .order_by(SourceBroadcast.revision)
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def counts(session: AsyncSession, broadcast_id: str) -> Sequence[Count]:
    """The answers to a broadcast by device class."""
    query = (
        select(Device.kind, LedgerRow.outcome, func.count())
        .join(Device, Device.id == LedgerRow.device_id)
        .where(LedgerRow.broadcast_id == broadcast_id)
        .group_by(Device.kind, LedgerRow.outcome)
        .order_by(Device.kind, LedgerRow.outcome)
    )
    return [Count(row[0], row[1], row[2]) for row in await session.execute(query)]


async def answers(session: AsyncSession, broadcast_id: str) -> Sequence[tuple[LedgerRow, str]]:
    """Every device's answer, with its class."""
    query = select(LedgerRow, Device.kind).join(Device, Device.id == LedgerRow.device_id)
    rows = await session.execute(query.where(LedgerRow.broadcast_id == broadcast_id).order_by(LedgerRow.device_id))
    return [(row[0], row[1]) for row in rows]
