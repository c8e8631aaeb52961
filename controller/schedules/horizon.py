"""Goes on making broadcasts as days pass: every programme up to the midnight after the horizon.

Only what was not made before is looked at, so that a day costs a day. A programme that cannot be planned harms only
itself: it is told, and tried again in the next round.
"""

import logging
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.service import plan_topics
from controller.delivery import store as delivery
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.schedules import making, store
from controller.schedules.making import Terms

log = logging.getLogger(__name__)

AT_ONCE = 20


async def extend_all(db: Database, terms: Terms) -> bool:
    """Extend every programme that is due; whether any plan has to be signed for it."""
    tried: set[str] = set()
    changed = False
    while True:
        async with db.reading() as session:
            due = await store.due(session, terms.until, limit=AT_ONCE + len(tried))
        batch = [one for one in due if one not in tried][:AT_ONCE]
        if not batch:
            return changed
        tried.update(batch)
        changed = await _extend(db, batch, terms) or changed


async def _extend(db: Database, batch: Sequence[str], terms: Terms) -> bool:
    try:
        return await db.attempt(lambda session: _extend_in(session, batch, terms))
    except (DatabaseUnavailable, DatabaseBusy):
        raise  # it holds for each of them alone too
    except Exception as error:
        if len(batch) == 1:
            log.exception("programme %s could not be planned further; what was planned stands", batch[0])
            return False
        log.info("%d programmes were not planned together (%s); planning them one by one", len(batch), error)
    done = [await _extend(db, [one], terms) for one in batch]
    return any(done)


async def _extend_in(session: AsyncSession, batch: Sequence[str], terms: Terms) -> bool:
    rows = await store.take_due(session, batch, terms.until)
    made = [await making.extend(session, row, terms) for row in rows]
    scopes = sorted({scope for one in made for scope in one.diff.scopes})
    await delivery.want(session, plan_topics(scopes))
    added = sum(len(one.diff.add) for one in made)
    if added:
        log.info("planned %d programmes up to %s: %d broadcasts, %d plans", len(made), terms.until, added, len(scopes))
    return bool(scopes)
