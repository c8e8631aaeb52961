"""When something that waits at a unit may come: the sessions of programmes that have a slot for it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.schedules import composing
from controller.schedules import rules as programme_rules
from controller.schedules import store as programmes
from controller.schedules.programme import BulletinsSegment
from controller.schedules.rules import Occurrence

_MOST_OCCURRENCES = 2000


async def ahead(session: AsyncSession, unit_id: str, begin: datetime, end: datetime) -> list[Occurrence]:
    """The sessions of begin <= start < end that have a slot for what waits at a unit, the first first."""
    found: list[Occurrence] = []
    for programme_id in await programmes.with_slot(session, unit_id):
        series = await programmes.series(session, programme_id, begin.date())
        coming = programme_rules.expand(series, begin, end, most=_MOST_OCCURRENCES)
        found += [one for one in coming if unit_id in composing.slots_of(one.session.segments)]
    return sorted(found, key=lambda one: (one.start, one.id))


def longest_slot_ms(one: Occurrence, unit_id: str) -> int:
    """The longest of a session's slots for what waits at a unit."""
    slots = [segment for segment in one.session.segments if isinstance(segment, BulletinsSegment)]
    return max((slot.max_duration_s * 1000 for slot in slots if slot.of == unit_id), default=0)
