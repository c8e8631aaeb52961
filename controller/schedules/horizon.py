"""Goes on making broadcasts as days pass: every programme up to the midnight after the horizon.

Only what was not made before is looked at, so that a day costs a day; a round does some of it. A programme that cannot
be planned harms only itself: it is told, and tried again in the next round.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.service import plan_topics
from controller.delivery import store as delivery
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.schedules import making, store
from controller.schedules.making import Terms

log = logging.getLogger(__name__)

AT_ONCE = 20
MOST = 100
"""Programmes a round: a whole country's plans at once would keep an urgent one waiting."""
URGENT = timedelta(days=2)
"""Who is planned no further does not wait for his turn."""


@dataclass(frozen=True, slots=True)
class _Done:
    """How many programmes were extended, and whether any plan has to be signed for it."""

    programmes: int = 0
    signing: bool = False


async def extend_all(db: Database, terms: Terms, most: int = MOST) -> bool:
    """Extend the programmes that are due, `most` of those that can wait; whether any plan has to be signed for it."""
    changed = await _extend_up_to(db, terms, min(terms.until, terms.now + URGENT), None)
    return await _extend_up_to(db, terms, terms.until, most) or changed


async def _extend_up_to(db: Database, terms: Terms, until: datetime, most: int | None) -> bool:
    """Those that are not planned up to `until`, each tried once."""
    tried: set[str] = set()
    signing, extended = False, 0
    while most is None or extended < most:
        async with db.reading() as session:
            due = await store.due(session, until, limit=AT_ONCE + len(tried))
        size = AT_ONCE if most is None else min(AT_ONCE, most - extended)
        batch = [one for one in due if one not in tried][:size]
        if not batch:
            break
        tried.update(batch)
        done = await _extend(db, batch, terms)
        signing, extended = signing or done.signing, extended + done.programmes
    return signing


async def _extend(db: Database, batch: Sequence[str], terms: Terms) -> _Done:
    try:
        return await db.attempt(lambda session: _extend_in(session, batch, terms))
    except (DatabaseUnavailable, DatabaseBusy):
        raise  # it holds for each of them alone too
    except Exception as error:
        if len(batch) == 1:
            log.exception("programme %s could not be planned further; what was planned stands", batch[0])
            return _Done()
        log.info("%d programmes were not planned together (%s); planning them one by one", len(batch), error)
    done = [await _extend(db, [one], terms) for one in batch]
    return _Done(sum(one.programmes for one in done), any(one.signing for one in done))


async def _extend_in(session: AsyncSession, batch: Sequence[str], terms: Terms) -> _Done:
    rows = await store.take_due(session, batch, terms.until)
    made = [await making.extend(session, row, terms) for row in rows]
    scopes = sorted({scope for one in made for scope in one.diff.scopes})
    await delivery.want(session, plan_topics(scopes))
    added = sum(len(one.diff.add) for one in made)
    if added:
        log.info("planned %d programmes up to %s: %d broadcasts, %d plans", len(made), terms.until, added, len(scopes))
    return _Done(len(made), bool(scopes))
