"""What others lose by a save: asked of the devices' own timeline, before and after, once a class of devices."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.schedules.making import Made
from controller.schedules.planning import Wanted
from controller.timelines import service as timelines
from controller.timelines.service import Displaced
from loa_protocol.documents.plan import Broadcast, OnLate, OnPreempt
from loa_protocol.ids import Level

AHEAD = timedelta(days=7)


async def displaced(session: AsyncSession, made: Made, now: datetime) -> list[Displaced]:
    """What else plays later, less or not at all within a week; the session already sees the change."""
    diff = made.diff
    stood: dict[str, list[Broadcast]] = {}
    for held in (*(before for before, _ in diff.change), *diff.cancel):
        if not held.dropped:
            for scope in held.as_made.scopes:
                stood.setdefault(scope, []).append(_broadcast(held.as_made, held.rev, now))
    replaced = {one.id for held in stood.values() for one in held}
    fresh = frozenset(one.id for one in diff.add) | {wanted.id for _, wanted in diff.change}
    return await timelines.displaced(
        session, scopes=diff.scopes, stood=stood, fresh=fresh - replaced, now=now, until=now + AHEAD
    )


def _broadcast(made: Wanted, rev: int, now: datetime) -> Broadcast:
    """As the plan had it. Who was first among equals is not asked here: that never changes with a revision."""
    return Broadcast(
        id=made.id,
        rev=rev,
        start=made.start,
        latest_start=made.latest_start,
        issued=now,
        duration_ms=made.duration_ms,
        level=Level(made.level),
        authority=made.authority,
        segments=made.segments,
        on_preempt=OnPreempt(made.on_preempt),
        on_late=OnLate(made.on_late),
        volume=made.volume,
        stagger=made.stagger,
        title=made.title,
    )
