"""All queries about people, their roles and their leaves."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.people.rules import Away, Held, Role
from controller.people.tables import Grant, Leave, Person


async def find(session: AsyncSession, person_id: str) -> Person | None:
    """One person, whether they have left or not."""
    return await session.get(Person, person_id)


async def to_change(session: AsyncSession, person_id: str) -> Person | None:
    """One person, held for a change: of them, of their roles or of their leaves."""
    query = select(Person).where(Person.id == person_id).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def everybody(
    session: AsyncSession, *where: ColumnElement[bool], units: Collection[str] | None = None, left: bool = False
) -> list[Person]:
    """People by name, of these units only; `left`: those who have left, too."""
    query = select(Person).where(*where).order_by(Person.name, Person.id)
    if units is not None:
        query = query.where(Person.unit_id.in_(units))
    if not left:
        query = query.where(Person.retired_at.is_(None))
    return list(await session.scalars(query))


async def named(session: AsyncSession, people: Iterable[str]) -> dict[str, Person]:
    """People by id."""
    wanted = sorted(set(people))
    query = select(Person).where(Person.id.in_(wanted))
    return {person.id: person for person in await session.scalars(query)} if wanted else {}


async def here(session: AsyncSession, people: Iterable[str]) -> dict[str, Person]:
    """Those of them who have not left, by id."""
    return {key: one for key, one in (await named(session, people)).items() if one.retired_at is None}


async def held(session: AsyncSession, units: Sequence[str], role: Role) -> list[Held]:
    """Who has this role at any of the units, whenever."""
    query = select(Grant).where(Grant.unit_id.in_(units), Grant.role == str(role), Grant.revoked_at.is_(None))
    return [Held(row.person_id, row.unit_id, row.begins, row.ends) for row in await session.scalars(query)]


async def away(session: AsyncSession, people: Iterable[str], on: date) -> list[Away]:
    """Who of them is on leave that day."""
    query = select(Leave).where(
        Leave.person_id.in_(sorted(set(people))),
        Leave.cancelled_at.is_(None),
        Leave.first_day <= on,
        Leave.last_day >= on,
    )
    return [Away(row.person_id, row.first_day, row.last_day, row.deputy_id) for row in await session.scalars(query)]


async def grants(session: AsyncSession, person_id: str) -> Sequence[Grant]:
    """All roles a person has or had, newest first."""
    query = select(Grant).where(Grant.person_id == person_id).order_by(Grant.granted_at.desc(), Grant.id.desc())
    return (await session.scalars(query)).all()


async def grant(session: AsyncSession, person_id: str, grant_id: str) -> Grant | None:
    """One of a person's roles."""
    query = select(Grant).where(Grant.id == grant_id, Grant.person_id == person_id)
    return (await session.scalars(query)).one_or_none()


def standing(person_id: Any, on: date) -> ColumnElement[bool]:
    """The condition that a grant is, or will be, of use to somebody: theirs, or an approver's whose deputy they are."""
    absent = select(Leave.person_id).where(
        Leave.deputy_id == person_id, Leave.cancelled_at.is_(None), Leave.last_day >= on
    )
    stands_in = and_(Grant.role == str(Role.APPROVER), Grant.person_id.in_(absent))
    lasts = or_(Grant.ends.is_(None), Grant.ends >= on)
    return and_(Grant.revoked_at.is_(None), lasts, or_(Grant.person_id == person_id, stands_in))


async def standing_units(session: AsyncSession, person_id: str, on: date) -> set[str]:
    """The units of all grants that are, or will be, of use to somebody."""
    return set(await session.scalars(select(Grant.unit_id).where(standing(person_id, on))))


async def leaves(session: AsyncSession, person_id: str) -> Sequence[Leave]:
    """A person's leaves that are not cancelled, latest first."""
    query = select(Leave).where(Leave.person_id == person_id, Leave.cancelled_at.is_(None))
    return (await session.scalars(query.order_by(Leave.first_day.desc()))).all()


async def leave(session: AsyncSession, person_id: str, leave_id: str) -> Leave | None:
    """One of a person's leaves."""
    query = select(Leave).where(Leave.id == leave_id, Leave.person_id == person_id)
    return (await session.scalars(query)).one_or_none()


async def overlapping(session: AsyncSession, person_id: str, first_day: date, last_day: date) -> Leave | None:
    """A leave of theirs that has any of these days."""
    query = select(Leave).where(
        Leave.person_id == person_id,
        Leave.cancelled_at.is_(None),
        Leave.first_day <= last_day,
        Leave.last_day >= first_day,
    )
    return (await session.scalars(query.limit(1))).first()


async def forget_leaves(session: AsyncSession, person_id: str) -> None:
    """Drop the leaves of somebody who is erased."""
    await session.execute(delete(Leave).where(Leave.person_id == person_id))
