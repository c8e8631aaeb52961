"""“From this session on”: which day and time a session has afterwards, and what becomes of single changes."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from controller.schedules import moving
from controller.schedules.moving import Moved, MoveInvalid
from controller.schedules.programme import ProgrammeFile
from tests.fakes.station import EVENING, MORNING, programme

WEDNESDAY = "2026-11-25T05:00"


def read(*sessions: dict[str, Any], **changes: Any) -> ProgrammeFile:
    return msgspec.convert(programme(*sessions, **changes), ProgrammeFile)


def moved(document: ProgrammeFile, to: str, original: str = WEDNESDAY, session: str = "sang") -> Moved:
    return moving.following(document, session, datetime.fromisoformat(original), datetime.fromisoformat(to))


def told(found: Moved) -> list[tuple[str, str, tuple[str, ...] | None]]:
    return [
        (one.id, one.at, None if one.weekdays is None else tuple(map(str, one.weekdays)))
        for one in found.document.sessions
    ]


def test_another_time_of_the_same_day_is_that_of_all_its_days() -> None:
    found = moved(read({**MORNING, "weekdays": ["mon", "wed"]}, EVENING), "2026-11-25T05:30")

    assert told(found) == [("sang", "05:30", ("mon", "wed")), ("chieu", "17:00", None)]
    assert found.begin.isoformat() == "2026-11-25"


def test_every_wednesday_becomes_every_thursday() -> None:
    found = moved(read({**MORNING, "weekdays": ["mon", "wed"]}), "2026-11-26T05:00")

    assert told(found) == [("sang", "05:00", ("mon", "thu"))]
    assert found.begin.isoformat() == "2026-11-25"


def test_a_day_before_counts_from_that_day_on() -> None:
    found = moved(read({**MORNING, "weekdays": ["wed"]}), "2026-11-23T06:00")

    assert told(found) == [("sang", "06:00", ("mon",))]
    assert found.begin.isoformat() == "2026-11-23"


def test_one_weekday_with_another_time_becomes_a_session_of_its_own() -> None:
    found = moved(read(MORNING, {**EVENING, "id": "sang-2"}), "2026-11-26T11:00")

    assert told(found) == [
        ("sang", "05:00", ("mon", "tue", "thu", "fri", "sat", "sun")),
        ("sang-3", "11:00", ("thu",)),
        ("sang-2", "17:00", None),
    ]
    assert found.document.sessions[1].segments == found.document.sessions[0].segments


@pytest.mark.parametrize(
    ("session", "to", "reason"),
    [
        (MORNING, WEDNESDAY, "nowhere"),
        (MORNING, "2026-11-26T05:00", "taken"),
        ({**MORNING, "weekdays": ["wed"]}, "2026-12-02T06:00", "too_far"),
        ({**MORNING, "lunar": {"days": [17]}}, "2026-11-26T05:00", "fixed"),
        ({**MORNING, "rrule": "FREQ=WEEKLY;BYDAY=WE"}, "2026-11-26T05:00", "fixed"),
        ({**MORNING, "weekdays": ["mon"], "also": ["2026-11-25"]}, "2026-11-26T05:00", "fixed"),
    ],
)
def test_what_has_no_place_in_the_week_moves_once_only(session: dict[str, Any], to: str, reason: str) -> None:
    with pytest.raises(MoveInvalid) as refused:
        moved(read(session), to)

    assert refused.value.details["reason"] == reason


@pytest.mark.parametrize("rrule", ["FREQ=DAILY;BYHOUR=5,17", "FREQ=HOURLY;INTERVAL=12", "FREQ=DAILY;BYMINUTE=0"])
def test_a_rule_that_says_the_hours_itself_moves_once_only(rrule: str) -> None:
    with pytest.raises(MoveInvalid) as refused:
        moved(read({**MORNING, "rrule": rrule}), "2026-11-25T05:30")

    assert refused.value.details["reason"] == "hours"


def test_a_rule_of_days_takes_another_time() -> None:
    found = moved(read({**MORNING, "rrule": "FREQ=WEEKLY;BYDAY=WE"}), "2026-11-25T05:30")

    assert [one.at for one in found.document.sessions] == ["05:30"]


def test_what_recurs_by_the_moon_takes_another_time() -> None:
    found = moved(read({**MORNING, "lunar": {"days": [17]}}), "2026-11-25T06:15")

    assert [one.at for one in found.document.sessions] == ["06:15"]


def test_later_changes_keep_what_they_change_under_the_new_time() -> None:
    changes = [
        {"session": "sang", "occurrence": "2026-11-24T05:00", "cancel": True},
        {"session": "sang", "occurrence": "2026-11-25T05:00", "start": "2026-11-25T09:00", "title": "Riêng"},
        {"session": "sang", "occurrence": "2026-12-02T05:00", "cancel": True},
        {"session": "chieu", "occurrence": "2026-12-02T17:00", "cancel": True},
    ]
    found = moved(read(changes=changes), "2026-11-25T05:30")

    assert [(one.session, one.occurrence, one.cancel, one.start, one.title) for one in found.changes] == [
        ("sang", "2026-11-25T05:00", False, None, None),
        ("sang", "2026-11-25T05:30", False, None, "Riêng"),
        ("sang", "2026-12-02T05:00", False, None, None),
        ("sang", "2026-12-02T05:30", True, None, None),
    ]


def test_changes_of_the_weekday_that_is_no_more_go_with_it() -> None:
    changes = [
        {"session": "sang", "occurrence": "2026-12-02T05:00", "cancel": True},
        {"session": "sang", "occurrence": "2026-12-03T05:00", "cancel": True},
    ]
    found = moved(read({**MORNING, "weekdays": ["wed", "thu"]}, changes=changes), "2026-11-27T05:00")

    assert [(one.occurrence, one.cancel) for one in found.changes] == [("2026-12-02T05:00", False)]
