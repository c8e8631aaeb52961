"""Groups of devices over HTTP."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, Title, View
from controller.devices import listing
from controller.devices.tables import Device, GroupMember
from controller.schedules import listening, making
from controller.units import branches, groups, naming, service
from controller.units.groups import Changed
from controller.units.tables import Group
from loa_protocol.ids import device_scope

router = APIRouter(tags=["units"], route_class=WriteRoute)
MOST_AT_ONCE = 1000
_MOST_A_PAGE = 200

Devices = Annotated[list[IdField], Field(default_factory=list, max_length=MOST_AT_ONCE)]


class GroupBody(Body):
    """A group of devices to make; no `id`: one made of its name."""

    id: IdField | None = None
    name: Title
    unit_id: IdField
    devices: Annotated[list[IdField], Field(default_factory=list)]


class GroupChangeBody(Body):
    """What is to be different; devices that are named neither in `add` nor in `remove` stay as they are."""

    name: Title | None = None
    add: Devices
    remove: Devices

    @model_validator(mode="after")
    def _no_device_twice(self) -> Self:
        both = sorted(set(self.add).intersection(self.remove))
        if both:
            raise ValueError(f"{both[0]} is to be put in and taken out at once; name it once")
        return self


class GroupView(View):
    """A group."""

    id: str
    name: str
    unit_id: str


class GroupFoundView(GroupView):
    """A group with its unit and how many of its devices one may know of; `zone`: it is a quiet zone's."""

    unit_name: str
    devices: int
    zone: bool


class GroupChangedView(GroupView):
    """A group and which devices came and went, by id."""

    came: list[str]
    went: list[str]


class GroupWholeView(GroupFoundView):
    """A group; of its devices that one may know of how many loudspeakers and boards there are, at how many units."""

    speakers: int
    boards: int
    units: int


class MemberView(View):
    """A device that is or may be in a group."""

    id: str
    name: str
    kind: str
    unit_id: str
    unit_name: str
    state: str


class MembersView(View):
    """A page of devices in the order of their names, `total` of all pages; `after` is where the next page begins."""

    items: list[MemberView]
    total: int
    after: str | None


@router.get("/groups")
async def list_groups(session: Read, may: Allowed) -> list[GroupFoundView]:
    """Groups of devices and quiet zones by name; for people, those of their units and of the units above."""
    mine = await may.where(Permission.KNOW, Group.unit_id)
    seen = await may.where(Permission.SEE, Device.unit_id)
    return [GroupFoundView.model_validate(one) for one in await branches.groups(session, mine, seen)]


@router.post("/groups", status_code=201)
async def create_group(body: GroupBody, session: Write, controller: TheController, may: Allowed) -> GroupView:
    """Make a group of devices of a unit and those below it; their assignments follow."""
    await may.require_of(Permission.TEND, subjects.UNIT, body.unit_id)
    await may.require_scopes(Permission.SEE, map(device_scope, body.devices), service.devices_unknown)
    group = await service.create_group(
        session,
        group_id=body.id or naming.fresh(body.name, controller.clock.now()),
        name=body.name,
        unit_id=body.unit_id,
        devices=body.devices,
    )
    return GroupView.model_validate(group)


@router.get("/groups/{group_id}")
async def show_group(group_id: IdField, session: Read, may: Allowed) -> GroupWholeView:
    """A group, a quiet zone's too, and what is in it."""
    await groups.require(session, group_id)
    seen = await may.where(Permission.SEE, Device.unit_id)
    return GroupWholeView.model_validate(await branches.group(session, group_id, seen))


@router.patch("/groups/{group_id}")
async def change_group(
    group_id: IdField, body: GroupChangeBody, session: Write, controller: TheController, may: Allowed
) -> GroupChangedView:
    """Rename a group, put devices in, take devices out; their assignments and what is planned follow."""
    await may.require_scopes(Permission.SEE, map(device_scope, body.add), service.devices_unknown)
    changed = await groups.change(session, group_id, name=body.name, add=body.add, remove=body.remove)
    await _follow(session, changed, controller)
    return _told(changed)


@router.delete("/groups/{group_id}")
async def retire_group(group_id: IdField, session: Write, controller: TheController) -> GroupChangedView:
    """Retire a group that nothing planned speaks to; its devices are let go."""
    changed = await groups.retire(session, group_id, now=controller.clock.now())
    await _follow(session, changed, controller)
    return _told(changed)


@router.get("/groups/{group_id}/devices")
async def list_group_devices(
    *,
    group_id: IdField,
    session: Read,
    may: Allowed,
    q: Annotated[str, Query(max_length=200)] = "",
    of: Literal["group", "others"] = "group",
    after: IdField | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_A_PAGE)] = listing.PAGE,
) -> MembersView:
    """Devices of a group, or the `others` at its unit and below that may come in; found by words without accents."""
    group = await groups.require(session, group_id)
    where = (await may.where(Permission.SEE, Device.unit_id), _inside(group_id, others=of == "others"))
    wanted = listing.Wanted(q=q, unit_id=group.unit_id, after=after, limit=limit)
    found = await listing.search(session, wanted, *where)
    total = sum((await listing.counts(session, wanted, *where)).values())
    return MembersView(items=[_member(row) for row in found.rows], total=total, after=found.after)


def _member(row: Row[Any]) -> MemberView:
    device: Device = row[0]
    return MemberView(
        id=device.id,
        name=device.name,
        kind=device.kind,
        unit_id=device.unit_id,
        unit_name=row.unit_name,
        state=row.state_now,
    )


def _inside(group_id: str, *, others: bool) -> ColumnElement[bool]:
    members = select(GroupMember.device_id).where(GroupMember.group_id == group_id)
    return Device.id.not_in(members) if others else Device.id.in_(members)


async def _follow(session: AsyncSession, changed: Changed, controller: TheController) -> None:
    if changed.coming or changed.going:
        terms = making.terms_of(controller.settings, controller.clock.now())
        await listening.follow(session, f"g-{changed.group.id}", terms)


def _told(changed: Changed) -> GroupChangedView:
    group = changed.group
    return GroupChangedView(
        id=group.id, name=group.name, unit_id=group.unit_id, came=list(changed.coming), went=list(changed.going)
    )
