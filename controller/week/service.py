"""One unit's week: everything that is to sound there, by day and time, with what is in it and what stands against it.

Rules: programmes of the unit, and of the units above as far as they speak to it; broadcasts of no programme; bulletins
that are placed and not approved yet; what was skipped once. What has begun is told as it was sent, what comes as it
would be sent by now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, true
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins.tables import Bulletin, Placement
from controller.schedules import making, rules
from controller.schedules import programme as written
from controller.schedules import store as programmes
from controller.schedules.composing import Composed, planned_ms
from controller.schedules.making import Cast
from controller.schedules.rules import Occurrence, Series
from controller.schedules.sessions import longest_ms
from controller.schedules.slots.filling import LeftOut
from controller.schedules.tables import ProgrammeRow
from controller.units import service as units
from controller.units import store as unit_store
from controller.units.tables import Unit
from controller.week import expecting, store
from controller.week.expecting import Trouble
from controller.week.rules import Week
from controller.week.store import Made, Told
from loa_protocol.ids import unit_scope

MOST_OCCURRENCES = 2000
_CROWDED_OUT = frozenset({LeftOut.NO_ROOM, LeftOut.LONGER_THAN_SLOT})


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that sounds in a session. `kind`: relay, bulletins, own, chime or pause; `items`: what fills a slot.

    `left_out`: how many things wait for the slot and do not fit.
    """

    kind: str
    title: str
    ms: int
    items: Sequence[str] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing in the week. `kind`: session, skipped, single (of no programme) or waiting (not approved yet).

    `length_ms`: planned, 0 where nothing is; `sound_ms`: what there is. `original` names an occurrence by when its rule
    begins it; `moved`: it begins at another time. `silent`: nothing would be said; `taken_back`: somebody cancelled it.
    `revision`: of its programme, to name when it is changed.
    """

    kind: str
    id: str
    title: str
    start: datetime
    level: str
    owner: str
    length_ms: int = 0
    sound_ms: int = 0
    parts: Sequence[Part] = ()
    programme: str | None = None
    session: str | None = None
    original: str | None = None
    revision: int = 0
    moved: bool = False
    changed: bool = False
    weekly: bool = False
    note: str = ""
    silent: bool = False
    taken_back: bool = False
    begun: bool = False
    bulletin: str | None = None
    state: str = ""
    troubles: Sequence[Trouble] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A unit's week; `further`: days off that its programmes name. `foreseen`: whether troubles were looked for.

    `programmes`: those it hears, by id, and whose each is.
    """

    unit: Unit
    above: Sequence[tuple[str, str]]
    below: Sequence[Unit]
    entries: Sequence[Entry]
    further: frozenset[date]
    foreseen: bool
    programmes: Mapping[str, str]


async def week(
    session: AsyncSession,
    unit_id: str,
    asked: Week,
    *,
    now: datetime,
    scopes: Told | None = None,
    bulletins: ColumnElement[bool] | None = None,
) -> Found:
    """Everything; `scopes`, `bulletins`: of which scopes single broadcasts, and which waiting bulletins, may be told.

    Raises:
        UnitUnknown: there is no such unit.
        TooManyOccurrences: more is planned than one answer may hold.
    """
    unit = await units.require(session, unit_id)
    chain = await unit_store.chain(session, unit_id)
    names = await store.named(session, chain)
    rows = await store.programmes(session, chain)
    groups = await store.groups_here(session, unit_id) if rows else frozenset()
    entries: list[Entry] = []
    further: set[date] = set()
    for row in rows:
        series = await programmes.series(session, row.id, asked.first)
        further |= {one for revision in series.revisions for one in revision.document.holidays}
        heard = None if row.unit_id == unit_id else await _heard(session, series, unit_id, chain, groups)
        found = await _of_programme(session, row, series, asked, names[row.unit_id])
        entries += [one for one in found if heard is None or one.session in heard]
    entries = await _as_sent(session, entries, now)
    entries += await _singles(session, chain, asked, scopes, names, now)
    entries += await _waiting(session, unit_id, asked, bulletins, names)
    troubles = await expecting.troubles(session, unit_id, now=now, begin=asked.begin, until=asked.end)
    told = [replace(one, troubles=(troubles or {}).get(one.id, ())) for one in entries]
    return Found(
        unit=unit,
        above=[(one, names[one]) for one in reversed(chain[1:])],
        below=await store.children(session, unit_id),
        entries=sorted(told, key=lambda one: (one.start, one.id)),
        further=frozenset(further),
        foreseen=troubles is not None,
        programmes={row.id: row.unit_id for row in rows},
    )


async def _heard(
    session: AsyncSession, series: Series, unit_id: str, chain: Sequence[str], groups: frozenset[str]
) -> frozenset[str]:
    """Sessions of a programme of a unit above that somebody at the unit hears."""
    everything = {unit_scope(one) for one in chain} | groups
    found = set()
    for revision in series.revisions:
        for one in revision.document.sessions:
            to = set(one.to or (unit_scope(revision.document.unit),))
            if to & everything or to - set(await unit_store.outside_of(session, unit_id, to)):
                found.add(one.id)
    return frozenset(found)


async def _of_programme(
    session: AsyncSession, row: ProgrammeRow, series: Series, asked: Week, owner: str
) -> list[Entry]:
    casts = await making.cast(session, series, asked.begin, asked.end, most=MOST_OCCURRENCES)
    skipped = rules.skipped(series, asked.begin, asked.end)
    titles = await store.titles(session, {key for one in casts for key in _assets(one.occurrence.session.segments)})
    return [
        *(_entry(one, row, owner, titles) for one in casts),
        *(_skipped(one, row, owner) for one in skipped),
    ]


def _assets(segments: Sequence[written.Segment]) -> list[str]:
    return [part.asset for part in segments if isinstance(part, written.ContentSegment)]


def _entry(cast: Cast, row: ProgrammeRow, owner: str, titles: Mapping[str, str]) -> Entry:
    one, composed = cast.occurrence, cast.composed
    return replace(
        _bare(one, row, owner),
        kind="session",
        length_ms=composed.length_ms,
        sound_ms=composed.sound_ms,
        parts=_parts(one, composed, titles),
        silent=composed.silent,
    )


def _skipped(one: Occurrence, row: ProgrammeRow, owner: str) -> Entry:
    return replace(_bare(one, row, owner), kind="skipped", length_ms=longest_ms(one.session))


def _bare(one: Occurrence, row: ProgrammeRow, owner: str) -> Entry:
    session, change = one.session, one.change
    return Entry(
        kind="",
        id=one.id,
        title=session.title,
        start=one.start,
        level=str(session.level),
        owner=owner,
        programme=row.id,
        session=session.id,
        original=one.key[2],
        revision=row.head,
        moved=change is not None and change.start is not None,
        changed=change is not None and any((change.start, change.title, change.segments, change.volume is not None)),
        weekly=session.rrule is None and session.lunar is None and not session.dates,
        note="" if change is None else change.note,
    )


def _parts(one: Occurrence, composed: Composed, titles: Mapping[str, str]) -> list[Part]:
    """What it is made of, in its order; chimes and pauses are no content and are left out."""
    slots = {slot.at: slot for slot in composed.slots}
    found: list[Part] = []
    for at, segment in enumerate(one.session.segments):
        ms = planned_ms(segment)
        match segment:
            case written.RelaySegment(title=title):
                found.append(Part("relay", title, ms))
            case written.BulletinsSegment(title=title):
                filling = slots[at].filling
                items = [item.title for item in filling.chosen]
                crowded_out = sum(why in _CROWDED_OUT for _, why in filling.left_out)
                found.append(Part("bulletins", title, ms, items, crowded_out))
            case written.ContentSegment(asset=asset):
                found.append(Part("own", titles.get(asset, ""), ms))
            case _:
                pass
    return found


async def _as_sent(session: AsyncSession, entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """With what became of it: taken back by hand, or begun, then as it was sent."""
    rows = await store.made(session, [one.id for one in entries])
    begun = [key for key, row in rows.items() if row.start <= now]
    carried = await store.carried(session, begun) if begun else {}
    return [_sent(one, rows.get(one.id), carried.get(one.id, ()), now) for one in entries]


def _sent(one: Entry, row: Made | None, carried: Sequence[str], now: datetime) -> Entry:
    if row is None:
        return replace(one, begun=one.start <= now)
    gone = row.taken_back and one.kind == "session"
    if row.start > now:
        return replace(one, taken_back=gone)
    parts = [replace(part, items=carried, left_out=0) if part.kind == "bulletins" else part for part in one.parts]
    sent = {"sound_ms": row.duration_ms, "parts": parts, "silent": False} if one.kind == "session" else {}
    return replace(one, taken_back=gone, begun=True, **sent)  # type: ignore[arg-type]


async def _singles(  # noqa: PLR0917
    session: AsyncSession,
    chain: Sequence[str],
    asked: Week,
    scopes: Told | None,
    names: Mapping[str, str],
    now: datetime,
) -> list[Entry]:
    rows = await store.singles(session, asked.begin, asked.end, chain, scopes)
    ids = [row.id for row in rows]
    placed = await store.bulletins_of(session, ids) if ids else {}
    return [
        Entry(
            kind="single",
            id=row.id,
            title=row.title,
            start=row.start,
            level=row.level,
            owner=names.get(chain[0], ""),
            sound_ms=row.duration_ms,
            begun=row.start <= now,
            bulletin=placed.get(row.id),
        )
        for row in rows
    ]


async def _waiting(
    session: AsyncSession, unit_id: str, asked: Week, where: ColumnElement[bool] | None, names: Mapping[str, str]
) -> list[Entry]:
    rows = await store.waiting(session, unit_id, asked.begin, asked.end, true() if where is None else where)
    return [_of_bulletin(row, one, names.get(unit_id, "")) for row, one in rows]


def _of_bulletin(row: Bulletin, one: Placement, owner: str) -> Entry:
    if one.start is None:
        raise AssertionError("what waits for an instant has one")
    told = {"id": one.id, "title": row.title, "start": one.start, "level": row.level, "owner": owner}
    return Entry(kind="waiting", bulletin=row.id, state=row.state, **told)  # type: ignore[arg-type]
