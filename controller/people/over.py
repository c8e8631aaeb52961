"""Who takes care of a person: somebody who looks after every unit where that person has a role.

Else an administrator of a commune could take over, or shut out, somebody of theirs who decides for the province.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import May
from controller.access.rules import Permission
from controller.people import service, store


async def require_over(may: May, session: AsyncSession, person_id: str, now: datetime) -> None:
    """Go on only if who asks looks after the person's unit and all where they have, or will have, a role.

    Raises:
        PersonNotFound, NotAllowed, SecondFactorNeeded: not so.
    """
    person = await service.require(session, person_id)
    today = service.local_day(now)
    grants = await store.grants(session, person_id)
    standing = [one for one in grants if one.revoked_at is None and (one.ends is None or one.ends >= today)]
    await may.require(Permission.PEOPLE, *sorted({person.unit_id, *(one.unit_id for one in standing)}))
