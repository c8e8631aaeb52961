"""Writes a programme's history down: revisions, and changes of single occurrences, numbered by the programme's head.

The caller has the programme's row locked and has checked what is written. Nothing that stands is ever rewritten, and
what says the same as before is not written again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.schedules import rules, store
from controller.schedules.accepting import ProgrammeInvalid
from controller.schedules.programme import Change, ProgrammeFile
from controller.schedules.recurrence import LAST_DAY
from controller.schedules.sessions import canonical
from controller.schedules.store import Effective
from controller.schedules.tables import ProgrammeChange, ProgrammeRevision, ProgrammeRow

_NEUTRAL = Change(session="any", occurrence="2000-01-01T00:00")


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know of a save that did happen."""

    code: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Revised:
    """What writing a revision down came to; `fresh` are the sessions that are new or other than before."""

    notes: Sequence[Note] = ()
    fresh: frozenset[str] = frozenset()


async def revise(
    session: AsyncSession,
    row: ProgrammeRow,
    document: ProgrammeFile,
    *,
    begin: date | None,
    note: str,
    now: datetime,
    today: date,
) -> Revised:
    """Write a revision down if it says anything new; `begin` None is today.

    Raises:
        ProgrammeInvalid: `begin` has passed, or is too far away.
    """
    known = await store.revisions(session, row.id)
    begin = begin or (today if known else min(today, document.valid_from))
    if begin > LAST_DAY or (known and begin < today):
        raise _begin_wrong(begin, today)
    bare = msgspec.structs.replace(document, changes=())
    there = store.in_force(known, begin)
    later = [one for one in there if one.effective_from > begin]
    before = None
    if there and there[0].effective_from <= begin:
        before = await store.document(session, row.id, there[0].number)
    if before == bare:
        return Revised([_taken_over(one) for one in later[:1]])
    row.head += 1
    session.add(
        ProgrammeRevision(
            programme_id=row.id,
            number=row.head,
            effective_from=begin.isoformat(),
            document=msgspec.to_builtins(bare),
            made_at=now,
            note=note,
        )
    )
    same = () if before is None else before.sessions
    return Revised([_replaced(one) for one in later], frozenset(one.id for one in bare.sessions if one not in same))


async def sync_changes(
    session: AsyncSession, row: ProgrammeRow, document: ProgrammeFile, *, now: datetime, today: date
) -> None:
    """Write down what the document says of single occurrences and the history does not; what is past stays."""
    said = rules.changes_of(document.changes)
    stored = rules.changes_of(await store.changes(session, row.id))
    for key, one in said.items():
        if _told(one) != _told(stored.get(key)):
            write_change(session, row, one, now)
    for key, one in stored.items():
        if key not in said and _told(one) is not None and last_day(one) >= today.isoformat():
            write_change(session, row, Change(session=one.session, occurrence=one.occurrence), now)


def _told(one: Change | None) -> Change | None:
    """What a change says, whatever its name and note; None if that is nothing."""
    if one is None:
        return None
    bare = msgspec.structs.replace(one, session=_NEUTRAL.session, occurrence=_NEUTRAL.occurrence, note="")
    return None if bare == _NEUTRAL else bare


def says_something(one: Change) -> bool:
    """Whether a change makes an occurrence other than its rule does."""
    return _told(one) is not None


def last_day(one: Change) -> str:
    """The later of the local days on which the rule begins the occurrence and the change does."""
    return max(one.occurrence[:10], (one.start or "")[:10])


def write_change(session: AsyncSession, row: ProgrammeRow, one: Change, now: datetime) -> None:
    """Write a change of one occurrence down."""
    row.head += 1
    session.add(
        ProgrammeChange(
            programme_id=row.id,
            number=row.head,
            session_id=one.session,
            occurrence=canonical(one.occurrence),
            last_day=last_day(one),
            change=msgspec.to_builtins(one),
            made_at=now,
        )
    )


def _begin_wrong(begin: date, today: date) -> ProgrammeInvalid:
    vi = f"ngày {begin} phải từ {today} đến {LAST_DAY}"
    en = f"{begin} has passed or is too far away; choose {today} to {LAST_DAY}"
    return ProgrammeInvalid(en, faults=[{"field": "from", "code": "from_out_of_range", "vi": vi, "en": en}])


def _taken_over(one: Effective) -> Note:
    return Note(
        "taken_over",
        f"từ {one.effective_from} áp dụng bản {one.number}",
        f"from {one.effective_from} revision {one.number} takes over",
    )


def _replaced(one: Effective) -> Note:
    return Note(
        "replaced",
        f"bản {one.number}, dự định từ {one.effective_from}, được thay bằng bản này",
        f"revision {one.number}, meant from {one.effective_from}, is replaced by this one",
    )
