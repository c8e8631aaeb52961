"""What an approver needs to know of one bulletin to decide on it.

Who may decide is asked of the same rules that an approval asks, so that what is offered is what will be done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import comparing, deciding, naming, rules, slot_times, store, unit_rules
from controller.bulletins.comparing import Difference
from controller.bulletins.document import Document
from controller.bulletins.place_words import SLOTS_AHEAD
from controller.bulletins.places import STANDING, PlacementState
from controller.bulletins.rules import State, Step
from controller.bulletins.tables import Bulletin, BulletinStep, Placement
from controller.devices.tables import Device
from controller.media.tables import Asset, Rendition
from controller.units import store as units
from controller.units.languages import BY_CODE
from controller.units.tables import Unit
from loa_protocol.documents.device import DeviceKind
from loa_protocol.ids import unit_scope

MOST_NAMED = 5
"""More places of one placement than these are only counted."""


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
    people = await naming.people_names(session, {one for one in concerned if one})
    names = await naming.unit_names(session, {row.unit_id})
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
    people = await naming.people_names(session, {stand.for_person} if stand.for_person else set())
    return Decision(may=True, for_person=people.get(stand.for_person or "", ""), by_rule=by_rule)


def _not(word: str, vi: str, en: str) -> Decision:
    return Decision(may=False, why_not=word, vi=vi, en=en)


async def _where(session: AsyncSession, one: Placement, row: Bulletin, now: datetime) -> Where:
    start, scopes = one.start, list(one.scopes)
    names = (
        [] if one.slot_unit_id is None else [(await naming.unit_names(session, {one.slot_unit_id}))[one.slot_unit_id]]
    )
    if one.slot_unit_id is not None:
        begin = max(now, row.valid_from or now)
        coming = await slot_times.ahead(session, one.slot_unit_id, begin, begin + SLOTS_AHEAD)
        start = coming[0].start if coming else None
        scopes = sorted({s for at in coming for s in at.session.to or (unit_scope(at.revision.document.unit),)})
    else:
        told = await naming.scope_names(session, scopes[:MOST_NAMED])
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
