"""What a save does to broadcasts and to whom, and whether those can still hear of it in time.

A change reaches a connected device within `making.LEAD`; one that is away hears of it when it comes back. So the answer
to a save tells, of all that starts within a minute, how many devices are there and how many are not; what starts sooner
than the lead is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from controller.schedules import broadcast_store
from controller.schedules.making import LEAD, Made
from controller.schedules.planning import Wanted
from loa_protocol.errors import LoaError

SOON = timedelta(seconds=60)


class TooSoonToChange(LoaError):
    """A save touches an occurrence that starts before anybody can hear of it."""

    code = "too_soon_to_change"


class What(StrEnum):
    """What happens to a broadcast."""

    ADDED = "added"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One broadcast that a save touches; `before`: when it would have started, None for a new one."""

    id: str
    session: str
    occurrence: str
    title: str
    what: What
    start: datetime
    before: datetime | None
    scopes: tuple[str, ...]

    @property
    def first(self) -> datetime:
        """The earlier of its starts."""
        return self.start if self.before is None else min(self.start, self.before)


@dataclass(frozen=True, slots=True)
class Effect:
    """How many broadcasts a save touches, and how many devices they reach."""

    added: int
    changed: int
    withdrawn: int
    devices: int


@dataclass(frozen=True, slots=True)
class Urgent:
    """What of it starts within a minute: `connected` devices hear of it in time, those `away` cannot."""

    touches: tuple[Touch, ...]
    devices: int
    connected: int

    @property
    def away(self) -> int:
        """Devices that do not seem to be there."""
        return self.devices - self.connected


def touches(made: Iterable[Made]) -> list[Touch]:
    """Everything that was touched, first the earliest."""
    found: list[Touch] = []
    for one in made:
        found += [_touch(What.ADDED, wanted) for wanted in one.diff.add]
        found += [_touch(What.WITHDRAWN, held.as_made, held.as_made.start) for held in one.diff.cancel]
        for held, wanted in one.diff.change:
            what = What.ADDED if held.dropped else What.CHANGED
            scopes = tuple(sorted({*held.as_made.scopes, *wanted.scopes}))
            found.append(_touch(what, wanted, None if held.dropped else held.as_made.start, scopes))
    return sorted(found, key=lambda touch: (touch.first, touch.id))


def _touch(what: What, one: Wanted, before: datetime | None = None, scopes: tuple[str, ...] | None = None) -> Touch:
    return Touch(
        id=one.id,
        session=one.session,
        occurrence=one.occurrence,
        title=one.title,
        what=what,
        start=one.start,
        before=before,
        scopes=one.scopes if scopes is None else scopes,
    )


def require_time(found: Sequence[Touch], now: datetime) -> None:
    """Nothing may be touched that starts before a device can hear of it.

    Raises:
        TooSoonToChange: something would be.
    """
    late = [one for one in found if one.first <= now + LEAD]
    if late:
        raise TooSoonToChange(
            f"“{late[0].title}” starts at {late[0].first.isoformat()}, too soon for a change to reach any device;"
            " save again once it has begun, or stop it",
            occurrences=[one.id for one in late],
        )


async def effect(session: AsyncSession, found: Sequence[Touch]) -> Effect:
    """Count what was touched and whom it reaches."""
    scopes = sorted({scope for one in found for scope in one.scopes})
    counts = {what: sum(one.what is what for one in found) for what in What}
    reached = await broadcast_store.count(session, scopes)
    return Effect(counts[What.ADDED], counts[What.CHANGED], counts[What.WITHDRAWN], reached.devices)


async def urgent(session: AsyncSession, found: Sequence[Touch], now: datetime) -> Urgent | None:
    """What of it starts within a minute; None if nothing does."""
    soon = tuple(one for one in found if one.first <= now + SOON)
    if not soon:
        return None
    counted = await broadcast_store.count(session, sorted({scope for one in soon for scope in one.scopes}))
    return Urgent(soon, counted.devices, counted.connected)
