"""People with roles, taken in as the API does it."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.people import service as people
from controller.people.rules import Role

FIRST_DAY = date(2026, 1, 1)
STAFF = (Role.OPERATOR, Role.APPROVER)
"""Who writes, places, approves and stops."""


async def take_in(
    session: AsyncSession, name: str, unit: str, *roles: Role, at: str | None = None, now: datetime
) -> str:
    """Somebody of a unit with roles there, or `at` another; gives their id."""
    person = await people.create(session, name=name, unit_id=unit, now=now)
    for role in roles:
        await people.grant(session, person.id, role=role, unit_id=at or unit, begins=FIRST_DAY, by=None, now=now)
    return person.id
