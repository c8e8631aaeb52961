"""Use cases of people: take them in, give and take roles, leaves with deputies, who may approve, let them go.

Whoever retires acts no more from the next request on, and their addresses go at once. Erasing takes the name, too;
the bare id stays where it stands in steps, because who decided must stay countable. A change of a person, of their
roles or of their leaves holds the person's row, so that two at the same time see each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices import service as notices
from controller.people import rules, store
from controller.people.rules import Role, Stand
from controller.people.tables import Grant, Leave, Person
from controller.policies.words import DEFAULT_ZONE
from controller.runtime.ids import new_id
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.errors import LoaError
from loa_protocol.policy import zone

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


class LeaveNotFound(LoaError):
    """The person has no such leave."""

    code = "leave_not_found"


class DaysInvalid(LoaError):
    """The last of some days is before the first."""

    code = "days_invalid"


class LeaveOverlaps(LoaError):
    """The person is on leave on some of these days already."""

    code = "leave_overlaps"


class DeputyRefused(LoaError):
    """Somebody cannot stand in for this person."""

    code = "deputy_refused"


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may approve: by their own right, or as the deputy of `for_person`."""

    person: Person
    for_person: Person | None = None


def local_day(now: datetime) -> date:
    """The day that people in Vietnam have at an instant; grants and leaves are days of theirs."""
    return now.astimezone(zone(DEFAULT_ZONE)).date()


async def require(session: AsyncSession, person_id: str) -> Person:
    """The person, whether they have left or not.

    Raises:
        PersonNotFound: there is none.
    """
    person = await store.find(session, person_id)
    if person is None:
        raise PersonNotFound(f"there is no person {person_id}; list the people to find the right id", person=person_id)
    return person


async def approvers(session: AsyncSession, unit_id: str, on: date, *, author_id: str | None = None) -> list[Approver]:
    """Everybody who may approve for the unit that day, those by their own right first; maybe nobody.

    With an author: neither they nor who stands in for them. One person may stand in for several, and is named once
    for each; `notices.tell` tells each person once.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require(session, unit_id)
    stands = rules.independent(await _stands(session, unit_id, on), author_id)
    people = await store.named(session, {key for one in stands for key in (one.person_id, one.for_id) if key})
    return [_approver(one, people) for one in stands]


async def may_approve(
    session: AsyncSession, person_id: str, unit_id: str, on: date, *, author_id: str | None = None
) -> Approver | None:
    """As whom this person approves for the unit that day, by their own right if they have it; None: they may not."""
    stands = rules.independent(await _stands(session, unit_id, on), author_id)
    stand = rules.stand_of(stands, person_id)
    if stand is None:
        return None
    people = await store.named(session, {key for key in (stand.person_id, stand.for_id) if key})
    return _approver(stand, people)


async def _stands(session: AsyncSession, unit_id: str, on: date) -> tuple[Stand, ...]:
    chain = await unit_store.chain(session, unit_id)
    held = await store.held(session, chain, Role.APPROVER)
    holders = {one.person_id for one in held}
    away = await store.away(session, holders, on)
    deputies = {one.deputy_id for one in away if one.deputy_id is not None} - holders
    away += await store.away(session, deputies, on)
    here = await store.here(session, holders | deputies)
    return rules.approvers(chain, held, away, here=here.keys(), on=on)


def _approver(stand: Stand, people: dict[str, Person]) -> Approver:
    return Approver(people[stand.person_id], None if stand.for_id is None else people[stand.for_id])


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
    await units.require(session, unit_id)
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
    person = await _present(session, person_id)
    if "unit_id" in changes:
        await units.require(session, changes["unit_id"])
    for field, value in changes.items():
        if field not in CHANGEABLE:
            raise AssertionError(f"{field} of a person is not changed here")
        setattr(person, field, value)
    await session.flush()
    return person


async def retire(session: AsyncSession, person_id: str, *, now: datetime) -> Person:
    """The person leaves: they act no more, and their addresses are forgotten. Again changes nothing.

    Raises:
        PersonNotFound: there is none.
    """
    person = await _held(session, person_id)
    if person.retired_at is None:
        person.retired_at = now
        person.email, person.webhook = None, False
        await notices.forget_addresses(session, person_id)
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
    _require_order(begins, ends)
    await _present(session, person_id)
    await units.require(session, unit_id)
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
    await _held(session, person_id)
    row = await store.grant(session, person_id, grant_id)
    if row is None:
        raise GrantNotFound(f"person {person_id} has no grant {grant_id}; list their grants to find the right id")
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, by
        await session.flush()
    return row


async def take_leave(
    session: AsyncSession,
    person_id: str,
    *,
    first_day: date,
    last_day: date,
    deputy_id: str | None,
    by: str | None,
    now: datetime,
) -> Leave:
    """Note days on which a person is away, both included, and who stands in.

    Raises:
        PersonNotFound, PersonLeft, DaysInvalid, LeaveOverlaps, DeputyRefused: it cannot be.
    """
    _require_order(first_day, last_day)
    await _present(session, person_id)
    if deputy_id is not None:
        await _require_deputy(session, person_id, deputy_id)
    known = await store.overlapping(session, person_id, first_day, last_day)
    if known is not None:
        raise LeaveOverlaps(
            f"they are on leave from {known.first_day} to {known.last_day} already; cancel that leave first",
            leave=known.id,
        )
    row = Leave(
        id=new_id(now),
        person_id=person_id,
        first_day=first_day,
        last_day=last_day,
        deputy_id=deputy_id,
        made_at=now,
        made_by=by,
    )
    session.add(row)
    await session.flush()
    return row


async def cancel_leave(session: AsyncSession, person_id: str, leave_id: str, *, now: datetime) -> Leave:
    """The person is not away after all. Again changes nothing.

    Raises:
        PersonNotFound, LeaveNotFound: there is none.
    """
    await _held(session, person_id)
    row = await store.leave(session, person_id, leave_id)
    if row is None:
        raise LeaveNotFound(f"person {person_id} has no leave {leave_id}; list their leaves to find the right id")
    row.cancelled_at = row.cancelled_at or now
    await session.flush()
    return row


async def grants(session: AsyncSession, person_id: str) -> Sequence[Grant]:
    """All roles a person has or had, newest first.

    Raises:
        PersonNotFound: there is none.
    """
    await require(session, person_id)
    return await store.grants(session, person_id)


async def leaves(session: AsyncSession, person_id: str) -> Sequence[Leave]:
    """A person's leaves, latest first.

    Raises:
        PersonNotFound: there is none.
    """
    await require(session, person_id)
    return await store.leaves(session, person_id)


async def _held(session: AsyncSession, person_id: str) -> Person:
    person = await store.to_change(session, person_id)
    return person if person is not None else await require(session, person_id)


async def _present(session: AsyncSession, person_id: str) -> Person:
    person = await _held(session, person_id)
    if person.retired_at is not None:
        raise PersonLeft(f"person {person_id} has left; take them in anew if they are back", person=person_id)
    return person


async def _require_deputy(session: AsyncSession, person_id: str, deputy_id: str) -> None:
    if deputy_id == person_id:
        raise DeputyRefused("nobody stands in for themselves; name another person", person=person_id)
    deputy = await store.find(session, deputy_id)
    if deputy is None or deputy.retired_at is not None:
        raise DeputyRefused(f"{deputy_id} is nobody who works here; list the people to find the right id")


def _require_order(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise DaysInvalid(f"the last day {last} is before the first day {first}; give them in order")
