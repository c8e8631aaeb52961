"""Use cases of programmes: save one, change one occurrence, retire one.

A save is a compare-and-set on the programme's head. History, broadcasts and the wish for new plans are one transaction:
either all of a save holds, or nothing of it happened. What has begun is never touched.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import store as broadcasts
from controller.policies import service as policies
from controller.policies.objections import Objection
from controller.schedules import accepting, airing, effects, making, moving, rules, store, writing
from controller.schedules.accepting import ProgrammeInvalid
from controller.schedules.effects import Effect, Touch, Urgent
from controller.schedules.making import Made, Terms
from controller.schedules.programme import Change, ProgrammeFile
from controller.schedules.rules import Series, occurrence_id
from controller.schedules.sessions import canonical
from controller.schedules.tables import ProgrammeRow
from controller.schedules.writing import Note, Revised
from loa_protocol.errors import LoaError


class ProgrammeUnknown(LoaError):
    """No programme has this id."""

    code = "programme_unknown"


class ProgrammeMovedOn(LoaError):
    """Somebody else has saved the programme since it was read."""

    code = "programme_moved_on"


class OccurrenceStarted(LoaError):
    """The occurrence has begun; what is on the air is stopped, not changed."""

    code = "occurrence_started"


class OccurrenceTakenBack(LoaError):
    """Somebody took the occurrence back by hand; no programme brings it back."""

    code = "occurrence_taken_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRequest:
    """A programme to save: `document` is plain data; `begin` the first local day on which it counts, None is today.

    `expected` is the head it was made from, None if it must not exist yet.
    """

    document: Any
    begin: date | None = None
    expected: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save did; `revision` is the new head."""

    revision: int
    notes: tuple[Note, ...]
    effect: Effect
    urgent: Urgent | None
    touches: tuple[Touch, ...]
    made: Made
    objections: tuple[Objection, ...] = ()


async def save(
    session: AsyncSession, programme_id: str, request: SaveRequest, terms: Terms, *, only_looking: bool = False
) -> Saved:
    """Save a programme as a whole, and what follows of it.

    What is the same as before is not saved again, so that the same request twice changes nothing the second time.
    `only_looking`: what the rules of the air refuse is told and not raised; the caller rolls back.

    Raises:
        PolicyViolated: the rules of the air forbid what is new in it.
        ProgrammeInvalid: with everything that is wrong with it.
        ProgrammeUnknown, ProgrammeMovedOn: it is not as it was expected.
        TooSoonToChange, PlanTooLarge, TooManyOccurrences: it cannot be carried out.
    """
    document = accepting.read_programme(request.document, programme_id)
    await accepting.require_known(session, document, await _standing(session, programme_id, terms.now))
    await accepting.require_permitted(session, document)
    row = await _open(session, document, request.expected, terms.now)
    today = terms.now.astimezone(ZoneInfo(document.zone)).date()
    revised = await writing.revise(
        session, row, document, begin=request.begin, note=request.note, now=terms.now, today=today
    )
    await writing.sync_changes(session, row, document, now=terms.now, today=today)
    row.title, row.unit_id, row.retired_at = document.title, document.unit, None
    saved = await _carry_out(session, row, terms, revised, only_looking=only_looking)
    return await _with_lost(session, saved, row, today)


async def change(session: AsyncSession, programme_id: str, data: Any, expected: int, terms: Terms) -> Saved:
    """Change one occurrence only.

    Raises:
        ProgrammeInvalid: the change is malformed, or no rule has its occurrence.
        OccurrenceStarted, OccurrenceTakenBack: it has begun, or would have; or somebody took it back by hand.
        ProgrammeUnknown, ProgrammeMovedOn, TooSoonToChange, PlanTooLarge, PolicyViolated: it cannot be carried out.
    """
    wanted = accepting.read_change(data)
    accepting.require_times(wanted)
    row = await _expect(session, programme_id, expected)
    now = terms.now
    series = await store.series(session, programme_id, min(now.date(), date.fromisoformat(wanted.occurrence[:10])))
    await _require_change(session, series, wanted, now)
    await accepting.require_known(session, _with(series, wanted), await _standing(session, programme_id, now))
    await accepting.require_permitted(session, _with(series, wanted))
    writing.write_change(session, row, wanted, now)
    await session.flush()
    return await _carry_out(session, row, terms, Revised())


@dataclass(frozen=True, slots=True)
class Move:
    """One occurrence to begin at `start` instead; `following`: and every later one of its place in the week likewise.

    `occurrence` names it, by when its rule has it begin; both are local.
    """

    session: str
    occurrence: str
    start: str
    following: bool = False


async def move(session: AsyncSession, programme_id: str, wanted: Move, expected: int, terms: Terms) -> Saved:
    """Move one occurrence, alone or with those that follow it.

    Raises:
        MoveInvalid: those that follow cannot move so.
        ProgrammeInvalid, OccurrenceStarted, OccurrenceTakenBack: as `change`.
        ProgrammeUnknown, ProgrammeMovedOn, TooSoonToChange, PlanTooLarge, PolicyViolated: it cannot be carried out.
    """
    alone = Change(session=wanted.session, occurrence=canonical(wanted.occurrence), start=canonical(wanted.start))
    accepting.require_times(alone)
    row = await _expect(session, programme_id, expected)
    day = date.fromisoformat(alone.occurrence[:10])
    series = await store.series(session, programme_id, min(terms.now.date(), day))
    held = series.changes.get((alone.session, alone.occurrence))
    if not wanted.following:
        start = None if alone.start == alone.occurrence else alone.start
        changed = msgspec.structs.replace(held or alone, start=start, cancel=False)
        return await change(session, programme_id, msgspec.to_builtins(changed), expected, terms)
    await _require_change(session, series, alone, terms.now)
    return await _move_on(session, row, series, alone, terms)


async def _move_on(session: AsyncSession, row: ProgrammeRow, series: Series, alone: Change, terms: Terms) -> Saved:
    """From this occurrence on."""
    original, to = datetime.fromisoformat(alone.occurrence), datetime.fromisoformat(alone.start or alone.occurrence)
    revision = rules.revision_on(series, original.date())
    if revision is None or rules.revision_on(series, min(original.date(), to.date())) != revision:
        raise moving.refused("before_revision")
    known = {one.id for one in revision.document.sessions}
    standing = tuple(one for one in series.changes.values() if writing.says_something(one) and one.session in known)
    document = msgspec.structs.replace(revision.document, changes=standing)
    moved = moving.following(document, alone.session, original, to)
    said = rules.changes_of((*standing, *moved.changes)).values()
    later = [one for one in said if writing.says_something(one) and one.occurrence[:10] >= moved.begin.isoformat()]
    accepting.require_sound(msgspec.structs.replace(moved.document, changes=tuple(later)))
    await accepting.require_permitted(session, moved.document)
    today = terms.now.astimezone(ZoneInfo(document.zone)).date()
    revised = await writing.revise(
        session, row, moved.document, begin=max(moved.begin, today), note="", now=terms.now, today=today
    )
    for one in moved.changes:
        writing.write_change(session, row, one, terms.now)
    return await _with_lost(session, await _carry_out(session, row, terms, revised), row, today)


async def retire(session: AsyncSession, programme_id: str, expected: int, terms: Terms) -> Saved:
    """Take a programme off the air for good; its history stays, and saving it again brings it back.

    Raises:
        ProgrammeUnknown, ProgrammeMovedOn, TooSoonToChange: it cannot be carried out.
    """
    row = await _expect(session, programme_id, expected)
    if row.retired_at is None:
        row.retired_at, row.head = terms.now, row.head + 1
    return await _carry_out(session, row, terms, Revised())


def unknown(programme_id: str) -> ProgrammeUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return ProgrammeUnknown(f"there is no programme {programme_id}; list the programmes to find the right id")


async def require(session: AsyncSession, programme_id: str) -> ProgrammeRow:
    """The programme.

    Raises:
        ProgrammeUnknown: there is none.
    """
    return _known(await store.find(session, programme_id), programme_id)


async def _carry_out(
    session: AsyncSession, row: ProgrammeRow, terms: Terms, revised: Revised, *, only_looking: bool = False
) -> Saved:
    """Make the broadcasts that follow from what was written down."""
    await session.flush()
    made = await making.make(session, row, terms, after=terms.now)
    touched = effects.touches([made])
    effects.require_time(touched, terms.now)
    await making.ask_for_plans(session, [made], terms.now)
    objections = await policies.check(session, airing.proposals(made, revised.fresh), now=terms.now)
    if not only_looking:
        policies.require_allowed(objections)
    counted = await effects.effect(session, touched)
    urgent = await effects.urgent(session, touched, terms.now)
    return Saved(row.head, (*revised.notes, *_notes(made)), counted, urgent, tuple(touched), made, tuple(objections))


async def _standing(session: AsyncSession, programme_id: str, now: datetime) -> list[ProgrammeFile]:
    """What the programme says already: who changes it need not know of every sound that another put into it."""
    series = await store.series(session, programme_id, now.date())
    changes = tuple(series.changes.values())
    return [msgspec.structs.replace(one.document, changes=changes) for one in series.revisions]


def _known(row: ProgrammeRow | None, programme_id: str) -> ProgrammeRow:
    if row is None:
        raise unknown(programme_id)
    return row


async def _expect(session: AsyncSession, programme_id: str, expected: int) -> ProgrammeRow:
    row = _known(await store.find_to_change(session, programme_id), programme_id)
    if row.head != expected:
        raise _moved_on(row, expected)
    return row


async def _open(session: AsyncSession, document: ProgrammeFile, expected: int | None, now: datetime) -> ProgrammeRow:
    """The programme's row, locked; made if it must not exist yet."""
    if expected is not None:
        return await _expect(session, document.id, expected)
    values = {"title": document.title, "head": 0, "planned_until": now, "created_at": now}
    made = await store.add(session, id=document.id, unit_id=document.unit, **values)
    row = _known(await store.find_to_change(session, document.id), document.id)
    if not made:
        raise _moved_on(row, None)
    return row


def _moved_on(row: ProgrammeRow, expected: int | None) -> ProgrammeMovedOn:
    told = "it was to be new" if expected is None else f"you read revision {expected}"
    return ProgrammeMovedOn(
        f"programme {row.id} stands at revision {row.head}, {told}; read it again, look at what changed, and save then",
        programme=row.id,
        revision=row.head,
        expected=expected,
    )


async def _require_change(session: AsyncSession, series: Series, wanted: Change, now: datetime) -> None:
    """The occurrence is there, has not begun, and begins later than now."""
    original = canonical(wanted.occurrence)
    made = await broadcasts.find(session, occurrence_id(series.id, wanted.session, original))
    if made is not None and made.start <= now:
        raise OccurrenceStarted(
            f"{wanted.session} of {original} has begun; stop it if it must not go on",
            vi="buổi này đã bắt đầu phát, không dời hay bỏ được nữa; nếu cần hãy bấm Dừng phát",
        )
    if made is not None and made.cancelled_at is not None and not made.cancelled_by_plan:
        raise OccurrenceTakenBack(
            f"{wanted.session} of {original} was taken back by hand; make a single broadcast",
            vi="lượt phát này đã có người hủy riêng; hãy soạn và đặt một lượt phát mới",
        )
    alone = Series(series.id, series.revisions, {(wanted.session, original): wanted})
    if rules.strays(alone):
        vi, en = f"không có buổi {wanted.session} vào {original}", f"no rule has {wanted.session} begin at {original}"
        raise ProgrammeInvalid(
            en, faults=[{"field": "change.occurrence", "code": "occurrence_unknown", "vi": vi, "en": en}]
        )
    if wanted.start is not None:
        revision = rules.revision_on(series, date.fromisoformat(original[:10]))
        zone = ZoneInfo(revision.document.zone) if revision is not None else UTC
        if datetime.fromisoformat(wanted.start).replace(tzinfo=zone) <= now:
            raise OccurrenceStarted(
                f"{wanted.start} has passed; move {wanted.session} to a later time",
                vi="giờ mới đã qua; hãy chọn giờ muộn hơn",
            )


def _with(series: Series, wanted: Change) -> ProgrammeFile:
    """The document the change belongs to, with it alone.

    Raises:
        ProgrammeInvalid: it contradicts itself there.
    """
    revision = rules.revision_on(series, date.fromisoformat(wanted.occurrence[:10]))
    if revision is None:
        raise AssertionError("a change whose occurrence there is has a revision")
    document = msgspec.structs.replace(revision.document, changes=(wanted,))
    accepting.require_sound(document)
    return document


async def _with_lost(session: AsyncSession, saved: Saved, row: ProgrammeRow, today: date) -> Saved:
    """What a save did, and which changes of single occurrences have no effect after it."""
    strays = rules.strays(await store.series(session, row.id, today))
    return replace(saved, notes=(*saved.notes, *_lost(strays, today)))


def _lost(changes: list[Change], today: date) -> list[Note]:
    """Changes of days to come that do nothing: nobody should believe that such a day was taken back."""
    found = []
    said = [one for one in changes if writing.says_something(one)]
    for one in (change for change in said if date.fromisoformat(change.occurrence[:10]) >= today):
        vi = f"thay đổi của buổi {one.session} lúc {one.occurrence} không có tác dụng: không có lần phát nào lúc đó"
        en = f"the change of {one.session} at {one.occurrence} does nothing: no rule has it begin then"
        found.append(Note("occurrence_unknown", vi, en))
    return found


def _notes(made: Made) -> list[Note]:
    """What stays silent, and for how long."""
    found = []
    counted: dict[str, int] = {}
    for one in made.silent:
        counted[one.session.id] = counted.get(one.session.id, 0) + 1
    for session_id, times in counted.items():
        vi = f"buổi {session_id} có {times} lần không phát vì không có nội dung"
        found.append(Note("not_broadcast", vi, f"{session_id} is not broadcast {times} times: nothing would be said"))
    return found
