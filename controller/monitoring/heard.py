"""Which communes broadcast today: anything sounded on any of their devices, whole or in part, or sounds now."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.devices.tables import Device
from controller.monitoring import store
from controller.results.places import Tops
from controller.results.tables import Tally
from controller.runtime.database import kept
from loa_protocol.outcomes import Outcome

_HEARD = (str(Outcome.PLAYED), str(Outcome.PARTIAL))
_NAMED = 200
"""More communes than these are not named one by one in a query."""


class HeardToday:
    """Remembers, for one controller process, what it found: what was played today stays played.

    So only communes that were not heard yet are looked up, and of a province in the evening that is hardly any.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._communes: set[str] = set()

    async def communes(self, session: AsyncSession, tops: Tops, since: datetime, now: datetime) -> frozenset[str]:
        """Those there, since a midnight. Found once for all of a page."""
        known, key = kept(session), ("heard", tops, since)
        if key not in known:
            known[key] = await self._found(session, tops, since, now)
        found: frozenset[str] = known[key]
        return found

    async def _found(self, session: AsyncSession, tops: Tops, since: datetime, now: datetime) -> frozenset[str]:
        if since != self._since:
            self._since, self._communes = since, set()
        heard, there = self._communes, (await store.standing(session, tops)).keys()
        if left := there - heard:
            heard.update(await session.scalars(_counted(_named(left, tops), since, now)))
        sounding: set[str] = set()
        if left := there - heard:
            uncounted = select(BroadcastRow.id).where(
                BroadcastRow.tallied_at.is_(None), BroadcastRow.start >= since, BroadcastRow.start <= now
            )
            if (await session.scalars(uncounted.limit(1))).first() is not None:
                for commune, played in await session.execute(_by_receipt(uncounted, _named(left, tops))):
                    (heard if played else sounding).add(commune)
        return frozenset(there & (heard | sounding))


def _named(communes: set[str], tops: Tops) -> Select[str] | Sequence[str]:
    return sorted(communes) if len(communes) <= _NAMED else store.ids(tops)


def _counted(communes: Select[str] | Sequence[str], since: datetime, now: datetime) -> Select[str]:
    """Those of these communes where something sounded that is counted already."""
    query = select(Tally.unit_id).join(BroadcastRow, BroadcastRow.id == Tally.broadcast_id).distinct()
    query = query.where(Tally.start >= since, Tally.start <= now, Tally.played + Tally.partial > 0)
    return query.where(BroadcastRow.tallied_at.is_not(None), Tally.unit_id.in_(communes))


def _by_receipt(broadcasts: Select[str], communes: Select[str] | Sequence[str]) -> Select[str, int]:
    """Of these communes those where something of these sounded, and on how many devices it did to the end."""
    under = store.under(communes)
    played, sounds = LedgerRow.outcome.in_(_HEARD), LedgerRow.outcome.is_(None) & LedgerRow.started.is_not(None)
    return (
        select(under.c.commune, func.count(LedgerRow.outcome))
        .join(Device, Device.unit_id == under.c.id)
        .join(LedgerRow, LedgerRow.device_id == Device.id)
        .where(LedgerRow.broadcast_id.in_(broadcasts), or_(played, sounds))
        .group_by(under.c.commune)
    )
