"""Use cases of people: take them in, give and take roles, let them go. Leaves are in `leaves`.

Whoever retires acts no more from the next request on, and their addresses go at once. Erasing takes the name, too;
the bare id stays where it stands in steps, because who decided must stay countable. A change of a person, of their
roles or of their leaves holds the person's row, so that two at the same time see each other.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import forgetting as accounts
from controller.audit import service as audit
from controller.notices import service as notices
from controller.people import store
from controller.people.approving import Approver, approvers, local_day, may_approve
from controller.people.rules import Role
from controller.people.tables import Grant, Person
from controller.runtime.ids import new_id
from controller.units import service as units
from loa_protocol.errors import LoaError

__all__ = [
    "Approver",
    "DaysInvalid",
    "GrantNotFound",
    "PersonLeft",
    "PersonNotFound",
    "approvers",
    "change",
    "create",
    "erase",
    "grant",
    "grants",
    "local_day",
    "may_approve",
    "require",
    "retire",
    "revoke",
]

CHANGEABLE = frozenset({"name", "unit_id", "email", "webhook", "language"})


class PersonNotFound(LoaError):
    """No person has this id."""

    code = "person_not_found"


class PersonLeft(LoaError):
    """A person has left: nothing is given to them any more."""

    code = "person_left"


class GrantNotFound(LoaError):
    """The person has no such role."""

    code = "grant_not_found"


class DaysInvalid(LoaError):
    """Some days are out of order, too many, or long past."""

    code = "days_invalid"


def unknown(person_id: str) -> PersonNotFound:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return PersonNotFound(f"there is no person {person_id}; list the people to find the right id", person=person_id)


async def require(session: AsyncSession, person_id: str) -> Person:
    """The person, whether they have left or not.

    Raises:
        PersonNotFound: there is none.
    """
    person = await store.find(session, person_id)
    if person is None:
        raise unknown(person_id)
    return person


async def create(
    session: AsyncSession,
    *,
    name: str,
    unit_id: str,
    email: str | None = None,
    webhook: bool = False,
    language: str = "vi",
    now: datetime,
) -> Person:
    """Take a person in; they may do nothing yet.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require_open(session, unit_id)
    person = Person(
        id=new_id(now), unit_id=unit_id, name=name, email=email, webhook=webhook, language=language, created_at=now
    )
    session.add(person)
    await session.flush()
    return person


async def change(session: AsyncSession, person_id: str, **changes: Any) -> Person:
    """Set what is named of `CHANGEABLE`.

    Raises:
        PersonNotFound, PersonLeft, UnitUnknown: it cannot be.
    """
    person = await hold_present(session, person_id)
    if "unit_id" in changes:
        await units.require_open(session, changes["unit_id"])
    for field, value in changes.items():
        if field not in CHANGEABLE:
            raise AssertionError(f"{field} of a person is not changed here")
        setattr(person, field, value)
    await session.flush()
    return person


async def retire(session: AsyncSession, person_id: str, *, now: datetime) -> Person:
    """The person leaves: they act no more, their addresses and ways to sign in are forgotten, their leaves end.

    Again changes nothing.

    Raises:
        PersonNotFound: there is none.
    """
    person = await hold(session, person_id)
    if person.retired_at is None:
        person.retired_at = now
        person.email, person.webhook = None, False
        await notices.forget_addresses(session, person_id)
        await accounts.forget(session, person_id)
        for one in await store.leaves(session, person_id):
            if one.last_day >= local_day(now):
                one.cancelled_at = now
        await session.flush()
    return person


async def erase(session: AsyncSession, person_id: str, *, now: datetime) -> Person:
    """Retire the person and forget their name, leaves and notices; the id stays where it stands in steps.

    Raises:
        PersonNotFound: there is none.
    """
    person = await retire(session, person_id, now=now)
    if person.erased_at is None:
        person.erased_at, person.name = now, ""
        await store.forget_leaves(session, person_id)
        await notices.forget(session, person_id)
        await audit.forget(session, person_id)
        await session.flush()
    return person


async def grant(
    session: AsyncSession,
    person_id: str,
    *,
    role: Role,
    unit_id: str,
    begins: date,
    ends: date | None = None,
    by: str | None,
    now: datetime,
) -> Grant:
    """Give a role at a unit, from `begins` to `ends` (both included); `by` is who gives it, None the token.

    Raises:
        PersonNotFound, PersonLeft, UnitUnknown, DaysInvalid: it cannot be.
    """
    require_order(begins, ends)
    await hold_present(session, person_id)
    await units.require_open(session, unit_id)
    row = Grant(
        id=new_id(now),
        person_id=person_id,
        role=str(role),
        unit_id=unit_id,
        begins=begins,
        ends=ends,
        granted_at=now,
        granted_by=by,
    )
    session.add(row)
    await session.flush()
    return row


async def revoke(session: AsyncSession, person_id: str, grant_id: str, *, by: str | None, now: datetime) -> Grant:
    """Take a role away, at once. Again changes nothing.

    Raises:
        PersonNotFound, GrantNotFound: there is none.
    """
    await hold(session, person_id)
    row = await store.grant(session, person_id, grant_id)
    if row is None:
        raise GrantNotFound(f"person {person_id} has no grant {grant_id}; list their grants to find the right id")
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, by
        await session.flush()
    return row


async def grants(session: AsyncSession, person_id: str) -> Sequence[Grant]:
    """All roles a person has or had, newest first.

    Raises:
        PersonNotFound: there is none.
    """
    await require(session, person_id)
    return await store.grants(session, person_id)


async def hold(session: AsyncSession, person_id: str) -> Person:
    """The person, held for a change of them, their roles or their leaves.

    Raises:
        PersonNotFound: there is none.
    """
    person = await store.to_change(session, person_id)
    return person if person is not None else await require(session, person_id)


async def hold_present(session: AsyncSession, person_id: str) -> Person:
    """As `hold`, of somebody who works here.

    Raises:
        PersonNotFound, PersonLeft: there is none.
    """
    person = await hold(session, person_id)
    if person.retired_at is not None:
        raise PersonLeft(f"person {person_id} has left; take them in anew if they are back", person=person_id)
    return person


def require_order(first: date, last: date | None) -> None:
    """The last of some days is not before the first.

    Raises:
        DaysInvalid: it is.
    """
    if last is not None and last < first:
        raise DaysInvalid(f"the last day {last} is before the first day {first}; give them in order")
