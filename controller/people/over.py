"""Who takes care of a person: somebody who looks after every unit where that person has a role, or stands in.

Else an administrator of a commune could take over, or shut out, somebody of theirs who decides for the province.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import May
from controller.access.rules import Permission
from controller.access.store import roles_of
from controller.people import service, store
from controller.people.acting import Actor, Via
from controller.people.tables import Grant, Person


async def require_over(may: May, session: AsyncSession, person_id: str, now: datetime) -> None:
    """Go on only if who asks looks after the person's unit and all where they have, or will have, a role.

    Raises:
        PersonNotFound, NotAllowed, SecondFactorNeeded: not so.
    """
    await may.require(Permission.PEOPLE, *await _units(session, person_id, now))


async def require_own_or_over(may: May, session: AsyncSession, person_id: str, now: datetime) -> None:
    """As `require_over`, of others than oneself.

    Raises:
        PersonNotFound, NotAllowed, SecondFactorNeeded: not so.
    """
    if person_id != may.actor.person_id:
        await require_over(may, session, person_id, now)


async def is_over(session: AsyncSession, by: str, person_id: str, now: datetime) -> bool:
    """Whether somebody who asked for this person before would be let by `require_over` by now."""

    @asynccontextmanager
    async def look() -> AsyncIterator[AsyncSession]:
        yield session

    on = service.local_day(now)
    may = May(look, Actor(by, by, Via.SESSION), await roles_of(session, by, on), on)
    return await may.holds(Permission.PEOPLE, await _units(session, person_id, now))


async def looked_after(may: May, now: datetime) -> ColumnElement[bool]:
    """The condition on people that `require_over` lets who asks."""
    outside = ~await may.where(Permission.PEOPLE, Grant.unit_id)
    elsewhere = exists().where(store.standing(Person.id, service.local_day(now)), outside)
    return and_(await may.where(Permission.PEOPLE, Person.unit_id), ~elsewhere)


async def _units(session: AsyncSession, person_id: str, now: datetime) -> list[str]:
    person = await service.require(session, person_id)
    return sorted({person.unit_id} | await store.standing_units(session, person_id, service.local_day(now)))
