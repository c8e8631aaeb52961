"""Groups after they were made: renamed, devices put in and taken out, retired.

Rules: the devices of a quiet zone follow its circle, so that it is changed as a zone only; a group's devices stand at
its unit or below it; the assignments of exactly those devices that came or went are signed anew in the same
transaction, and who must answer for what is still to come follows by itself (`receipts.expected`). A group is retired
when nothing planned speaks to it: it keeps its id and its history, and is not listed any more. Groups and places in the
tree change one after the other (`alone`), so that no device leaves the unit while it comes into the group.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, GroupMember
from controller.policies import membership
from controller.policies.tables import QuietZone
from controller.runtime.database import alone
from controller.units import service, spoken
from controller.units.tables import Group
from loa_protocol.errors import LoaError

_TOLD = 5


class GroupUnknown(LoaError):
    """No group has this id, or none has it any more."""

    code = "group_unknown"


class GroupIsZone(LoaError):
    """A quiet zone is to be changed as if it were a group of devices that somebody chose."""

    code = "group_is_zone"


class GroupInUse(LoaError):
    """Something planned speaks to a group that is to be retired."""

    code = "group_in_use"


@dataclass(frozen=True, slots=True)
class Changed:
    """A group and the devices that came and went, by id."""

    group: Group
    coming: Sequence[str] = ()
    going: Sequence[str] = ()


def unknown(group_id: str) -> GroupUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return GroupUnknown(f"there is no group {group_id}; list the groups to find the right id", group=group_id)


async def require(session: AsyncSession, group_id: str) -> Group:
    """A group that stands, a quiet zone's too.

    Raises:
        GroupUnknown: there is none.
    """
    group = await session.get(Group, group_id)
    if group is None or group.retired_at is not None:
        raise unknown(group_id)
    return group


async def is_zone(session: AsyncSession, group_id: str) -> bool:
    """Whether it is, or was, a quiet zone's."""
    return await session.get(QuietZone, group_id) is not None


async def change(
    session: AsyncSession,
    group_id: str,
    *,
    name: str | None = None,
    add: Collection[str] = (),
    remove: Collection[str] = (),
) -> Changed:
    """Rename a group, put devices in, take devices out. What is so already stays so: the same twice is as once.

    Raises:
        GroupUnknown, GroupIsZone: it is none to be changed.
        DeviceUnknown, DeviceElsewhere: what is to be put in is no device in service at or below its unit.
    """
    await alone(session, service.LANGUAGES)
    group = await _to_change(session, group_id)
    if name is not None:
        group.name = name
    await _require_in_service(session, group_id, add)
    await service.require_at(session, group.unit_id, add)
    inside = await _inside(session, group_id, {*add, *remove})
    coming, going = sorted(set(add) - inside), sorted(inside.intersection(remove).difference(add))
    await membership.settle(session, group_id, coming=coming, going=going)
    return Changed(group, coming, going)


async def retire(session: AsyncSession, group_id: str, *, now: datetime) -> Changed:
    """A group is no more: its devices are in it no longer.

    Raises:
        GroupUnknown, GroupIsZone: it is none to be retired.
        GroupInUse: something planned speaks to it; the message names what.
    """
    await alone(session, service.LANGUAGES)
    group = await _to_change(session, group_id)
    found = await spoken.to(session, f"g-{group_id}", now)
    if found.anything:
        raise GroupInUse(
            f"group {group_id} is still spoken to: {found.en}; take it out of that first",
            vi=f"nhóm còn được dùng trong {found.vi}; hãy bỏ nhóm ra khỏi đó trước",
            **found.counts,
        )
    going = await membership.members(session, group_id)
    await membership.settle(session, group_id, coming=(), going=going)
    group.retired_at = now
    return Changed(group, going=going)


async def _to_change(session: AsyncSession, group_id: str) -> Group:
    """The row, locked against whoever is about to speak to the group (`store.missing_scopes`)."""
    group = await session.get(Group, group_id, with_for_update=True, populate_existing=True)
    if group is None or group.retired_at is not None:
        raise unknown(group_id)
    if await is_zone(session, group_id):
        raise GroupIsZone(
            f"group {group_id} is a quiet zone, whose devices follow its circle; move the zone instead",
            vi="đây là vùng yên tĩnh: thiết bị thuộc vùng theo vị trí, không chọn tay được",
        )
    return group


async def _require_in_service(session: AsyncSession, group_id: str, device_ids: Collection[str]) -> None:
    query = select(Device.id).where(Device.id.in_(sorted(set(device_ids))), Device.retired_at.is_(None))
    missing = sorted(set(device_ids).difference(await session.scalars(query)))
    if missing:
        told = ", ".join(missing[:_TOLD])
        raise service.DeviceUnknown(f"there is no device {told} to put into group {group_id}", devices=missing[:_TOLD])


async def _inside(session: AsyncSession, group_id: str, device_ids: Collection[str]) -> set[str]:
    query = select(GroupMember.device_id).where(GroupMember.group_id == group_id)
    return set(await session.scalars(query.where(GroupMember.device_id.in_(sorted(device_ids)))))
