"""Where and when a bulletin goes on air, in words for people: names instead of ids, times as Vietnam's clocks show."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import slot_times
from controller.bulletins.tables import Placement
from controller.bulletins.words import local
from controller.devices.tables import Device
from controller.units.tables import Group, Unit

SLOTS_AHEAD = timedelta(days=7)
"""So far ahead the next session of a slot is looked for."""
MOST = 5
"""More places than these are only counted."""
_Named = Unit | Group | Device
_TABLES: dict[str, type[_Named]] = {"u": Unit, "g": Group, "d": Device}


async def told(session: AsyncSession, places: Sequence[Placement], now: datetime) -> list[str]:
    """A line for each of these places; of many the first ones, and how many more there are."""
    lines = [f"{await _when(session, one, now)}, {await where(session, one)}" for one in places[:MOST]]
    rest = len(places) - MOST
    return [*lines, *([f"và {rest} nơi khác"] if rest > 0 else [])]


async def first_start(
    session: AsyncSession, places: Iterable[Placement], now: datetime, *, valid_from: datetime | None
) -> datetime | None:
    """The soonest start ahead; None where nobody can tell: only at once, or no session within a week."""
    begin = now if valid_from is None else max(now, valid_from)
    starts = [start for one in places if (start := await _start(session, one, begin)) is not None]
    return min((one for one in starts if one > now), default=None)


async def _start(session: AsyncSession, one: Placement, begin: datetime) -> datetime | None:
    if one.slot_unit_id is None:
        return one.start
    coming = await slot_times.ahead(session, one.slot_unit_id, begin, begin + SLOTS_AHEAD)
    return coming[0].start if coming else None


async def _when(session: AsyncSession, one: Placement, now: datetime) -> str:
    if one.slot_unit_id is None:
        return "ngay khi duyệt" if one.start is None else local(one.start)
    start = await _start(session, one, now)
    return "chưa có buổi phát nào trong 7 ngày tới" if start is None else f"buổi phát gần nhất {local(start)}"


async def where(session: AsyncSession, one: Placement) -> str:
    """Where a place is."""
    if one.slot_unit_id is not None:
        return f"trong các buổi phát của {await _name(session, f'u-{one.slot_unit_id}')}"
    names = [await _name(session, scope) for scope in one.scopes[:MOST]]
    rest = len(one.scopes) - MOST
    return ", ".join([*names, *([f"và {rest} nơi khác"] if rest > 0 else [])])


async def _name(session: AsyncSession, scope: str) -> str:
    found: _Named | None = await session.get(_TABLES[scope[0]], scope[2:])
    return found.name if found is not None else scope
