"""Moving units and devices in the tree, and closing units: who listens to what follows in the same transaction.

Rules: nothing is moved below itself; a group keeps its devices at or below its own unit, so what is in a group of a
unit that would no longer stand above is not moved; quiet zones take in and let go by themselves; assignments are signed
anew. A unit is closed when nothing is left in it: it keeps its id and its history, and is not listed any more; it
is opened again where the unit above it stands.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, GroupMember
from controller.people.tables import Person
from controller.policies import membership
from controller.policies.tables import QuietZone
from controller.runtime.database import alone
from controller.units import service, store
from controller.units.tables import Group, Unit
from loa_protocol.errors import LoaError

_TOLD = 5
_AT_ONCE = 500


class UnitBelowItself(LoaError):
    """A unit cannot stand below itself or what is below it."""

    code = "unit_below_itself"


class HeldByGroups(LoaError):
    """Devices that are to be moved are in groups of a unit that would not stand above them any more."""

    code = "held_by_groups"


class UnitInUse(LoaError):
    """A unit that is to be closed still has units, devices or people."""

    code = "unit_in_use"


class ParentClosed(LoaError):
    """A unit cannot be opened again below one that is closed."""

    code = "parent_closed"


async def move_unit(session: AsyncSession, unit_id: str, parent_id: str) -> Sequence[Device]:
    """Put a unit with all below it under another; gives the devices that thereby speak something else.

    Raises:
        UnitUnknown: one of the two is not there, or closed.
        UnitBelowItself, HeldByGroups: it cannot be moved there.
    """
    await alone(session, service.LANGUAGES)
    unit, parent = await service.require(session, unit_id), await service.require_open(session, parent_id)
    if unit.parent_id == parent_id:
        return ()
    chain = await store.chain(session, parent_id)
    if unit_id in chain:
        raise UnitBelowItself(
            f"{unit_id} stands above {parent_id}; choose a unit that is not below it",
            vi="không thể đặt đơn vị vào chính nó hoặc vào đơn vị bên dưới nó",
        )
    query = select(Device).where(Device.unit_id.in_(store.subtree([unit_id])), Device.retired_at.is_(None))
    devices = (await session.scalars(query.order_by(Device.id))).all()
    inside = await store.below(session, [unit_id])
    await _require_free(session, [one.id for one in devices], {*chain, *inside})
    before = await store.languages_of_devices(session, devices)
    unit.parent_id = parent.id
    return await _follow(session, devices, before)


async def move_device(session: AsyncSession, device: Device, unit_id: str) -> Sequence[Device]:
    """Put a device under another unit; gives it back where it thereby speaks something else.

    Raises:
        UnitUnknown: the unit is not there, or closed.
        HeldByGroups: it cannot be moved there.
    """
    await alone(session, service.LANGUAGES)
    await service.require_open(session, unit_id)
    if device.unit_id == unit_id:
        return ()
    await _require_free(session, [device.id], await store.chain(session, unit_id))
    before = await store.languages_of_devices(session, [device])
    device.unit_id = unit_id
    return await _follow(session, [device], before)


async def _follow(
    session: AsyncSession, devices: Sequence[Device], before: dict[str, tuple[str, ...]]
) -> Sequence[Device]:
    await session.flush()
    await service.assign_anew(session, [one.id for one in devices])
    await membership.follow(session, [one.id for one in devices if one.latitude is not None])
    after = await store.languages_of_devices(session, devices)
    return [one for one in devices if before[one.id] != after[one.id]]


async def _require_free(session: AsyncSession, device_ids: Sequence[str], above: Collection[str]) -> None:
    """None of these is in a group (zones follow by themselves) of a unit that is not one of those."""
    names: set[str] = set()
    for at in range(0, len(device_ids), _AT_ONCE):
        query = (
            select(Group.name, Group.unit_id)
            .join(GroupMember, GroupMember.group_id == Group.id)
            .outerjoin(QuietZone, QuietZone.id == Group.id)
            .where(GroupMember.device_id.in_(device_ids[at : at + _AT_ONCE]), QuietZone.id.is_(None))
            .distinct()
        )
        names |= {row.name for row in await session.execute(query) if row.unit_id not in above}
    if names:
        told = ", ".join(sorted(names)[:_TOLD])
        raise HeldByGroups(
            f"devices there are in groups of other units: {told}; take them out of the groups first",
            vi=f"có thiết bị đang thuộc nhóm của đơn vị khác ({told}); hãy đưa ra khỏi nhóm trước",
            groups=sorted(names)[:_TOLD],
        )


async def close(session: AsyncSession, unit_id: str, *, now: datetime) -> Unit:
    """A unit is no more.

    Raises:
        UnitUnknown: there is none.
        UnitInUse: something is left in it.
    """
    await alone(session, service.LANGUAGES)
    unit = await service.require(session, unit_id)
    left = {
        "units": select(func.count()).select_from(Unit).where(Unit.parent_id == unit_id, Unit.closed_at.is_(None)),
        "devices": select(func.count())
        .select_from(Device)
        .where(Device.unit_id == unit_id, Device.retired_at.is_(None)),
        "people": select(func.count())
        .select_from(Person)
        .where(Person.unit_id == unit_id, Person.retired_at.is_(None)),
    }
    found = {name: await session.scalar(query) or 0 for name, query in left.items()}
    if any(found.values()):
        raise UnitInUse(
            f"{unit_id} still has {', '.join(f'{count} {name}' for name, count in found.items() if count)}; move them"
            " elsewhere first",
            vi=f"đơn vị còn {_left(found)}; hãy chuyển đi nơi khác trước",
            **found,
        )
    if unit.closed_at is None:
        unit.closed_at = now
    return unit


async def reopen(session: AsyncSession, unit_id: str) -> Unit:
    """A unit that was closed stands again, as it was; one that is not closed stays as it is.

    Raises:
        UnitUnknown: there is none.
        ParentClosed: the unit above it is closed itself.
    """
    await alone(session, service.LANGUAGES)
    unit = await service.require(session, unit_id)
    above = None if unit.parent_id is None else await store.find(session, unit.parent_id)
    if unit.closed_at is not None and above is not None and above.closed_at is not None:
        raise ParentClosed(
            f"{unit_id} stood below {above.id}, which is closed; open that one first",
            vi=f"đơn vị cấp trên ({above.name}) cũng đã đóng; hãy mở lại đơn vị đó trước",
            unit=above.id,
        )
    unit.closed_at = None
    return unit


def _left(found: dict[str, int]) -> str:
    words = {"units": "đơn vị trực thuộc", "devices": "thiết bị", "people": "người dùng"}
    return ", ".join(f"{count} {words[name]}" for name, count in found.items() if count)
