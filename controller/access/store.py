"""All queries about what somebody may do: their roles, and the units these reach."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from controller.access.rules import Reach, RoleHeld
from controller.devices.tables import Device
from controller.people.rules import Held, Role
from controller.people.tables import Grant, Leave, Person
from controller.units import store as units
from controller.units.tables import Group, Unit


async def roles_of(
    session: AsyncSession, person_id: str, on: date, *, given_by: datetime | None = None
) -> tuple[RoleHeld, ...]:
    """The roles of a person, and those of approvers whose deputy they are that day.

    None at closed units, none of who has left, and with `given_by` none that was given later.
    """
    query = select(Grant).join(Unit, Unit.id == Grant.unit_id).join(Person, Person.id == Grant.person_id)
    query = query.where(Grant.revoked_at.is_(None), Unit.closed_at.is_(None), Person.retired_at.is_(None))
    if given_by is not None:
        query = query.where(Grant.granted_at <= given_by)
    absent = select(Leave.person_id).where(
        Leave.deputy_id == person_id, Leave.cancelled_at.is_(None), Leave.first_day <= on, Leave.last_day >= on
    )
    stands_in = Grant.person_id.in_(absent) & (Grant.role == str(Role.APPROVER))
    rows = await session.scalars(query.where(or_(Grant.person_id == person_id, stands_in)))
    return tuple(RoleHeld(Role(row.role), Held(person_id, row.unit_id, row.begins, row.ends)) for row in rows)


def within(reach: Reach, column: "InstrumentedAttribute[str] | ColumnElement[str]") -> ColumnElement[bool]:
    """The condition that a column names a unit in reach; the units stay in the database."""
    if reach.everywhere:
        return true()
    if reach.whole:
        return column.is_not(None)
    return or_(column.in_(units.subtree(reach.roots)), column.in_(sorted(reach.above)))


def scopes_within(reach: Reach, column: "InstrumentedAttribute[str] | ColumnElement[str]") -> ColumnElement[bool]:
    """The condition that a column names a unit in reach, or a group or device of one."""
    if reach.everywhere:
        return true()
    if reach.whole:
        return column.is_not(None)
    groups = select("g-" + Group.id).where(within(reach, Group.unit_id))
    devices = select("d-" + Device.id).where(within(reach, Device.unit_id))
    return or_(
        column.in_(select("u-" + Unit.id).where(within(reach, Unit.id))), column.in_(groups), column.in_(devices)
    )
