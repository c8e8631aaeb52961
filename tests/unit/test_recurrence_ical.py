"""Programmes as iCalendar files and calendars of other programs as programmes; what cannot be taken is named."""

from datetime import date

import msgspec
import pytest

from controller.schedules.calendars.reading import MOST_EVENTS, IcalInvalid, Read, read_ical
from controller.schedules.calendars.writing import document_as_ical, series_as_ical
from controller.schedules.programme import Change
from controller.schedules.rules import expand, series_of
from tests.fakes.programmes import change, programme, series, session, told, utc

ON = date(2026, 1, 1)
TET_2026 = ("0216", "0217", "0218", "0219", "0220", "0221")


def lines(ical: bytes | None) -> list[str]:
    """Unfolded content lines."""
    assert ical is not None
    return ical.decode().replace("\r\n ", "").split("\r\n")


def told_by(ical: bytes | None, *names: str) -> list[str]:
    return [line for line in lines(ical) if line.startswith(names)]


def calendar(*events: str, head: str = "") -> bytes:
    """A calendar of other makers: each event is its content lines, by `|`."""
    body = "".join(f"BEGIN:VEVENT\n{event.replace('|', chr(10))}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def read(*events: str, zone: str = "Europe/Berlin", head: str = "") -> Read:
    return read_ical(calendar(*events, head=head), unit="xa-an-binh", zone=zone)


def occurring(found: Read, first: str, last: str) -> list[str]:
    """Original local begins that are on the air, moved ones with where they went."""
    document = programme(
        *[msgspec.to_builtins(one) for one in found.sessions], zone=found.zone, valid_from="2000-01-01"
    )
    document = msgspec.structs.replace(document, changes=found.changes)
    occurrences = expand(series_of(document), utc(f"{first}T00:00"), utc(f"{last}T23:59"))
    return [
        one.key[2] if one.change is None or one.change.start is None else f"{one.key[2]} at {one.change.start}"
        for one in occurrences
    ]


def codes(found: Read) -> list[tuple[str, str]]:
    return [(note.field, note.code) for note in found.notes]


# Out


def test_a_weekly_session_is_written_as_a_rule_from_its_first_day() -> None:
    ical = document_as_ical(programme(session(weekdays=["mon", "thu"])), ON)

    assert told_by(ical, "DTSTART;", "RRULE", "RDATE", "EXDATE", "DURATION", "UID", "SUMMARY", "DTSTAMP") == [
        "SUMMARY:Buổi sang",
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20260101T050000",
        "DURATION:PT1M",
        "DTSTAMP:20260101T000000Z",
        "UID:sang@p-xa.loa",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TH",
    ]
    assert "TZID:Asia/Ho_Chi_Minh" in lines(ical)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["RRULE:FREQ=DAILY"]),
        ({"valid_until": "2026-03-01"}, ["RRULE:FREQ=DAILY;UNTIL=20260301T165959Z"]),
        ({"rrule": "FREQ=DAILY;COUNT=3"}, ["RRULE:FREQ=DAILY;COUNT=3"]),
        ({"rrule": "FREQ=DAILY;COUNT=3", "valid_until": "2026-01-03"}, ["RRULE:FREQ=DAILY;COUNT=3"]),
        (
            {"rrule": "FREQ=DAILY;COUNT=3", "valid_until": "2026-01-02"},
            ["RRULE:FREQ=DAILY;UNTIL=20260102T165959Z"],
        ),
        ({"rrule": "FREQ=DAILY;UNTIL=99991231T235959Z"}, ["RRULE:FREQ=DAILY;UNTIL=22000102T235959Z"]),
        ({"rrule": "FREQ=DAILY;UNTIL=20260105"}, ["RRULE:FREQ=DAILY;UNTIL=20260105T165959Z"]),
        (
            {"rrule": "FREQ=DAILY;UNTIL=20260105", "valid_until": "2026-01-04"},
            ["RRULE:FREQ=DAILY;UNTIL=20260104T165959Z"],
        ),
        (
            {"rrule": "FREQ=DAILY;UNTIL=20260105", "valid_until": "2026-01-06"},
            ["RRULE:FREQ=DAILY;UNTIL=20260105T165959Z"],
        ),
        (
            {"weekdays": ["thu"], "also": ["2026-01-02"], "except": ["2026-01-08"]},
            [
                "RRULE:FREQ=WEEKLY;BYDAY=TH",
                "RDATE;TZID=Asia/Ho_Chi_Minh:20260102T050000",
                "EXDATE;TZID=Asia/Ho_Chi_Minh:20260108T050000",
            ],
        ),
        (
            {"on_holiday": "skip", "valid_until": "2026-05-01", "rrule": "FREQ=MONTHLY"},
            [
                "RRULE:FREQ=MONTHLY;UNTIL=20260501T165959Z",
                "EXDATE;TZID=Asia/Ho_Chi_Minh:20260101T050000,20260501T050000",
            ],
        ),
        (
            {"on_holiday": "only", "valid_until": "2026-05-01"},
            [
                "RDATE;TZID=Asia/Ho_Chi_Minh:"
                + ",".join(f"2026{day}T050000" for day in TET_2026)
                + ",20260426T050000,20260430T050000,20260501T050000"
            ],
        ),
        (
            {"lunar": {"days": [1]}, "valid_until": "2026-03-31"},
            ["RDATE;TZID=Asia/Ho_Chi_Minh:20260217T050000,20260319T050000"],
        ),
        ({"dates": ["2026-02-02"]}, []),
        ({"dates": ["2030-02-02", "2030-02-03"]}, ["RDATE;TZID=Asia/Ho_Chi_Minh:20300203T050000"]),
        ({"dates": ["2025-02-02"]}, ["EXDATE;TZID=Asia/Ho_Chi_Minh:20260101T050000"]),
    ],
)
def test_what_a_rule_can_say_is_a_rule_and_the_rest_is_listed(fields, expected) -> None:
    ical = document_as_ical(programme(session(**fields)), ON)

    assert told_by(ical, "RRULE", "RDATE", "EXDATE") == expected


def test_lunar_days_are_listed_for_two_years_from_the_export() -> None:
    document = programme(session(lunar={"days": [1]}))

    near, far = (told_by(document_as_ical(document, day), "RDATE")[0] for day in (ON, date(2030, 1, 1)))

    assert near.split(",")[-1] == "20271228T050000"
    assert far.split(",")[-1] == "20311214T050000"
    assert near.split(",")[1] == far.split(",")[1] == "20260319T050000"


def test_a_rare_rule_begins_when_it_first_happens() -> None:
    ical = document_as_ical(programme(session(rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")), ON)

    assert told_by(ical, "DTSTART;", "RRULE") == [
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20280229T050000",
        "RRULE:FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2",
    ]


def test_a_change_is_an_event_of_its_own_and_a_cancelled_occurrence_an_exception() -> None:
    document = programme(
        changes=[
            {"session": "sang", "occurrence": "2026-01-02T05:00", "start": "2026-01-02T06:00", "title": "Dời"},
            {"session": "sang", "occurrence": "2026-01-03T05:00", "cancel": True},
            {"session": "sang", "occurrence": "2026-01-04T05:00", "note": "như cũ"},
            {"session": "sang", "occurrence": "2026-01-05T09:00", "title": "không có"},
        ]
    )

    ical = document_as_ical(document, ON)

    assert told_by(ical, "EXDATE") == ["EXDATE;TZID=Asia/Ho_Chi_Minh:20260103T050000"]
    assert told_by(ical, "SUMMARY", "DTSTART;TZID", "RECURRENCE-ID") == [
        "SUMMARY:Buổi sang",
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20260101T050000",
        "SUMMARY:Dời",
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20260102T060000",
        "RECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20260102T050000",
    ]


def test_a_series_is_written_as_it_is_on_the_day_with_the_changes_that_count() -> None:
    early, late = programme(session(at="05:00")), programme(session(at="06:00"))
    both = series((1, "2026-01-01", early), (2, "2026-02-01", late), changes=(change("2026-02-02T06:00", cancel=True),))

    assert series_as_ical(both, date(2025, 12, 31)) is None
    assert told_by(series_as_ical(both, date(2026, 1, 31)), "DTSTART;", "SEQUENCE") == [
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20260101T050000",
        "SEQUENCE:1",
    ]
    assert told_by(series_as_ical(both, date(2026, 2, 1)), "DTSTART;", "SEQUENCE", "EXDATE") == [
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20260101T060000",
        "SEQUENCE:2",
        "EXDATE;TZID=Asia/Ho_Chi_Minh:20260202T060000",
    ]


# In: calendars as recurring-ical-events tests them, in our words


def test_a_daily_event_ten_times() -> None:
    found = read(
        "UID:1|SUMMARY:Tin|RRULE:FREQ=DAILY;COUNT=10|DTSTART;TZID=Europe/Berlin:20200113T074500|DURATION:PT15M"
    )

    assert occurring(found, "2020-01-01", "2020-12-31") == [f"2020-01-{day}T07:45" for day in range(13, 23)]
    assert found.notes == ()


def test_an_event_every_three_days_without_end() -> None:
    found = read("UID:1|SUMMARY:x|RRULE:FREQ=DAILY;INTERVAL=3|DTSTART;TZID=Europe/Berlin:20190304T000000|DURATION:PT1H")

    assert occurring(found, "2019-03-01", "2019-03-14") == [f"2019-03-{day:02}T00:00" for day in (4, 7, 10, 13)]


def test_exceptions_in_utc_take_local_occurrences_away() -> None:
    found = read(
        "UID:1|SUMMARY:x|RRULE:FREQ=WEEKLY;COUNT=8|DTSTART;TZID=Europe/Berlin:20190304T003000|DURATION:PT30M"
        "|EXDATE:20190310T233000Z|EXDATE:20190324T233000Z"
    )

    days = [start[5:10] for start in occurring(found, "2019-03-01", "2019-06-01")]
    assert days == ["03-04", "03-18", "04-01", "04-08", "04-15", "04-22"]


def test_an_until_in_utc_and_a_date_added_on_that_day_are_one() -> None:
    base = "UID:1|SUMMARY:x|DTSTART;TZID=Europe/Berlin:20191015T161500|DURATION:PT1H30M"
    rule = "|RRULE:FREQ=WEEKLY;UNTIL=20200204T151459Z;BYDAY=TU;WKST=SU"

    without = read(base + rule)
    added = read(base + rule + "|RDATE;TZID=Europe/Berlin:20200204T161500,20200128T161500")

    assert occurring(without, "2020-01-20", "2020-03-01") == ["2020-01-21T16:15", "2020-01-28T16:15"]
    assert occurring(added, "2020-01-20", "2020-03-01") == ["2020-01-21T16:15", "2020-01-28T16:15", "2020-02-04T16:15"]


def test_a_weekly_event_keeps_its_wall_time_over_the_change_of_clocks() -> None:
    found = read("UID:1|SUMMARY:x|RRULE:FREQ=WEEKLY;BYDAY=TH|DTSTART;TZID=Europe/Berlin:20190321T083000|DURATION:PT6H")
    document = programme(
        *[msgspec.to_builtins(one) for one in found.sessions], zone=found.zone, valid_from="2019-01-01"
    )

    occurrences = expand(series_of(document), utc("2019-03-20T00:00"), utc("2019-04-08T00:00"))

    assert told(occurrences) == [
        "x 2019-03-21T08:30 2019-03-21T07:30",
        "x 2019-03-28T08:30 2019-03-28T07:30",
        "x 2019-04-04T08:30 2019-04-04T06:30",
    ]
    assert codes(found) == [("1", "ical_length")]


def test_an_until_before_the_start_leaves_the_first_day_alone() -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART:20231002T090000|DURATION:PT1H|RRULE:FREQ=WEEKLY;UNTIL=20231001;INTERVAL=2;BYDAY=MO"
    )

    assert occurring(found, "2023-01-01", "2024-12-31") == ["2023-10-02T09:00"]
    assert codes(found) == [("1", "ical_outside")]


def test_edited_and_moved_occurrences_become_changes() -> None:
    found = read(
        "UID:a|SUMMARY:test7|RRULE:FREQ=DAILY;UNTIL=20190310T010000Z|DTSTART;TZID=Europe/Berlin:20190307T020000|DURATION:PT1H",
        "UID:a|SUMMARY:test7 khác|RECURRENCE-ID;TZID=Europe/Berlin:20190308T020000"
        "|DTSTART;TZID=Europe/Berlin:20190308T010000|DURATION:PT1H",
        "UID:a|SUMMARY:test7|RECURRENCE-ID:20190309T010000Z|DTSTART;TZID=Europe/Berlin:20190309T030000|DURATION:PT1H",
    )

    assert found.changes == (
        Change(session="test7", occurrence="2019-03-08T02:00", start="2019-03-08T01:00", title="test7 khác"),
        Change(session="test7", occurrence="2019-03-09T02:00", start="2019-03-09T03:00"),
    )
    assert occurring(found, "2019-03-01", "2019-03-31") == [
        "2019-03-07T02:00",
        "2019-03-08T02:00 at 2019-03-08T01:00",
        "2019-03-09T02:00 at 2019-03-09T03:00",
        "2019-03-10T02:00",
    ]


def test_a_cancelled_occurrence_is_a_change_that_cancels_and_a_cancelled_event_is_left_out() -> None:
    found = read(
        "UID:b|SUMMARY:x|RRULE:FREQ=DAILY;COUNT=3|DTSTART;TZID=Europe/Berlin:20200128T220000|DURATION:PT1H",
        "UID:b|SUMMARY:x|STATUS:CANCELLED|RECURRENCE-ID;TZID=Europe/Berlin:20200129T220000"
        "|DTSTART;TZID=Europe/Berlin:20200129T220000|DURATION:PT1H",
        "UID:c|SUMMARY:y|STATUS:CANCELLED|DTSTART;TZID=Europe/Berlin:20200129T220000|DURATION:PT1H",
    )

    assert occurring(found, "2020-01-01", "2020-02-28") == ["2020-01-28T22:00", "2020-01-30T22:00"]
    assert codes(found) == [("c", "ical_cancelled")]


def test_of_several_versions_of_an_event_the_highest_sequence_counts() -> None:
    found = read(
        "UID:1|SEQUENCE:2|SUMMARY:mới|DTSTART:20240701T090000|DURATION:PT1H|RRULE:FREQ=WEEKLY;COUNT=3"
        "|EXDATE:20240708T090000",
        "UID:1|SEQUENCE:1|SUMMARY:cũ|DTSTART:20240701T080000|DURATION:PT1H|RRULE:FREQ=WEEKLY;COUNT=5",
    )

    assert [one.title for one in found.sessions] == ["mới"]
    assert occurring(found, "2024-07-01", "2024-08-30") == ["2024-07-01T09:00", "2024-07-15T09:00"]


def test_dates_without_a_rule_are_dates_and_an_exception_wins() -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART:20130803T190000Z|DTEND:20130803T210000Z|RDATE:20130803T190000Z,20130831T190000Z"
        "|RDATE;VALUE=DATE-TIME:20131005T190000Z|EXDATE:20131005T190000Z",
        zone="UTC",
    )

    assert found.sessions[0].dates == (date(2013, 8, 3), date(2013, 8, 31), date(2013, 10, 5))
    assert occurring(found, "2013-01-01", "2013-12-31") == ["2013-08-03T19:00", "2013-08-31T19:00"]


def test_the_same_rule_twice_is_one_and_two_rules_are_left_out() -> None:
    base = "|DTSTART;TZID=Europe/London:20230112T100000|DTEND;TZID=Europe/London:20230112T120000"
    weekly = "|RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=2"

    found = read(
        f"UID:1|SUMMARY:x{base}{weekly}{weekly}",
        f"UID:2|SUMMARY:y{base}{weekly}|RRULE:FREQ=MONTHLY;BYDAY=2MO;COUNT=2",
        f"UID:3|SUMMARY:z{base}{weekly}|EXRULE:FREQ=MONTHLY",
        zone="Europe/London",
    )

    assert occurring(found, "2023-01-01", "2023-12-31") == ["2023-01-12T10:00", "2023-01-19T10:00"]
    assert codes(found) == [("2", "ical_rules"), ("3", "ical_rules")]


def test_a_period_adds_its_begin_and_a_time_of_another_hour_is_named() -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART;TZID=America/Vancouver:20230920T120000|DTEND;TZID=America/Vancouver:20230920T140000"
        "|RDATE;VALUE=PERIOD;TZID=America/Vancouver:20231213T120000/20231213T150000"
        "|RDATE;TZID=America/Vancouver:20231214T130000|EXDATE;TZID=America/Vancouver:20231220T120000"
        "|RRULE:FREQ=MONTHLY;COUNT=4;BYDAY=+3WE",
        zone="America/Vancouver",
    )

    assert [start[:10] for start in occurring(found, "2023-01-01", "2024-12-31")] == [
        "2023-09-20",
        "2023-10-18",
        "2023-11-15",
        "2023-12-13",
    ]
    assert codes(found) == [("1", "ical_other_time")]
    assert "2023-12-14T13:00" in found.notes[0].en


# In: what else comes


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("UID:1|SUMMARY:x|DTSTART;VALUE=DATE:20240101|RRULE:FREQ=WEEKLY", "ical_no_time"),
        ("UID:1|SUMMARY:x", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20241301T000000", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|DTSTART:20240102T000000", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:99991231T235959Z", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:99990101T000000|RRULE:FREQ=DAILY", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RDATE:99991231T235959Z", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RRULE:FREQ=DAILY|EXDATE:99991231T235959Z", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RECURRENCE-ID:99991231T235959Z", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RRULE:FREQ=NEVER", "ical_broken"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RRULE:FREQ=SECONDLY", "ical_rule"),
        ("UID:1|SUMMARY:x|DTSTART:20240101T000000|RRULE:FREQ=DAILY;COUNT=0", "ical_rule"),
        ("UID:1|SUMMARY:x|DTSTART;TZID=America/Chicago:20240101T000000|RRULE:FREQ=DAILY", "ical_zone_differs"),
        ("UID:1|SUMMARY:x|DTSTART;TZID=America/Chicago:20240101T000000|RDATE:20240105T060000Z", "ical_zone_differs"),
        ("UID:1|SUMMARY:x|RECURRENCE-ID:20240101T000000|DTSTART:20240101T000000", "ical_orphan"),
    ],
)
def test_an_event_that_cannot_be_taken_is_left_out_and_named(event, code) -> None:
    found = read(event, "UID:2|SUMMARY:good|DTSTART:20240101T050000|DURATION:PT10M")

    assert codes(found) == [("1", code)]
    assert [one.title for one in found.sessions] == ["good"]


@pytest.mark.parametrize("occurrence", ["20241301T000000", "99991231T235959Z"])
def test_a_change_of_no_day_that_can_be_read_leaves_its_event_as_it_is(occurrence) -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART:20240101T050000|DURATION:PT10M|RRULE:FREQ=DAILY",
        f"UID:1|SUMMARY:y|DTSTART:20240102T060000|DURATION:PT10M|RECURRENCE-ID:{occurrence}",
    )

    assert codes(found) == [("1", "ical_broken")]
    assert [(one.title, one.at) for one in found.sessions] == [("x", "05:00")]


def test_an_event_that_ends_with_the_calendar_has_no_end() -> None:
    found = read("UID:1|SUMMARY:x|DTSTART:20240101T050000|DURATION:PT10M|RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")

    assert codes(found) == []
    assert occurring(found, "2024-01-01", "2024-01-02") == ["2024-01-01T05:00", "2024-01-02T05:00"]


def test_an_empty_rule_is_none() -> None:
    found = read("UID:1|SUMMARY:x|DTSTART:20240101T050000|DURATION:PT10M|RRULE:")

    assert codes(found) == []
    assert [(one.rrule, one.dates) for one in found.sessions] == [(None, (date(2024, 1, 1),))]


def test_an_event_of_this_and_following_is_named() -> None:
    found = read(
        "UID:210|SUMMARY:x|DTSTART:20240901T120000Z|DTEND:20240901T140000Z|RRULE:FREQ=DAILY;INTERVAL=2;COUNT=9",
        "UID:210|SUMMARY:y|RECURRENCE-ID;RANGE=THISANDFUTURE:20240913T120000Z|DTSTART:20240913T090000Z|DURATION:PT2H",
        "UID:210|SUMMARY:z|RECURRENCE-ID;VALUE=DATE:20240905|DTSTART;VALUE=DATE:20240913|DURATION:PT2H",
        zone="UTC",
    )

    assert codes(found) == [("210", "ical_range"), ("210", "ical_no_time")]
    assert found.changes == ()


def test_a_day_names_the_occurrence_of_that_day_and_a_new_length_is_named() -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART:20240901T120000|DURATION:PT1H|RRULE:FREQ=DAILY",
        "UID:1|SUMMARY:x|RECURRENCE-ID;VALUE=DATE:20240905|DTSTART:20240905T130000|DURATION:PT2H",
    )

    assert found.changes == (Change(session="x", occurrence="2024-09-05T12:00", start="2024-09-05T13:00"),)
    assert codes(found) == [("1", "ical_length")]


def test_utc_is_read_as_the_time_of_the_programme_where_the_two_never_shift() -> None:
    daily = "UID:1|SUMMARY:Sáng|DTSTART:20260101T220000Z|DURATION:PT10M|RRULE:FREQ=DAILY"
    mondays = "UID:2|SUMMARY:Thứ hai|DTSTART:20260104T220000Z|DURATION:PT10M|RRULE:FREQ=WEEKLY;BYDAY=SU"

    found = read(daily, mondays, zone="Asia/Ho_Chi_Minh")

    assert found.sessions[0].at == "05:00"
    assert found.sessions[0].valid_from == date(2026, 1, 2)
    assert (found.sessions[0].rrule, found.sessions[0].weekdays) == (None, None)
    assert codes(found) == [("2", "ical_zone_differs")]
    assert codes(read(daily, zone="Europe/Berlin")) == [("1", "ical_zone_differs")]
    once = read("UID:3|SUMMARY:x|DTSTART:20260101T220000Z|DURATION:PT10M", zone="Europe/Berlin")
    assert (once.sessions[0].at, once.sessions[0].dates) == ("23:00", (date(2026, 1, 1),))


def test_a_foreign_event_becomes_a_slot_for_the_unit_as_long_as_the_event() -> None:
    found = read(
        "UID:1|SUMMARY:Đọc báo\\, buổi sáng|DTSTART:20260101T050000|DTEND:20260101T053000",
        "UID:2|SUMMARY:Đọc báo: buổi sáng|DTSTART:20260101T060000",
        "UID:3|DTSTART:20260101T070000|DURATION:PT5H",
        "UID:4|SUMMARY:Ngược|DTSTART:20260101T090000|DTEND:20260101T080000",
    )

    slots = [(one.id, one.title, one.segments[0].of, one.segments[0].max_duration_s) for one in found.sessions]
    assert slots == [
        ("doc-bao-buoi-sang", "Đọc báo, buổi sáng", "xa-an-binh", 1800),
        ("doc-bao-buoi-sang-2", "Đọc báo: buổi sáng", "xa-an-binh", 600),
        ("su-kien", "-", "xa-an-binh", 14_400),
        ("nguoc", "Ngược", "xa-an-binh", 600),
    ]
    assert codes(found) == [("2", "ical_length"), ("3", "ical_length"), ("4", "ical_length")]


def test_an_exception_of_one_of_several_times_a_day_cancels_only_that() -> None:
    found = read(
        "UID:1|SUMMARY:x|DTSTART:20260101T050000|DURATION:PT1M|RRULE:FREQ=DAILY;BYHOUR=5,17;COUNT=4"
        "|EXDATE:20260101T050000,20260102T170000"
    )

    assert occurring(found, "2026-01-01", "2026-01-09") == ["2026-01-01T17:00", "2026-01-02T05:00"]


def test_other_components_are_named_and_an_alarm_is_not() -> None:
    alarm = "BEGIN:VALARM|ACTION:DISPLAY|TRIGGER:-PT5M|END:VALARM"
    found = read(
        f"UID:1|SUMMARY:x|DTSTART:20260101T050000|DURATION:PT1M|{alarm}", head="BEGIN:VTODO\nUID:9\nEND:VTODO\n"
    )

    assert codes(found) == [("9", "ical_component")]
    assert len(found.sessions) == 1


def test_more_sessions_than_a_programme_holds_are_named() -> None:
    found = read(*[f"UID:{n}|SUMMARY:x|DTSTART:20260101T{n % 24:02}0000|DURATION:PT1M" for n in range(50)])

    assert len(found.sessions) == 48
    assert codes(found) == [("48", "ical_too_many"), ("49", "ical_too_many")]
    assert len({one.id for one in found.sessions}) == 48


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\n",
        b"x" * (4 * 1024 * 1024 + 1),
        calendar(*["UID:1|DTSTART:20260101T050000"] * (MOST_EVENTS + 1)),
    ],
    ids=["empty", "text", "bytes", "event", "unended", "large", "many"],
)
def test_a_file_that_is_no_calendar_is_refused(data) -> None:
    with pytest.raises(IcalInvalid):
        read_ical(data, unit="xa")


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IcalInvalid, match="Mars/Olympus"):
        read(zone="Mars/Olympus")


# There and back


DOCUMENT = programme(
    session("sang", weekdays=["mon", "wed"], on_holiday="skip", volume=55),
    session("ram", "17:00", lunar={"days": [1, 15]}, to=["g-thon-1"]),
    changes=[
        {"session": "sang", "occurrence": "2026-01-05T05:00", "start": "2026-01-05T06:00", "volume": 30, "note": "bão"},
        {"session": "sang", "occurrence": "2026-01-07T05:00", "cancel": True},
    ],
)


def edited(old: str, new: str) -> Read:
    ical = document_as_ical(DOCUMENT, ON).decode().replace("\r\n ", "")
    assert old in ical
    return read_ical(ical.replace(old, new).encode(), unit="xa")


def test_an_untouched_calendar_is_the_programme_it_was() -> None:
    found = read_ical(document_as_ical(DOCUMENT, ON), unit="xa")

    assert found == Read("Asia/Ho_Chi_Minh", DOCUMENT.sessions, DOCUMENT.changes, (), DOCUMENT)


def test_where_another_program_changed_an_event_its_words_count_and_the_rest_stays() -> None:
    found = edited(
        "SUMMARY:Buổi sang\r\nDTSTART;TZID=Asia/Ho_Chi_Minh:20260105T050000",
        "SUMMARY:Buổi mới\r\nDTSTART;TZID=Asia/Ho_Chi_Minh:20260105T043000",
    )

    first, second = found.sessions
    assert (first.id, first.title, first.at, first.volume) == ("sang", "Buổi mới", "04:30", 55)
    assert (first.rrule, first.weekdays, first.valid_from) == ("FREQ=WEEKLY;BYDAY=MO,WE", None, date(2026, 1, 5))
    assert first.segments == DOCUMENT.sessions[0].segments
    assert second == DOCUMENT.sessions[1]
    assert ("sang@p-xa.loa", "ical_edited") in codes(found)
    assert found.document is not None
    assert found.document.sessions == found.sessions


def test_a_changed_occurrence_of_ours_keeps_what_icalendar_has_no_words_for() -> None:
    found = edited("DTSTART;TZID=Asia/Ho_Chi_Minh:20260105T060000", "DTSTART;TZID=Asia/Ho_Chi_Minh:20260105T070000")

    assert found.changes[0] == msgspec.structs.replace(DOCUMENT.changes[0], start="2026-01-05T07:00")
    assert found.changes[1] == DOCUMENT.changes[1]
    assert found.sessions == DOCUMENT.sessions
    assert codes(found) == [("sang@p-xa.loa", "ical_edited")]


def test_a_longer_event_keeps_more_time_free() -> None:
    found = edited(
        "DURATION:PT1M\r\nDTSTAMP:20260101T000000Z\r\nUID:ram", "DURATION:PT30M\r\nDTSTAMP:20260101T000000Z\r\nUID:ram"
    )

    assert found.sessions[1].length_s == 1800
    assert found.sessions[1].to == ("g-thon-1",)


@pytest.mark.parametrize("name", ["X-LOA-PROGRAMME", "X-LOA-SESSION"])
def test_a_damaged_part_of_ours_is_named_and_the_words_of_icalendar_count(name) -> None:
    found = edited(f"{name}:", f"{name}:%%%")

    assert {code for _, code in codes(found)} >= {"ical_damaged"}
    assert len(found.sessions) == 2


def test_an_event_that_was_deleted_is_gone_with_its_changes() -> None:
    text = document_as_ical(DOCUMENT, ON).decode()
    events = text.split("BEGIN:VEVENT")
    without = "BEGIN:VEVENT".join([*events[:1], *events[3:]])

    found = read_ical(without.encode(), unit="xa")

    assert [one.id for one in found.sessions] == ["ram"]
    assert found.changes == ()
