"""What waits for somebody's approval, and what an approver needs to know of one bulletin to decide.

Who may decide is asked of the same rules that an approval asks, so that what is offered is what will be done. Of many
bulletins everything is looked up together: the work grows with what is shown, never with devices or units.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import comparing, deciding, rules, slot_times, store, unit_rules
from controller.bulletins.comparing import Difference
from controller.bulletins.document import Document
from controller.bulletins.place_words import SLOTS_AHEAD
from controller.bulletins.places import STANDING, PlacementState
from controller.bulletins.rules import State, Step
from controller.bulletins.tables import Bulletin, BulletinRevision, BulletinStep, Placement
from controller.devices.tables import Device
from controller.media.tables import Asset, Rendition
from controller.people import approving
from controller.people import store as people_store
from controller.people.rules import Stand, independent
from controller.units import store as units
from controller.units.languages import BY_CODE
from controller.units.tables import Group, Unit
from loa_protocol.documents.device import DeviceKind
from loa_protocol.ids import unit_scope

MOST_NAMED = 5
"""More places of one placement than these are only counted."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bulletin in review. `since`: when its last step was; `first`: when it should be on air; `stand`: as whom.

    `own`: who asks wrote it, or stands in for who did, so that somebody else decides.
    """

    row: Bulletin
    unit: str
    author: str
    since: datetime
    first: datetime | None
    own: bool
    stand: Stand


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of what waits for somebody, the longest first, and how much waits in all."""

    items: Sequence[Waiting]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last of a page."""

    changed_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Where:
    """A placement for people: names of its places, how many more there are, and whom it reaches.

    `start`: when it is heard first; None: at once (`at_once`), or no session has a slot for it within a week.
    """

    placement: Placement
    names: Sequence[str]
    more: int
    start: datetime | None
    at_once: bool
    speakers: int
    boards: int
    villages: int


@dataclass(frozen=True, slots=True)
class Sound:
    """What is heard in one language, and in which encodings; `languages`: its name in Vietnamese and in English."""

    language: str
    languages: tuple[str, str]
    asset: str
    kind: str
    duration_ms: int
    codecs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody may decide: `why_not` a stable word and the reason in both languages, "" where they may.

    `for_person`: whom they stand in for; `by_rule`: they wrote it themselves, and the unit's rule allows that.
    """

    may: bool
    for_person: str = ""
    by_rule: bool = False
    why_not: str = ""
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """One bulletin as its approver sees it.

    `returned` is the last step that gave it back; `base` the revision that `changes` is told against: what was
    returned or approved last, None where nothing was.
    """

    row: Bulletin
    unit: str
    author: str
    decision: Decision
    sounds: Sequence[Sound] = ()
    places: Sequence[Where] = ()
    first: datetime | None = None
    submitted: BulletinStep | None = None
    returned: BulletinStep | None = None
    returned_by: str = ""
    base: int | None = None
    base_step: str = ""
    changes: Sequence[Difference] = field(default_factory=tuple)


async def waiting(
    session: AsyncSession,
    person_id: str,
    reach: ColumnElement[bool],
    *,
    now: datetime,
    limit: int,
    after: Cursor | None = None,
) -> Queue:
    """What this person may approve today, and what only their own hand in it keeps from them."""
    open_ones = (Bulletin.state == State.IN_REVIEW, Bulletin.author_id.is_not(None), reach)
    unit_ids = (await session.scalars(select(Bulletin.unit_id).where(*open_ones).distinct())).all()
    mine = await approving.units_of(session, person_id, unit_ids, approving.local_day(now))
    ours = (*open_ones, Bulletin.unit_id.in_(sorted(mine)))
    total = await session.scalar(select(func.count()).select_from(Bulletin).where(*ours)) or 0
    query = select(Bulletin).where(*ours).order_by(Bulletin.changed_at, Bulletin.id)
    if after is not None:
        same = and_(Bulletin.changed_at == after.changed_at, Bulletin.id > after.id)
        query = query.where(or_(Bulletin.changed_at > after.changed_at, same))
    rows = (await session.scalars(query.limit(limit + 1))).all()
    return Queue(await _told(session, rows[:limit], mine, now), total, len(rows) > limit)


async def _told(
    session: AsyncSession, rows: Sequence[Bulletin], mine: Mapping[str, Sequence[Stand]], now: datetime
) -> list[Waiting]:
    names = await _unit_names(session, {row.unit_id for row in rows})
    authors = await _people(session, {row.author_id for row in rows if row.author_id})
    firsts = await _first_starts(session, rows, now)
    writers = await _writers(session, [row.id for row in rows])
    lenient = {
        one: (await unit_rules.effective(session, one)).self_approval
        for one in sorted({row.unit_id for row in rows if not independent(mine[row.unit_id], writers[row.id])})
    }
    return [
        Waiting(
            row=row,
            unit=names.get(row.unit_id, row.unit_id),
            author=authors.get(row.author_id or "", ""),
            since=row.changed_at,
            first=firsts.get(row.id),
            own=not independent(mine[row.unit_id], writers[row.id]) and not lenient[row.unit_id],
            stand=next(iter(independent(mine[row.unit_id], writers[row.id])), mine[row.unit_id][0]),
        )
        for row in rows
    ]


async def _writers(session: AsyncSession, bulletin_ids: Sequence[str]) -> dict[str, set[str]]:
    query = select(BulletinRevision.bulletin_id, BulletinRevision.made_by).distinct()
    found: dict[str, set[str]] = {one: set() for one in bulletin_ids}
    for key, person in await session.execute(query.where(BulletinRevision.bulletin_id.in_(bulletin_ids))):
        if person is not None:
            found[key].add(person)
    return found


async def _first_starts(session: AsyncSession, rows: Sequence[Bulletin], now: datetime) -> dict[str, datetime]:
    """When each of them should be heard first; the sessions of a unit are worked out once for all."""
    valid = {row.id: max(now, row.valid_from or now) for row in rows}
    query = select(Placement).where(
        Placement.bulletin_id.in_(sorted(valid)), Placement.state == PlacementState.RESERVED
    )
    starts: dict[str, list[datetime]] = {}
    slots: dict[str, list[datetime]] = {}
    for one in await session.scalars(query):
        if one.slot_unit_id is None:
            found = [] if one.start is None else [one.start]
        else:
            if one.slot_unit_id not in slots:
                coming = await slot_times.ahead(session, one.slot_unit_id, now, now + SLOTS_AHEAD)
                slots[one.slot_unit_id] = [at.start for at in coming]
            found = slots[one.slot_unit_id]
        starts.setdefault(one.bulletin_id, []).extend(at for at in found if at >= valid[one.bulletin_id])
    return {key: min(found) for key, found in starts.items() if found}


async def review(
    session: AsyncSession, row: Bulletin, person_id: str | None, *, permitted: bool, now: datetime
) -> Review:
    """Everything about one bulletin; `permitted`: whether a role of theirs lets them approve there at all."""
    steps = await store.steps(session, row.id)
    placed = [one for one in await store.placements(session, row.id) if one.state in STANDING]
    places = sorted([await _where(session, one, row, now) for one in placed], key=_by_time)
    returned = next((one for one in reversed(steps) if one.step == Step.RETURNED), None)
    base = next((one for one in reversed(steps) if _is_base(one, row)), None)
    concerned = {row.author_id, returned.person_id if returned is not None else None}
    people = await _people(session, {one for one in concerned if one})
    names = await _unit_names(session, {row.unit_id})
    return Review(
        row=row,
        unit=names.get(row.unit_id, row.unit_id),
        author=people.get(row.author_id or "", ""),
        decision=await decision(session, row, person_id, permitted=permitted, now=now),
        sounds=await _sounds(session, (await store.documents(session, row.id, {row.head}))[row.head]),
        places=places,
        first=_first(places, row, now),
        submitted=next((one for one in reversed(steps) if one.step == Step.SUBMITTED), None),
        returned=returned,
        returned_by=people.get(returned.person_id or "", "") if returned is not None else "",
        base=None if base is None else base.revision,
        base_step="" if base is None else base.step,
        changes=await _changes(session, row, base),
    )


async def _sounds(session: AsyncSession, text: Document) -> list[Sound]:
    """Of every variant, as it is stored; what has gone is not told."""
    query = select(Asset.id, Asset.duration_ms, Rendition.codec).join(Rendition, Rendition.asset_id == Asset.id)
    query = query.where(Asset.id.in_(sorted(set(text.sounds.values()))), Rendition.purged_at.is_(None))
    lengths: dict[str, int] = {}
    codecs: dict[str, list[str]] = {}
    for key, duration_ms, codec in await session.execute(query.order_by(Asset.id, Rendition.codec.desc())):
        lengths[key] = duration_ms
        codecs.setdefault(key, []).append(codec)
    return [
        Sound(one.language, _names_of(one.language), one.audio, str(one.audio_kind or ""), lengths[one.audio], kept)
        for one in text.variants
        if one.audio is not None and (kept := codecs.get(one.audio))
    ]


def _names_of(language: str) -> tuple[str, str]:
    known = BY_CODE.get(language)
    return (language, language) if known is None else (known.vi, known.en)


def _by_time(one: Where) -> tuple[bool, bool, float]:
    """What is heard at once first, then by its start, last what has none yet."""
    return not one.at_once, one.start is None, 0.0 if one.start is None else one.start.timestamp()


def _is_base(step: BulletinStep, row: Bulletin) -> bool:
    return step.step in {Step.RETURNED, Step.APPROVED} and step.revision < row.head


def _first(places: Sequence[Where], row: Bulletin, now: datetime) -> datetime | None:
    begin = max(now, row.valid_from or now)
    reserved = [one for one in places if one.placement.state == PlacementState.RESERVED]
    return min((one.start for one in reserved if one.start is not None and one.start >= begin), default=None)


async def _changes(session: AsyncSession, row: Bulletin, base: BulletinStep | None) -> list[Difference]:
    if base is None:
        return []
    texts = await store.documents(session, row.id, {base.revision, row.head})
    return comparing.differences(texts[base.revision], texts[row.head])


async def decision(
    session: AsyncSession, row: Bulletin, person_id: str | None, *, permitted: bool, now: datetime
) -> Decision:
    """Whether this person may decide on it now."""
    if row.handed_down:
        return _not("of_source", "bản tin này do hệ thống nguồn gửi xuống và đã duyệt", "its source has approved it")
    if row.state != State.IN_REVIEW:
        return _not("state", "bản tin này không chờ duyệt", "it does not wait for an approval")
    if person_id is None:
        return _not("nobody", "cần một người cụ thể để duyệt", "only somebody who answers for it approves")
    stand = await deciding.stand(session, row, person_id, now)
    if not permitted or not stand.may:
        refused = rules.not_approver(stand.why_not)
        return _not("not_approver", stand.why_not or rules.NOT_TODAY, str(refused))
    ruled = await unit_rules.effective(session, row.unit_id)
    by_rule = rules.may_decide(stand, await store.writers(session, row.id), self_approval=ruled.self_approval)
    if by_rule is None:
        vi = "bạn đã soạn hoặc sửa bản tin này (hoặc thay người soạn), nên người khác duyệt"
        return _not("own", vi, "you wrote or changed it, or stand in for who did; somebody else approves it")
    people = await _people(session, {stand.for_person} if stand.for_person else set())
    return Decision(may=True, for_person=people.get(stand.for_person or "", ""), by_rule=by_rule)


def _not(word: str, vi: str, en: str) -> Decision:
    return Decision(may=False, why_not=word, vi=vi, en=en)


async def _where(session: AsyncSession, one: Placement, row: Bulletin, now: datetime) -> Where:
    start, scopes = one.start, list(one.scopes)
    names = [] if one.slot_unit_id is None else [(await _unit_names(session, {one.slot_unit_id}))[one.slot_unit_id]]
    if one.slot_unit_id is not None:
        begin = max(now, row.valid_from or now)
        coming = await slot_times.ahead(session, one.slot_unit_id, begin, begin + SLOTS_AHEAD)
        start = coming[0].start if coming else None
        scopes = sorted({s for at in coming for s in at.session.to or (unit_scope(at.revision.document.unit),)})
    else:
        told = await scope_names(session, scopes[:MOST_NAMED])
        names = [told.get(scope, scope) for scope in scopes[:MOST_NAMED]]
    speakers, boards, villages = await _reached(session, scopes)
    return Where(
        placement=one,
        names=names,
        more=max(0, len(one.scopes) - MOST_NAMED),
        start=start,
        at_once=one.slot_unit_id is None and one.start is None,
        speakers=speakers,
        boards=boards,
        villages=villages,
    )


async def _reached(session: AsyncSession, scopes: Collection[str]) -> tuple[int, int, int]:
    """Loudspeakers, boards, and the villages that they stand in."""
    if not scopes:
        return 0, 0, 0
    query = select(Device.kind, Device.unit_id, Unit.kind, func.count()).join(Unit, Unit.id == Device.unit_id)
    query = query.where(units.listens_to(scopes)).group_by(Device.kind, Device.unit_id, Unit.kind)
    rows = (await session.execute(query)).all()
    speakers = sum(count for kind, _, _, count in rows if kind == DeviceKind.SPEAKER)
    villages = {unit for _, unit, kind, _ in rows if kind == "village"}
    return speakers, sum(count for *_, count in rows) - speakers, len(villages)


async def scope_names(session: AsyncSession, scopes: Collection[str]) -> dict[str, str]:
    """Scope → how people call it."""
    found: dict[str, str] = {}
    for prefix, table in (("u", Unit), ("g", Group), ("d", Device)):
        ids = [one[2:] for one in scopes if one[0] == prefix]
        if ids:
            rows = await session.execute(select(table.id, table.name).where(table.id.in_(ids)))
            found |= {f"{prefix}-{key}": name for key, name in rows}
    return found


async def _unit_names(session: AsyncSession, unit_ids: Collection[str]) -> dict[str, str]:
    rows = await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(sorted(unit_ids))))
    return {key: name for key, name in rows}  # noqa: C416 - rows are no pairs to the type checker


async def _people(session: AsyncSession, people: Collection[str]) -> dict[str, str]:
    return {key: one.name for key, one in (await people_store.named(session, people)).items()}
