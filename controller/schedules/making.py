"""Makes the broadcasts of programmes, in the caller's transaction, and asks for the plans that change thereby.

The caller has the programme's row locked. A unit's queue is looked at alone under its name, so that no programme is
filled beside a change of it. Work grows with what a programme has in the time asked for, never with devices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import store as broadcasts
from controller.broadcasts.service import plan_topics
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.runtime.database import alone
from controller.runtime.settings import Settings
from controller.schedules import broadcast_store, composing, store
from controller.schedules.composing import ALIKE, Composed, Languages, Material
from controller.schedules.planning import Diff, difference, scopes_of, wanted_of
from controller.schedules.programme import Segment
from controller.schedules.rules import Occurrence, Series, expand
from controller.schedules.slots import store as slot_store
from controller.schedules.tables import ProgrammeRow
from controller.units import store as units

LEAD = timedelta(seconds=2)
"""What starts sooner cannot reach a device any more."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How far and under which terms broadcasts are made; `grace`: after an end silence becomes `unknown`."""

    now: datetime
    horizon: timedelta
    grace: timedelta

    @property
    def until(self) -> datetime:
        """The midnight (UTC) after the horizon, so that a programme is planned further once a day only."""
        day = (self.now + self.horizon).astimezone(UTC).date() + timedelta(days=1)
        return datetime.combine(day, time(), UTC)


def terms_of(settings: Settings, now: datetime) -> Terms:
    """How far and under which terms a controller plans."""
    return Terms(now, timedelta(days=settings.horizon_days), timedelta(seconds=settings.answer_deadline_s))


@dataclass(frozen=True, slots=True)
class Cast:
    """An occurrence and what it sends."""

    occurrence: Occurrence
    composed: Composed


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a programme: what changed, and everything it has in the time that was planned."""

    programme_id: str
    diff: Diff = field(default_factory=Diff)
    casts: tuple[Cast, ...] = ()

    @property
    def silent(self) -> list[Occurrence]:
        """Occurrences that are not broadcast because nothing would be said."""
        return [one.occurrence for one in self.casts if one.composed.silent]


async def make(session: AsyncSession, row: ProgrammeRow, terms: Terms, *, after: datetime) -> Made:
    """Bring all that starts after an instant up to what the programme says now."""
    until = max(terms.until, row.planned_until)
    return await _make(session, row, terms, after, until)


async def extend(session: AsyncSession, row: ProgrammeRow, terms: Terms) -> Made:
    """Make what lies beyond what was planned before, up to the horizon."""
    after = max(terms.now + LEAD, row.planned_until - timedelta(microseconds=1))
    return await _make(session, row, terms, after, max(terms.until, row.planned_until))


async def _make(session: AsyncSession, row: ProgrammeRow, terms: Terms, after: datetime, until: datetime) -> Made:
    series = await store.series(session, row.id, after.date())
    await _take_slots(session, row, series)
    casts = [] if row.retired_at is not None else await cast(session, series, after, until)
    wanted = [wanted_of(one.occurrence, one.composed) for one in casts if not one.composed.silent]
    held = await broadcast_store.held(session, row.id, after, [one.id for one in wanted])
    diff = difference(wanted, held, after=after, until=until)
    await broadcast_store.write(session, row.id, diff, terms.now, terms.grace)
    row.planned_until = until
    await session.flush()
    return Made(row.id, diff, tuple(casts))


async def cast(
    session: AsyncSession, series: Series, begin: datetime, end: datetime, *, most: int = 20_000
) -> list[Cast]:
    """What a programme sends from `begin` until `end`, with today's queues.

    Raises:
        TooManyOccurrences: there are more than `most`.
    """
    occurrences = expand(series, begin, end, most=most)
    material = await _material(session, [one.session.segments for one in occurrences], begin)
    spoken: dict[tuple[str, ...], Sequence[Languages]] = {}
    for scopes in sorted({scopes_of(one) for one in occurrences if material.varies(one.session.segments)}):
        spoken[scopes] = sorted(await units.languages_of_scopes(session, scopes))
    return [
        Cast(one, composing.compose(one.session, one.start, material, spoken.get(scopes_of(one), ALIKE)))
        for one in occurrences
    ]


async def _material(session: AsyncSession, programmes: Iterable[Sequence[Segment]], since: datetime) -> Material:
    named: set[str] = set()
    slots: set[str] = set()
    for segments in {id(one): one for one in programmes}.values():
        named |= composing.sounds_of(segments)
        slots |= composing.slots_of(segments)
    waiting = await slot_store.waiting(session, sorted(slots), since)
    named |= {asset for items in waiting.values() for item in items for asset in (item.asset, *item.variants.values())}
    return Material(await broadcasts.sounds(session, sorted(named)), waiting)


async def _take_slots(session: AsyncSession, row: ProgrammeRow, series: Series) -> None:
    """Note whose queues fill the programme, and keep them still until the commit."""
    segments = [one.segments for revision in series.revisions for one in revision.document.sessions]
    segments += [change.segments for change in series.changes.values() if change.segments is not None]
    units = {unit for one in segments for unit in composing.slots_of(one)} if row.retired_at is None else set()
    for unit_id in sorted(units):
        await alone(session, slot_lock(unit_id))
    await store.set_slots(session, row.id, units)


def slot_lock(unit_id: str) -> str:
    """The name under which a unit's queue is changed or read for planning."""
    return f"slots of {unit_id}"


async def ask_for_plans(session: AsyncSession, made: Iterable[Made], now: datetime) -> tuple[str, ...]:
    """Have the plans of the scopes signed that say something else now; gives those scopes.

    Raises:
        PlanTooLarge: one of them would not fit; the change must be refused.
    """
    scopes = tuple(sorted({scope for one in made for scope in one.diff.scopes}))
    await delivery.want(session, plan_topics(scopes))  # first: the fitting must hold until the commit
    await drafts.require_fitting(session, scopes, now=now)
    return scopes
