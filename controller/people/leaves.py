"""Days on which people are away, and who stands in for them: for a year at most, so that no deputy stays for good."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.people import store
from controller.people.service import DaysInvalid, hold, hold_present, local_day, require, require_order
from controller.people.tables import Leave
from controller.runtime.ids import new_id
from loa_protocol.errors import LoaError

LONGEST_DAYS = 366
LATEST_DAYS = 31
"""So long after it began a leave is noted at the latest."""


class LeaveNotFound(LoaError):
    """The person has no such leave."""

    code = "leave_not_found"


class LeaveOverlaps(LoaError):
    """The person is on leave on some of these days already."""

    code = "leave_overlaps"


class DeputyRefused(LoaError):
    """Somebody cannot stand in for this person."""

    code = "deputy_refused"


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
    require_order(first_day, last_day)
    await hold_present(session, person_id)
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


def require_bounds(first_day: date, last_day: date, now: datetime) -> None:
    """A leave that somebody asks for is no longer than a year, and no older than a month.

    Raises:
        DaysInvalid: it is.
    """
    if (last_day - first_day).days >= LONGEST_DAYS:
        raise DaysInvalid(
            f"a leave has {LONGEST_DAYS} days at most; note the rest when it comes",
            vi=f"một lần nghỉ dài nhất {LONGEST_DAYS} ngày; phần còn lại hãy ghi sau",
        )
    if first_day < local_day(now) - timedelta(days=LATEST_DAYS):
        raise DaysInvalid(
            f"{first_day} is more than {LATEST_DAYS} days ago; begin later",
            vi=f"ngày đầu đã qua hơn {LATEST_DAYS} ngày; hãy chọn ngày sau",
        )


async def cancel_leave(session: AsyncSession, person_id: str, leave_id: str, *, now: datetime) -> Leave:
    """The person is not away after all. Again changes nothing.

    Raises:
        PersonNotFound, LeaveNotFound: there is none.
    """
    await hold(session, person_id)
    row = await store.leave(session, person_id, leave_id)
    if row is None:
        raise LeaveNotFound(f"person {person_id} has no leave {leave_id}; list their leaves to find the right id")
    row.cancelled_at = row.cancelled_at or now
    await session.flush()
    return row


async def leaves(session: AsyncSession, person_id: str) -> Sequence[Leave]:
    """A person's leaves, latest first.

    Raises:
        PersonNotFound: there is none.
    """
    await require(session, person_id)
    return await store.leaves(session, person_id)


async def _require_deputy(session: AsyncSession, person_id: str, deputy_id: str) -> None:
    if deputy_id == person_id:
        raise DeputyRefused("nobody stands in for themselves; name another person", person=person_id)
    deputy = await store.find(session, deputy_id)
    if deputy is None or deputy.retired_at is not None:
        raise DeputyRefused(f"{deputy_id} is nobody who works here; list the people to find the right id")
