"""“From this session on”: what a programme says when one of its sessions moves for good. Pure.

- On the same day it is the time of the session that moves, on all its days. A rule that says the hours itself has no
  such time: only one occurrence of it moves.
- To another day it is the session's place in the week that moves: every Wednesday becomes every Thursday. Where only
  that weekday gets another time, it becomes a session of its own. What recurs otherwise (by the moon, by a rule, on
  named dates) has no place in the week: only one occurrence of it moves to another day.
- Changes of single occurrences keep what they change: they are named anew by the new time. What was said of the moved
  weekday's occurrences goes with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from controller.handwritten.days import EVERY_DAY, Weekday
from controller.schedules.programme import Change, ProgrammeFile, Session
from controller.schedules.recurrence import names_hours, rule_of
from controller.schedules.sessions import canonical, original_of
from loa_protocol.errors import LoaError

_WEEK = timedelta(days=7)


class MoveInvalid(LoaError):
    """A session cannot be moved so from then on; `reason` of the details says why, and one occurrence still can."""

    code = "move_invalid"


REASONS = {
    "nowhere": (
        "giờ mới trùng với giờ đang có; hãy chọn giờ khác",
        "it stands there already; choose another time",
    ),
    "fixed": (
        "buổi này lặp theo lịch âm, quy tắc riêng hoặc ngày cụ thể, không theo thứ; hãy chọn “Chỉ buổi này”",
        "it recurs by the moon, by a rule or on named dates and has no day of the week; move this occurrence only",
    ),
    "hours": (
        "quy tắc lặp của buổi này tự ghi giờ; hãy sửa quy tắc, hoặc chọn “Chỉ buổi này”",
        "its rule says the hours itself; change the rule, or move this occurrence only",
    ),
    "too_far": (
        "chỉ dời được trong vòng một tuần; xa hơn thì chọn “Chỉ buổi này”",
        "from then on it moves by less than a week; move this occurrence only",
    ),
    "taken": (
        "hôm đó đã có buổi này vào giờ đó; hãy chọn giờ hoặc ngày khác",
        "the session is there on that day already; choose another time or day",
    ),
    "before_revision": (
        "chương trình đổi vào giữa hai ngày này; hãy chọn ngày khác hoặc “Chỉ buổi này”",
        "the programme is another one between these days; choose another day, or move this occurrence only",
    ),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """The programme from `begin` on, and changes of single occurrences to write down: those that count no more, new."""

    document: ProgrammeFile
    begin: date
    changes: tuple[Change, ...] = ()


def refused(reason: str) -> MoveInvalid:
    """Why not."""
    vi, en = REASONS[reason]
    return MoveInvalid(en, vi=vi, reason=reason)


def following(document: ProgrammeFile, session_id: str, original: datetime, to: datetime) -> Moved:
    """The session that begins at `original` (local, as its rule has it) begins at `to` instead, from then on.

    `document` has the changes of single occurrences that stand.

    Raises:
        MoveInvalid: it cannot be.
    """
    session = next(one for one in document.sessions if one.id == session_id)
    if to == original:
        raise refused("nowhere")
    if to.date() == original.date():
        if session.rrule is not None and names_hours(rule_of(session.rrule)):
            raise refused("hours")
        sessions: list[Session] = [msgspec.structs.replace(session, at=_at(to))]
        changes = _renamed(document, session, original, to)
    else:
        sessions = _on_another_day(document, session, original, to)
        changes = _dropped(document, session, original)
    at = document.sessions.index(session)
    every = (*document.sessions[:at], *sessions, *document.sessions[at + 1 :])
    begin = min(original.date(), to.date())
    return Moved(msgspec.structs.replace(document, sessions=every, changes=()), begin, tuple(changes))


def _on_another_day(document: ProgrammeFile, session: Session, original: datetime, to: datetime) -> list[Session]:
    if session.rrule is not None or session.lunar is not None or session.dates or original.date() in session.also:
        raise refused("fixed")
    if abs(to.date() - original.date()) >= _WEEK:
        raise refused("too_far")
    was, then = EVERY_DAY[original.weekday()], EVERY_DAY[to.weekday()]
    days = session.weekdays or tuple(EVERY_DAY)
    rest = tuple(one for one in days if one != was)
    if _at(to) == _at(original):
        if then in rest:
            raise refused("taken")
        return [msgspec.structs.replace(session, weekdays=_in_order((*rest, then)))]
    if not rest:
        return [msgspec.structs.replace(session, weekdays=(then,), at=_at(to))]
    alone = {"weekdays": (then,), "at": _at(to), "also": ()}
    return [
        msgspec.structs.replace(session, weekdays=rest),
        msgspec.structs.replace(session, id=_free_id(document, session.id), **alone),
    ]


def _in_order(days: Iterable[Weekday]) -> tuple[Weekday, ...]:
    return tuple(sorted(set(days), key=tuple(EVERY_DAY).index))


def _free_id(document: ProgrammeFile, like: str) -> str:
    used = {one.id for one in document.sessions}
    named = (f"{like[:36]}-{number}" for number in range(2, 100))
    return next(one for one in named if one not in used)


def _at(wall: datetime) -> str:
    return original_of(wall)[11:]


def _renamed(document: ProgrammeFile, session: Session, original: datetime, to: datetime) -> list[Change]:
    """Changes of the session's later occurrences under their new names; the moved one begins where it is moved to."""
    found: list[Change] = []
    for one in _of(document, session, original.date()):
        if canonical(one.occurrence)[11:] != _at(original):
            continue
        name = f"{one.occurrence[:10]}T{_at(to)}"
        start = None if one.occurrence[:10] == original.date().isoformat() else one.start
        found += [_nothing(one), msgspec.structs.replace(one, occurrence=name, start=start)]
    return found


def _dropped(document: ProgrammeFile, session: Session, original: datetime) -> list[Change]:
    """Changes of occurrences that are no more."""
    concerned = _of(document, session, original.date())
    return [_nothing(one) for one in concerned if _day(one).weekday() == original.weekday()]


def _of(document: ProgrammeFile, session: Session, since: date) -> list[Change]:
    return [one for one in document.changes if one.session == session.id and _day(one) >= since]


def _day(one: Change) -> date:
    return date.fromisoformat(one.occurrence[:10])


def _nothing(one: Change) -> Change:
    return Change(session=one.session, occurrence=one.occurrence)
