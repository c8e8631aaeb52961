"""Which devices are in which quiet zones.

Rules: who is inside is decided by the distance, among the devices of the zone's unit and of those below it: a unit
silences nobody else's; membership follows in the transaction that moves a zone or a
device; assignments are signed anew for those only that came in or went out. Zones and places change one after the
other (`alone`), so that no device slips between two of them.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store as delivery
from controller.devices.geo import Point, distance_m
from controller.devices.tables import Device, GroupMember
from controller.policies.tables import QuietZone
from controller.runtime.database import alone
from controller.units import store as units
from controller.units.tables import Group
from loa_protocol import topics

ZONES = "quiet zones"
"""The name under which whoever moves a zone or a device is alone."""
_AT_ONCE = 500
_LEAST_M_A_DEGREE = 110_000  # of latitude; a bit less than anywhere on earth


async def members(session: AsyncSession, zone_id: str, *where: ColumnElement[bool]) -> Sequence[str]:
    """The devices inside, by id; `where` narrows them."""
    query = select(GroupMember.device_id).where(GroupMember.group_id == zone_id).order_by(GroupMember.device_id)
    if where:
        query = query.join(Device, Device.id == GroupMember.device_id).where(*where)
    return (await session.scalars(query)).all()


async def follow(session: AsyncSession, device_ids: Collection[str]) -> None:
    """These devices were added, moved, or are no longer known to be anywhere: zones take them in or let them go."""
    wanted = sorted(set(device_ids))
    await alone(session, ZONES)
    zones = (await session.scalars(select(QuietZone).where(QuietZone.retired_at.is_(None)))).all()
    if not zones:
        return
    groups = await session.execute(select(Group.id, Group.unit_id).where(Group.id.in_([zone.id for zone in zones])))
    owners = {row.id: row.unit_id for row in groups}
    for at in range(0, len(wanted), _AT_ONCE):
        ids = wanted[at : at + _AT_ONCE]
        devices = (await session.scalars(select(Device).where(Device.id.in_(ids)))).all()
        chains = {unit: await units.chain(session, unit) for unit in sorted({device.unit_id for device in devices})}
        held = select(GroupMember.group_id, GroupMember.device_id).where(GroupMember.device_id.in_(ids))
        inside = {(row.group_id, row.device_id) for row in await session.execute(held)}
        for zone in zones:
            owner = owners[zone.id]
            are = {one.id for one in devices if owner in chains[one.unit_id] and _inside(zone, one)}
            were = {device for group, device in inside if group == zone.id}
            await settle(session, zone.id, coming=are - were, going=were - are)


async def gather(session: AsyncSession, zone: QuietZone) -> None:
    """All devices of its unit, for a zone that is new or has moved; the band of latitudes spares looking at others."""
    band = zone.radius_m / _LEAST_M_A_DEGREE
    owner = (await session.get_one(Group, zone.id)).unit_id
    query = select(Device).where(Device.latitude.between(zone.latitude - band, zone.latitude + band))
    query = query.where(Device.unit_id.in_(units.subtree([owner])))
    are = {device.id for device in await session.scalars(query) if _inside(zone, device)}
    were = set(await members(session, zone.id))
    await settle(session, zone.id, coming=are - were, going=were - are)


def _inside(zone: QuietZone, device: Device) -> bool:
    at = None if device.latitude is None or device.longitude is None else Point(device.latitude, device.longitude)
    return at is not None and distance_m(Point(zone.latitude, zone.longitude), at) <= zone.radius_m


async def settle(session: AsyncSession, zone_id: str, *, coming: Collection[str], going: Collection[str]) -> None:
    """Change the group's members and have their assignments signed anew."""
    changed = sorted({*coming, *going})
    await delivery.want(session, [topics.to_device(topics.Family.ASSIGNMENT, one) for one in changed])
    for at in range(0, len(changed), _AT_ONCE):
        part = changed[at : at + _AT_ONCE]
        await session.execute(
            delete(GroupMember).where(GroupMember.group_id == zone_id, GroupMember.device_id.in_(part))
        )
    session.add_all(GroupMember(group_id=zone_id, device_id=one) for one in sorted(coming))
    await session.flush()
