"""When a programme is on the air: its days, its history, its changes, and everything that is wrong with it."""

import time
from datetime import UTC, date, datetime, timedelta
from inspect import signature

import msgspec
import pytest

from controller.schedules import rules
from controller.schedules.checks import change_faults, document_faults, session_faults
from controller.schedules.fault_texts import TEXTS, Fault, fault
from controller.schedules.programme import ProgrammeFile, Session
from controller.schedules.rules import (
    Revision,
    TooManyOccurrences,
    changes_of,
    expand,
    faults,
    occurrence_id,
    revision_on,
    series_of,
    strays,
)
from controller.schedules.sessions import ZoneUnknown, canonical, longest_ms, original_of, planned, valid_days
from tests.fakes.programmes import MINUTE, change, programme, series, session, told, utc

YEAR = (utc("2025-12-31T17:00"), utc("2026-12-31T17:00"))
"""2026 in Hà Nội."""


def starts(document: ProgrammeFile, first: str, last: str) -> list[str]:
    """Local begins by the rules alone, on the days from first to last."""
    begin, end = utc(f"{first}T00:00") - timedelta(hours=7), utc(f"{last}T17:00")
    return [one.key[2] for one in expand(series_of(document), begin, end)]


def days(document: ProgrammeFile, first: str, last: str) -> list[str]:
    return [start[:10] for start in starts(document, first, last)]


# Occurrences


def test_a_session_without_a_recurrence_is_on_every_day_at_its_wall_time() -> None:
    found = expand(series_of(programme()), *YEAR)

    assert len(found) == 365
    first = found[0]
    assert first.start == utc("2025-12-31T22:00")
    assert first.start.tzinfo is UTC
    assert first.key == ("p-xa", "sang", "2026-01-01T05:00")
    assert first.programme == "p-xa"
    assert first.id == occurrence_id("p-xa", "sang", "2026-01-01T05:00")
    assert first.revision.number == 1
    assert first.session == programme().sessions[0]
    assert first.change is None
    assert found[-1].key[2] == "2026-12-31T05:00"


def test_the_id_of_an_occurrence_is_what_it_always_was() -> None:
    assert occurrence_id("p1", "s1", "2026-01-02T05:00") == "p-9f7f1c041c7f4e8c4525931dc5d8d6fa"
    assert occurrence_id("p1", "s1", "2026-01-02T05:01") != occurrence_id("p1", "s1", "2026-01-02T05:00")
    assert occurrence_id("p", "1s1", "2026-01-02T05:00") != occurrence_id("p1", "s1", "2026-01-02T05:00")


def test_the_window_has_its_begin_and_not_its_end() -> None:
    one = series_of(programme())
    at = utc("2026-03-01T22:00")
    second = timedelta(seconds=1)

    assert told(expand(one, at, at + second)) == ["sang 2026-03-02T05:00 2026-03-01T22:00"]
    assert expand(one, at - second, at) == []
    assert expand(one, at + second, at + timedelta(days=1)) == []
    assert len(expand(one, at, at + timedelta(days=1) + second)) == 2


def test_occurrences_of_all_sessions_come_in_order() -> None:
    document = programme(session("chieu", "17:00"), session("sang", "05:00"), session("sang-2", "05:00", to=["g-a"]))

    found = expand(series_of(document), utc("2026-01-01T22:00"), utc("2026-01-02T17:00"))

    assert told(found) == [
        "sang 2026-01-02T05:00 2026-01-01T22:00",
        "sang-2 2026-01-02T05:00 2026-01-01T22:00",
        "chieu 2026-01-02T17:00 2026-01-02T10:00",
    ]


def test_more_occurrences_than_the_answer_may_hold_are_refused_and_as_many_are_not() -> None:
    one = series_of(programme())

    assert len(expand(one, *YEAR, most=365)) == 365
    with pytest.raises(TooManyOccurrences, match="p-xa has more than 364") as refused:
        expand(one, *YEAR, most=364)
    assert refused.value.details == {"programme": "p-xa", "most": 364}
    assert signature(expand).parameters["most"].default == 20_000


def test_what_is_refused_as_too_many_is_not_expanded_to_its_end(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(rules, "planned", lambda *given: asked.append(given[1].id) or planned(*given))

    with pytest.raises(TooManyOccurrences):
        expand(series_of(programme(session("a"), session("b", "06:00"))), *YEAR, most=10)

    assert asked == ["a"]


def test_a_year_of_one_daily_session_costs_little(tell) -> None:
    one = series_of(programme())
    expand(one, *YEAR)

    begun = time.process_time()
    for _ in range(10):
        expand(one, *YEAR)
    took_ms = (time.process_time() - begun) * 100

    tell(f"expanding a year of one daily session takes {took_ms:.1f} ms")
    assert took_ms < 20


def test_weekdays_are_the_days_they_name() -> None:
    document = programme(session(weekdays=["mon", "sun"]))

    assert days(document, "2026-01-01", "2026-01-12") == ["2026-01-04", "2026-01-05", "2026-01-11", "2026-01-12"]


def test_dates_are_the_days_they_name_and_no_other() -> None:
    document = programme(session(dates=["2026-03-05", "2026-01-09", "2027-01-01", "2025-12-31"]))

    assert days(document, "2025-12-01", "2026-12-31") == ["2026-01-09", "2026-03-05"]
    assert days(document, "2026-01-09", "2026-03-04") == ["2026-01-09"]


def test_the_first_and_the_last_valid_day_may_be_named() -> None:
    edges = ["2026-02-01", "2026-02-05"]
    bounds = {"valid_from": "2026-02-01", "valid_until": "2026-02-05"}

    assert days(programme(session(dates=edges, **bounds)), "2026-01-01", "2026-12-31") == edges
    assert days(programme(session(weekdays=["tue"], also=edges, **bounds)), "2026-01-01", "2026-12-31") == [
        "2026-02-01",
        "2026-02-03",
        "2026-02-05",
    ]


def test_a_rule_that_ends_in_utc_ends_by_the_zone_of_the_programme() -> None:
    document = programme(session(rrule="FREQ=DAILY;UNTIL=20260102T220000Z"))

    assert days(document, "2026-01-01", "2026-12-31") == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_a_lunar_session_is_on_its_lunar_days() -> None:
    document = programme(session(lunar={"days": [1, 15]}))

    assert days(document, "2026-02-01", "2026-03-31") == ["2026-02-02", "2026-02-17", "2026-03-03", "2026-03-19"]


def test_a_rule_counts_from_the_first_valid_day_at_the_time_of_the_session() -> None:
    document = programme(session(rrule="FREQ=DAILY;INTERVAL=2;COUNT=3", valid_from="2026-01-05"))

    assert starts(document, "2026-01-01", "2026-12-31") == ["2026-01-05T05:00", "2026-01-07T05:00", "2026-01-09T05:00"]


def test_a_rule_may_have_several_times_a_day_and_seconds() -> None:
    document = programme(session(at="05:00:30", rrule="FREQ=DAILY;BYHOUR=5,17"))

    found = expand(series_of(document), utc("2026-01-01T17:00"), utc("2026-01-02T17:00"))

    assert [one.key[2] for one in found] == ["2026-01-02T05:00:30", "2026-01-02T17:00:30"]
    assert found[1].start == utc("2026-01-02T10:00:30")


def test_valid_days_of_session_and_programme_both_bound_the_session() -> None:
    document = programme(
        session("a", valid_from="2026-01-03", valid_until="2026-01-04"),
        session("b", "06:00", valid_from="2025-01-01", valid_until="2027-01-01"),
        session("c", "07:00", also=["2025-12-31", "2026-01-06"], weekdays=["sun"]),
        valid_from="2026-01-02",
        valid_until="2026-01-05",
    )

    assert starts(document, "2025-12-01", "2026-02-01") == [
        "2026-01-02T06:00",
        "2026-01-03T05:00",
        "2026-01-03T06:00",
        "2026-01-04T05:00",
        "2026-01-04T06:00",
        "2026-01-04T07:00",
        "2026-01-05T06:00",
    ]
    assert valid_days(document, document.sessions[0]) == (date(2026, 1, 3), date(2026, 1, 4))
    assert valid_days(document, document.sessions[1]) == (date(2026, 1, 2), date(2026, 1, 5))
    assert valid_days(programme(), programme().sessions[0]) == (date(2026, 1, 1), date(2199, 12, 31))


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("play", ["2026-04-29", "2026-04-30", "2026-05-01", "2026-05-02", "2026-05-03"]),
        ("skip", ["2026-04-29", "2026-05-02"]),
        ("only", ["2026-04-30", "2026-05-01", "2026-05-03"]),
    ],
)
def test_a_session_plays_skips_or_waits_for_holidays(behaviour, expected) -> None:
    document = programme(session(on_holiday=behaviour), holidays=["2026-05-03"])

    assert days(document, "2026-04-29", "2026-05-03") == expected


def test_also_adds_even_a_holiday_once_and_except_has_the_last_word() -> None:
    document = programme(
        session(
            weekdays=["mon"],
            on_holiday="skip",
            also=["2026-05-01", "2026-05-04", "2026-05-06", "2026-05-07"],
            **{"except": ["2026-05-06", "2026-05-11"]},
        )
    )

    assert days(document, "2026-04-27", "2026-05-18") == [
        "2026-04-27",
        "2026-05-01",
        "2026-05-04",
        "2026-05-07",
        "2026-05-18",
    ]


def test_also_comes_at_the_time_of_the_session_whatever_the_rule_says() -> None:
    document = programme(session(rrule="FREQ=WEEKLY;BYDAY=MO;BYHOUR=9", also=["2026-01-06"]))

    assert starts(document, "2026-01-05", "2026-01-06") == ["2026-01-05T09:00", "2026-01-06T05:00"]


# Zones


def test_a_skipped_hour_is_that_much_later_and_a_repeated_one_the_first() -> None:
    document = programme(session(at="02:30"), zone="Europe/Berlin")

    found = expand(series_of(document), utc("2026-03-28T00:00"), utc("2026-03-31T00:00"))
    repeated = expand(series_of(document), utc("2026-10-25T00:00"), utc("2026-10-25T23:00"))

    assert told(found) == [
        "sang 2026-03-28T02:30 2026-03-28T01:30",
        "sang 2026-03-29T02:30 2026-03-29T01:30",
        "sang 2026-03-30T02:30 2026-03-30T00:30",
    ]
    assert told(repeated) == ["sang 2026-10-25T02:30 2026-10-25T00:30"]


def test_two_local_times_at_one_instant_are_one_occurrence_the_later() -> None:
    document = programme(session(at="00:30", rrule="FREQ=HOURLY"), zone="Europe/Berlin")

    found = expand(series_of(document), utc("2026-03-29T00:00"), utc("2026-03-29T02:00"))

    assert told(found) == ["sang 2026-03-29T01:30 2026-03-29T00:30", "sang 2026-03-29T03:30 2026-03-29T01:30"]


def test_the_day_that_samoa_never_had_is_not_sent_twice() -> None:
    daily = programme(session(), zone="Pacific/Apia", valid_from="2011-12-01")
    fridays = programme(session(weekdays=["fri"]), zone="Pacific/Apia", valid_from="2011-12-01")
    window = utc("2011-12-29T00:00"), utc("2012-01-01T00:00")

    assert told(expand(series_of(daily), *window)) == [
        "sang 2011-12-29T05:00 2011-12-29T15:00",
        "sang 2011-12-31T05:00 2011-12-30T15:00",
        "sang 2012-01-01T05:00 2011-12-31T15:00",
    ]
    assert told(expand(series_of(fridays), *window)) == ["sang 2011-12-30T05:00 2011-12-30T15:00"]
    gone = change("2011-12-30T05:00", cancel=True)
    assert strays(series((1, "2011-12-01", daily), changes=(gone,))) == [gone]
    assert strays(series((1, "2011-12-01", fridays), changes=(gone,))) == []


@pytest.mark.parametrize(
    ("zone", "offset_h"), [("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12), ("Asia/Ho_Chi_Minh", 7), ("UTC", 0)]
)
def test_the_edges_of_a_window_hold_in_zones_far_from_utc(zone, offset_h) -> None:
    for at in ("00:00", "11:59", "23:59"):
        document = programme(session(at=at), zone=zone)
        local = utc(f"2026-06-15T{at}") - timedelta(hours=offset_h)

        found = expand(series_of(document), local, local + timedelta(minutes=1))

        assert [one.key[2] for one in found] == [f"2026-06-15T{at}"]


def test_a_zone_that_is_unknown_here_cannot_be_expanded() -> None:
    with pytest.raises(ZoneUnknown, match="p-xa names the time zone Mars/Olympus"):
        expand(series_of(programme(zone="Mars/Olympus")), *YEAR)


# History


MORNING, EARLIER = programme(session(at="05:00")), programme(session(at="04:30"))
NOON = programme(session(at="12:00"))


def test_this_and_following_holds_from_its_day_on() -> None:
    both = series((1, "2026-01-01", MORNING), (2, "2026-01-03", EARLIER))

    assert told(expand(both, utc("2026-01-01T17:00"), utc("2026-01-03T17:00"))) == [
        "sang 2026-01-02T05:00 2026-01-01T22:00",
        "sang 2026-01-03T04:30 2026-01-02T21:30",
    ]
    assert [one.revision.number for one in expand(both, utc("2026-01-01T17:00"), utc("2026-01-03T17:00"))] == [1, 2]


def test_the_highest_number_counts_whatever_the_order_of_days_and_rows() -> None:
    history = series((3, "2026-01-03", NOON), (1, "2026-01-01", MORNING), (2, "2026-01-05", EARLIER))

    found = expand(history, utc("2025-12-31T17:00"), utc("2026-01-06T17:00"))

    assert [one.key[2] for one in found] == [
        "2026-01-01T05:00",
        "2026-01-02T05:00",
        "2026-01-03T12:00",
        "2026-01-04T12:00",
        "2026-01-05T12:00",
        "2026-01-06T12:00",
    ]
    assert [revision_on(history, date(2026, 1, day)) for day in (2, 3, 5)] == [
        Revision(1, date(2026, 1, 1), MORNING),
        Revision(3, date(2026, 1, 3), NOON),
        Revision(3, date(2026, 1, 3), NOON),
    ]


def test_before_the_first_revision_there_is_nothing() -> None:
    late = series((1, "2026-02-01", MORNING))

    assert revision_on(late, date(2026, 1, 31)) is None
    assert told(expand(late, utc("2026-01-29T00:00"), utc("2026-02-01T17:00"))) == [
        "sang 2026-02-01T05:00 2026-01-31T22:00"
    ]
    assert strays(series((1, "2026-02-01", MORNING), changes=(change("2026-01-31T05:00", cancel=True),)))


def test_a_revision_of_the_same_day_replaces_the_one_before_whole() -> None:
    both = series((1, "2026-01-01", MORNING), (2, "2026-01-01", EARLIER))

    assert {one.revision.number for one in expand(both, *YEAR)} == {2}
    assert len(expand(both, *YEAR)) == 365


def test_the_days_of_a_revision_are_those_of_its_own_zone() -> None:
    far = programme(session(at="00:00"), zone="Pacific/Kiritimati")
    both = series((1, "2026-01-01", far), (2, "2026-01-03", MORNING))

    assert told(expand(both, utc("2025-12-31T00:00"), utc("2026-01-02T23:00"))) == [
        "sang 2026-01-01T00:00 2025-12-31T10:00",
        "sang 2026-01-02T00:00 2026-01-01T10:00",
        "sang 2026-01-03T05:00 2026-01-02T22:00",
    ]


# Changes


def with_changes(*changes, document: ProgrammeFile | None = None):
    return series((1, "2026-01-01", document or programme()), changes=changes)


def test_a_cancelled_occurrence_is_gone_and_only_that_one() -> None:
    one = with_changes(change("2026-01-02T05:00", cancel=True))

    assert told(expand(one, utc("2025-12-31T17:00"), utc("2026-01-03T17:00"))) == [
        "sang 2026-01-01T05:00 2025-12-31T22:00",
        "sang 2026-01-03T05:00 2026-01-02T22:00",
    ]
    assert strays(one) == []


def test_a_moved_occurrence_keeps_its_name_and_has_another_start() -> None:
    moved = change("2026-01-02T05:00", start="2026-01-02T06:30:15")
    one = with_changes(moved)

    found = expand(one, utc("2026-01-01T17:00"), utc("2026-01-02T17:00"))

    assert [(one.key[2], one.start, one.change) for one in found] == [
        ("2026-01-02T05:00", utc("2026-01-01T23:30:15"), moved)
    ]
    assert found[0].id == occurrence_id("p-xa", "sang", "2026-01-02T05:00")


def test_an_occurrence_moved_far_is_found_where_it_went_and_not_where_it_was() -> None:
    one = with_changes(change("2026-01-02T05:00", start="2026-03-05T09:00"))
    second = timedelta(seconds=1)
    at = utc("2026-03-05T02:00")

    assert told(expand(one, at, at + second)) == ["sang 2026-01-02T05:00 2026-03-05T02:00"]
    assert expand(one, at - second, at) == []
    assert expand(one, at + second, at + 2 * second) == []
    assert "2026-01-02T05:00" not in [
        one.key[2] for one in expand(one, utc("2026-01-01T17:00"), utc("2026-01-03T17:00"))
    ]


def test_a_move_is_found_behind_any_other_change() -> None:
    others = (
        change("2026-01-09T05:00", title="khác"),
        change("2026-01-10T05:00", start="2027-01-01T05:00"),
        change("2026-01-11T05:30", start="2026-03-05T08:00"),
    )
    one = with_changes(*others, change("2026-01-02T05:00", start="2026-03-05T09:00"))

    assert told(expand(one, utc("2026-03-05T01:00"), utc("2026-03-05T03:00"))) == [
        "sang 2026-01-02T05:00 2026-03-05T02:00"
    ]


def test_occurrences_moved_back_past_others_come_in_the_order_of_their_starts() -> None:
    one = with_changes(change("2026-01-04T05:00", start="2026-01-02T04:00"))

    assert told(expand(one, utc("2026-01-01T17:00"), utc("2026-01-04T17:00"))) == [
        "sang 2026-01-04T05:00 2026-01-01T21:00",
        "sang 2026-01-02T05:00 2026-01-01T22:00",
        "sang 2026-01-03T05:00 2026-01-02T22:00",
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_move_is_found_in_zones_far_from_utc(zone) -> None:
    document = programme(zone=zone)
    one = with_changes(change("2026-01-02T05:00", start="2026-03-05T09:00"), document=document)
    at = utc("2026-03-05T09:00") - timedelta(hours=14 if "Kiri" in zone else -12)

    found = expand(one, at, at + timedelta(seconds=1))

    assert told(found) == [f"sang 2026-01-02T05:00 {at:%Y-%m-%dT%H:%M}"]


def test_a_replaced_occurrence_has_what_the_change_says_and_the_rest_of_its_session() -> None:
    pause = {"kind": "pause", "duration_ms": 500}
    replaced = change("2026-01-02T05:00", title="Khác", volume=0, segments=[pause], note="vì bão")
    titled = change("2026-01-03T05:00", title="Chỉ tên")
    nothing = change("2026-01-04T05:00", note="như cũ")
    base = programme().sessions[0]

    second, third, fourth = expand(
        with_changes(replaced, titled, nothing), utc("2026-01-01T17:00"), utc("2026-01-04T17:00")
    )

    assert (second.session.title, second.session.volume, second.session.late_s) == ("Khác", 0, 60)
    assert second.session.segments == replaced.segments
    assert third.session == msgspec.structs.replace(base, title="Chỉ tên")
    assert (fourth.session, fourth.start, fourth.change) == (base, utc("2026-01-03T22:00"), nothing)


def test_a_change_whose_occurrence_no_rule_has_is_told_and_does_nothing() -> None:
    missing = (
        change("2026-01-02T05:30", title="giờ khác"),
        change("2025-12-31T05:00", cancel=True),
        change("2026-01-02T05:00", "toi", start="2026-01-02T06:00"),
        change("2026-02-30T05:00", start="2026-01-02T07:00"),
    )
    kept = change("2026-01-02T05:00", cancel=True)

    one = with_changes(missing[0], kept, *missing[1:])

    assert strays(one) == list(missing)
    assert expand(one, utc("2026-01-01T17:00"), utc("2026-01-02T17:00")) == []


def test_a_change_outlives_a_revision_that_still_has_its_occurrence_and_strays_where_not() -> None:
    moved = change("2026-01-05T05:00", start="2026-01-05T09:00")

    still = series((1, "2026-01-01", MORNING), (2, "2026-01-03", programme(session(title="Mới"))), changes=(moved,))
    gone = series((1, "2026-01-01", MORNING), (2, "2026-01-03", EARLIER), changes=(moved,))

    assert strays(still) == []
    assert strays(gone) == [moved]
    assert [one.start for one in expand(gone, utc("2026-01-04T17:00"), utc("2026-01-05T17:00"))] == [
        utc("2026-01-04T21:30")
    ]


def test_a_change_is_known_by_its_time_however_it_is_written_and_the_last_counts() -> None:
    first, last = change("2026-01-02T05:00:00", volume=1), change("2026-01-02T05:00", volume=2)

    assert changes_of([first, last]) == {("sang", "2026-01-02T05:00"): last}
    assert changes_of([last, first]) == {("sang", "2026-01-02T05:00"): first}
    assert canonical("2026-01-02T05:00:30") == "2026-01-02T05:00:30"
    assert canonical("2026-02-30T05:00") == "2026-02-30T05:00"
    assert original_of(datetime.fromisoformat("2026-01-02T05:00")) == "2026-01-02T05:00"


def test_a_document_alone_is_a_series_with_its_own_changes() -> None:
    gone = change("2026-01-02T05:00:00", cancel=True)
    document = programme(changes=[msgspec.to_builtins(gone)])

    one = series_of(document)

    assert one.id == "p-xa"
    assert one.revisions == (Revision(1, date(1970, 1, 1), document),)
    assert one.changes == {("sang", "2026-01-02T05:00"): gone}


def test_the_planned_begins_of_a_session_know_no_changes() -> None:
    document = programme(changes=[{"session": "sang", "occurrence": "2026-01-02T05:00", "cancel": True}])

    found = planned(document, document.sessions[0], date(2026, 1, 2), date(2026, 1, 2))

    assert list(found) == [(datetime.fromisoformat("2026-01-02T05:00"), utc("2026-01-01T22:00"))]


# Lengths


def test_a_session_takes_its_segments_or_its_planned_length_whichever_is_more() -> None:
    segments = [
        {"kind": "chime", "name": "opening"},
        {"kind": "relay", "title": "VOV", "url": "https://relay.example/vov", "duration_s": 600},
        {"kind": "pause", "duration_ms": 500},
        {"kind": "content", "asset": "a1", "duration_s": 30},
        {"kind": "bulletins", "title": "Tin", "of": "xa", "max_duration_s": 120},
    ]
    one = msgspec.convert(session(segments=segments), Session)

    assert longest_ms(one) == 2225 + 600_000 + 500 + 30_000 + 120_000
    assert longest_ms(msgspec.structs.replace(one, length_s=752)) == 752_725
    assert longest_ms(msgspec.structs.replace(one, length_s=753)) == 753_000
    assert longest_ms(msgspec.convert(session(segments=[{"kind": "chime", "name": "gone"}]), Session)) == 0


# Faults


def marks(document: ProgrammeFile) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in faults(document)]


def test_a_good_programme_has_no_faults() -> None:
    assert faults(programme()) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (programme(zone="Mars/Olympus"), [("zone", "zone_unknown")]),
        (programme(valid_until="2025-12-31"), [("valid_until", "days_reversed")]),
        (programme(valid_until="2026-01-01"), []),
        (programme(valid_from="1969-12-31"), [("valid_from", "day_out_of_range")]),
        (programme(valid_from="1970-01-01"), []),
        (programme(valid_until="2200-01-01"), [("valid_until", "day_out_of_range")]),
        (programme(valid_until="2199-12-31"), []),
        (
            programme(holidays=["2026-01-01", "2200-01-01", "1969-01-01"]),
            [("holidays", "day_out_of_range"), ("holidays", "day_out_of_range")],
        ),
        (programme(session(valid_from="0001-01-01")), [("sessions[0].valid_from", "day_out_of_range")]),
        (programme(session(valid_until="9999-12-31")), [("sessions[0].valid_until", "day_out_of_range")]),
        (
            programme(session(valid_from="2026-02-02", valid_until="2026-02-01")),
            [("sessions[0].valid_until", "days_reversed")],
        ),
        (programme(session(valid_from="2026-02-02", valid_until="2026-02-02")), []),
        (programme(session(valid_until="2025-12-31")), [("sessions[0].valid_from", "session_outside")]),
        (
            programme(session(valid_from="2026-03-02"), valid_until="2026-03-01"),
            [("sessions[0].valid_from", "session_outside")],
        ),
        (programme(session(valid_from="2026-03-01"), valid_until="2026-03-01"), []),
        (programme(session(dates=["2200-01-01"])), [("sessions[0].dates", "day_out_of_range")]),
        (programme(session(also=["2200-01-01"])), [("sessions[0].also", "day_out_of_range")]),
        (programme(session(**{"except": ["2200-01-01"]})), [("sessions[0].except", "day_out_of_range")]),
        (programme(session(), session(at="09:00")), [("sessions[1].id", "session_repeated")]),
        (
            programme(session(weekdays=["mon"], rrule="FREQ=DAILY")),
            [("sessions[0].rrule", "recurrence_ambiguous")],
        ),
        (
            programme(session(weekdays=["mon"], lunar={"days": [1]})),
            [("sessions[0].lunar", "recurrence_ambiguous")],
        ),
        (
            programme(session(rrule="FREQ=DAILY", dates=["2026-01-01"], lunar={"days": [1]})),
            [("sessions[0].lunar", "recurrence_ambiguous")],
        ),
        (
            programme(session(weekdays=["mon", "tue", "mon"])),
            [("sessions[0].weekdays", "weekday_repeated")],
        ),
        (programme(session(lunar={"months": [1]})), [("sessions[0].lunar", "lunar_empty")]),
        (programme(session(lunar={"last_day": True})), []),
        (programme(session(lunar={"days": [30]})), []),
        (programme(session(rrule="FREQ=FORTNIGHTLY")), [("sessions[0].rrule", "rrule_invalid")]),
        (programme(session(rrule="FREQ=SECONDLY")), [("sessions[0].rrule", "rrule_too_often")]),
        (programme(session(rrule="FREQ=DAILY;COUNT=0")), [("sessions[0].rrule", "rrule_count")]),
        (programme(session(rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")), [("sessions[0].rrule", "rrule_never")]),
        (programme(session(rrule="FREQ=DAILY;UNTIL=20251231")), [("sessions[0].rrule", "rrule_never")]),
        (programme(session(rrule="FREQ=DAILY;UNTIL=20260101")), []),
        (
            programme(session(rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), zone="Mars/Olympus"),
            [("zone", "zone_unknown")],
        ),
        (
            programme(session(rrule="FREQ=DAILY;COUNT=1", valid_from="9999-01-01"), zone="UTC"),
            [("sessions[0].valid_from", "day_out_of_range")],
        ),
        (
            programme(session(rrule="FREQ=DAILY;COUNT=0"), zone="Mars/Olympus"),
            [("zone", "zone_unknown"), ("sessions[0].rrule", "rrule_count")],
        ),
        (programme(session(level="emergency")), [("sessions[0].level", "emergency_scheduled")]),
        (programme(session(level="priority")), []),
        (
            programme(session(segments=[{"kind": "chime"}, {"kind": "chime", "name": "gong"}])),
            [("sessions[0].segments[1].name", "chime_unknown")],
        ),
        (
            programme(
                session(dates=["2026-01-01"], segments=[{"kind": "content", "asset": "a", "duration_s": 14_400}] * 6)
            ),
            [],
        ),
        (
            programme(
                session(
                    dates=["2026-01-01"],
                    segments=[{"kind": "content", "asset": "a", "duration_s": 14_400}] * 6
                    + [{"kind": "pause", "duration_ms": 100}],
                )
            ),
            [("sessions[0].segments", "session_too_long")],
        ),
        (
            programme(changes=[{"session": "toi", "occurrence": "2026-01-01T05:00"}]),
            [("changes[0].session", "change_session_unknown")],
        ),
        (
            programme(
                changes=[
                    {"session": "sang", "occurrence": "2026-01-01T05:00", "cancel": True},
                    {"session": "sang", "occurrence": "2026-01-01T05:00:00"},
                    {"session": "sang", "occurrence": "2026-01-02T05:00"},
                ]
            ),
            [("changes[1].occurrence", "change_repeated")],
        ),
        (
            programme(changes=[{"session": "sang", "occurrence": "2026-02-30T05:00", "start": "2026-02-31T05:00"}]),
            [("changes[0].occurrence", "change_time_invalid"), ("changes[0].start", "change_time_invalid")],
        ),
        (
            programme(changes=[{"session": "sang", "occurrence": "2026-02-03T05:00", "start": "2200-02-03T05:00"}]),
            [("changes[0].start", "day_out_of_range")],
        ),
        (
            programme(
                changes=[
                    {"session": "sang", "occurrence": "2026-01-01T05:00", "segments": [{"kind": "chime", "name": "x"}]}
                ]
            ),
            [("changes[0].segments[0].name", "chime_unknown")],
        ),
        *(
            (
                programme(changes=[{"session": "sang", "occurrence": "2026-01-01T05:00", "cancel": True, **more}]),
                [("changes[0].cancel", "change_contradictory")] if more else [],
            )
            for more in (
                {},
                {"start": "2026-01-01T06:00"},
                {"title": "x"},
                {"volume": 0},
                {"segments": [{"kind": "pause", "duration_ms": 100}]},
            )
        ),
    ],
)
def test_a_fault_is_told_with_its_field_and_code(document, expected) -> None:
    assert marks(document) == expected


REFUSED_BY_DEVICES = (
    "http://[::1",
    "http://a:99999/x",
    "http://a/é",
    "http://đài.vn/",
    "http://user:pass@radio.vn/live",
    "http:///live",
)


@pytest.mark.parametrize("url", REFUSED_BY_DEVICES)
def test_an_address_that_every_device_refuses_is_told_wherever_it_stands(url) -> None:
    relay = {"kind": "relay", "title": "VOV", "url": url, "duration_s": 60}
    change = {"session": "sang", "occurrence": "2026-01-02T05:00", "segments": [relay]}

    assert marks(programme(session(segments=[{"kind": "chime"}, relay]), changes=[change])) == [
        ("sessions[0].segments[1].url", "relay_url_refused"),
        ("changes[0].segments[0].url", "relay_url_refused"),
    ]


@pytest.mark.parametrize("url", ["http://radio.vn", "https://[2405:4800::1]:8443/live?id=1"])
def test_an_address_that_devices_relay_from_is_good(url) -> None:
    relay = {"kind": "relay", "title": "VOV", "url": url, "duration_s": 60}

    assert faults(programme(session(segments=[relay]))) == []


def test_what_was_saved_before_addresses_were_asked_is_without_faults_and_is_asked_for_clashes() -> None:
    relay = {"kind": "relay", "title": "VOV", "url": REFUSED_BY_DEVICES[0], "duration_s": 60}
    old = session(segments=[relay])

    assert faults(programme(old), standing=True) == []
    assert [one.code for one in faults(programme(old, session("trua")), standing=True)] == ["sessions_clash"]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_document() -> None:
    document = programme(
        session(level="emergency", rrule="FREQ=SECONDLY"),
        session(weekdays=["mon", "mon"], valid_from="2026-02-02", valid_until="2026-02-01"),
        zone="Mars/Olympus",
        changes=[{"session": "toi", "occurrence": "2026-01-01T05:00"}],
    )

    assert marks(document) == [
        ("zone", "zone_unknown"),
        ("sessions[0].rrule", "rrule_too_often"),
        ("sessions[0].level", "emergency_scheduled"),
        ("sessions[1].id", "session_repeated"),
        ("sessions[1].valid_until", "days_reversed"),
        ("sessions[1].weekdays", "weekday_repeated"),
        ("changes[0].session", "change_session_unknown"),
    ]
    assert faults(document) == [
        *document_faults(document),
        *session_faults(document),
        *change_faults(document),
    ]


SIX_TIMES_FOUR_HOURS = [{"kind": "content", "asset": "a", "duration_s": 14_400}] * 6


@pytest.mark.parametrize(
    ("document", "field", "told_en"),
    [
        (
            programme(holidays=["2200-01-01"]),
            "holidays",
            "the day 2200-01-01 is not between 1970-01-01 and 2199-12-31",
        ),
        (
            programme(session(), session(at="09:00")),
            "sessions[1].id",
            "sang is used before; give every session its own id",
        ),
        (
            programme(session(valid_until="2025-12-31")),
            "sessions[0].valid_from",
            "the session has no day within those of the programme, 2026-01-01 to 2199-12-31",
        ),
        (
            programme(session(valid_until="2025-12-31"), valid_until="2026-01-01"),
            "sessions[0].valid_from",
            "the session has no day within those of the programme, 2026-01-01 to 2026-01-01",
        ),
        (
            programme(session(weekdays=["mon"], dates=["2026-01-05"])),
            "sessions[0].dates",
            "only one of weekdays, rrule, lunar and dates may be named; here are weekdays, dates",
        ),
        (
            programme(session(dates=["2026-01-01"], segments=[*SIX_TIMES_FOUR_HOURS, MINUTE])),
            "sessions[0].segments",
            "the session takes 1 day, 0:01:00, more than 24 hours",
        ),
        (
            programme(session(segments=[{"kind": "chime", "name": "gong"}])),
            "sessions[0].segments[0].name",
            "there is no chime gong; choose one of opening, closing, attention",
        ),
        (
            programme(changes=[{"session": "toi", "occurrence": "2026-01-01T05:00"}]),
            "changes[0].session",
            "the programme has no session toi",
        ),
        (
            programme(changes=[{"session": "sang", "occurrence": "2026-01-01T05:00"}] * 2),
            "changes[1].occurrence",
            "sang at 2026-01-01T05:00 is changed before",
        ),
        (
            programme(changes=[{"session": "sang", "occurrence": "2026-02-30T05:00"}]),
            "changes[0].occurrence",
            "2026-02-30T05:00 is not a day and time that exists",
        ),
    ],
)
def test_a_fault_names_what_it_found(document, field, told_en) -> None:
    assert [(one.field, one.en) for one in faults(document)] == [(field, told_en)]


def test_a_fault_of_a_rule_or_a_time_says_what_is_wrong_with_it() -> None:
    rule, wall = faults(
        programme(session(rrule="FREQ=DAILY;COUNT=0"), changes=[{"session": "sang", "occurrence": "2026-02-30T05:00"}])
    )

    assert rule.en == "the number of repetitions cannot be used: COUNT=0 is not between 1 and 10000"
    assert wall.vi == "2026-02-30T05:00 không phải là ngày giờ có thật"


def test_a_rule_of_the_first_and_the_last_day_there_is_and_one_that_ends_in_utc_are_asked_too() -> None:
    never = session(rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")

    assert marks(programme(never, valid_from="1970-01-01")) == [("sessions[0].rrule", "rrule_never")]
    assert marks(programme(never, valid_from="2199-12-31")) == [("sessions[0].rrule", "rrule_never")]
    for end, expected in (("20251231T220000Z", []), ("20251231T215959Z", [("sessions[0].rrule", "rrule_never")])):
        assert marks(programme(session(rrule=f"FREQ=DAILY;UNTIL={end}"))) == expected


def test_faults_speak_vietnamese_and_english_with_their_figures() -> None:
    reversed_days, unknown = faults(programme(valid_until="2025-12-31", zone="Mars/Olympus"))[::-1]

    assert unknown == Fault(
        "zone",
        "zone_unknown",
        "không có múi giờ Mars/Olympus; hãy dùng tên như Asia/Ho_Chi_Minh",
        "there is no time zone Mars/Olympus; use a name such as Asia/Ho_Chi_Minh",
    )
    assert reversed_days == Fault(
        "valid_until",
        "days_reversed",
        "ngày cuối 2025-12-31 đứng trước ngày đầu 2026-01-01",
        "the last day 2025-12-31 is before the first 2026-01-01",
    )


@pytest.mark.parametrize("code", TEXTS)
def test_both_languages_of_a_fault_give_the_same_figures(code) -> None:
    import string

    vi, en = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in TEXTS[code])

    assert vi == en
    assert fault("x", code, **dict.fromkeys(vi, 1)).code == code


# Clashes


def long(name: str, at: str, minutes: int, **fields):
    return session(name, at, segments=[{"kind": "content", "asset": "a1", "duration_s": minutes * 60}], **fields)


def test_sessions_that_sound_at_once_somewhere_clash_once_per_pair() -> None:
    document = programme(long("a", "05:00", 30), long("b", "05:29", 30))

    assert faults(document) == [
        fault(
            "sessions[1].at",
            "sessions_clash",
            earlier=f"“{document.sessions[0].title}”",
            later=f"“{document.sessions[1].title}”",
            until="05:30 01/01/2026",
            at="05:29 01/01/2026",
        )
    ]


def test_sessions_one_after_the_other_do_not_clash() -> None:
    assert faults(programme(long("a", "05:00", 30), long("b", "05:30", 30), long("c", "06:00", 1))) == []


def test_three_sessions_at_once_are_three_pairs() -> None:
    document = programme(long("c", "05:20", 30), long("a", "05:00", 60), long("b", "05:10", 30))

    assert [
        (one.field, one.en.split("“Buổi ")[1][:1], one.en.split("over “Buổi ")[1][:1]) for one in faults(document)
    ] == [
        ("sessions[2].at", "a", "b"),
        ("sessions[0].at", "a", "c"),
        ("sessions[0].at", "b", "c"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ({}, {"to": ["u-xa-an-binh"]}, True),
        ({"to": ["g-a"]}, {"to": ["g-b"]}, False),
        ({"to": ["g-a", "g-b"]}, {"to": ["g-b", "g-c"]}, True),
        ({}, {"to": ["g-a"]}, False),
        ({"weekdays": ["mon"]}, {"weekdays": ["tue"]}, False),
        ({"weekdays": ["mon"]}, {"weekdays": ["tue", "mon"]}, True),
        ({"weekdays": ["mon"]}, {"lunar": {"days": [1], "months": [11]}}, False),
        ({"lunar": {"days": [1]}}, {"lunar": {"days": [1], "months": [11]}}, True),
        ({"rrule": "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31"}, {}, True),
        ({"valid_until": "2026-06-30"}, {"valid_from": "2026-07-01"}, False),
        ({"valid_until": "2028-06-30"}, {"valid_from": "2028-06-30"}, True),
        ({"on_holiday": "skip"}, {"on_holiday": "only"}, False),
        ({"on_holiday": "only"}, {}, True),
    ],
)
def test_sessions_clash_where_days_and_targets_meet(first, second, clash) -> None:
    document = programme(long("a", "05:00", 10, **first), long("b", "05:05", 10, **second))

    found = marks(document)

    assert found == ([("sessions[1].at", "sessions_clash")] if clash else [])


def test_a_session_may_go_on_past_midnight_and_clashes_there() -> None:
    late = long("a", "23:50", 20)

    assert faults(programme(late)) == []
    assert marks(programme(late, long("b", "00:10", 5))) == []
    assert marks(programme(late, long("b", "00:09", 5))) == [("sessions[1].at", "sessions_clash")]


def test_a_session_that_is_longer_than_its_own_interval_clashes_with_itself() -> None:
    assert marks(programme(long("a", "05:00", 61, rrule="FREQ=HOURLY"))) == [("sessions[0].at", "sessions_clash")]
    assert marks(programme(long("a", "05:00", 60, rrule="FREQ=HOURLY"))) == []


def test_a_planned_length_is_kept_free_too() -> None:
    assert marks(programme(session("a", length_s=1800), session("b", "05:29"))) == [
        ("sessions[1].at", "sessions_clash")
    ]


def test_an_occurrence_moved_onto_another_session_clashes_at_its_change() -> None:
    def moved(start: str, **more):
        return programme(
            long("a", "05:00", 10),
            long("b", "17:00", 10),
            changes=[
                {"session": "b", "occurrence": "2030-01-01T17:00", "title": "khác"},
                {"session": "a", "occurrence": "2030-01-02T05:00", "start": start, **more},
            ],
        )

    assert marks(moved("2030-01-02T17:09")) == [("changes[1]", "sessions_clash")]
    assert marks(moved("2030-01-02T16:51")) == [("changes[1]", "sessions_clash")]
    assert marks(moved("2030-01-02T16:50")) == []
    assert marks(moved("2030-01-02T17:10")) == []


def test_a_change_of_segments_that_makes_one_occurrence_too_long_clashes_at_its_change() -> None:
    longer = [{"kind": "content", "asset": "a1", "duration_s": 660}]
    document = programme(
        long("a", "05:00", 10),
        long("b", "05:10", 10),
        changes=[{"session": "a", "occurrence": "2031-05-05T05:00", "segments": longer}],
    )

    assert marks(document) == [("changes[0]", "sessions_clash")]


def test_a_cancelled_occurrence_clashes_with_nothing() -> None:
    document = programme(
        long("a", "05:00", 10, dates=["2026-03-01"]),
        long("b", "05:05", 10),
        changes=[{"session": "b", "occurrence": "2026-03-01T05:05", "cancel": True}],
    )

    assert faults(document) == []


def test_clashes_are_looked_for_as_far_as_400_days_and_on_every_day_that_is_named() -> None:
    def one_day(day: str, **more):
        return programme(long("a", "05:00", 10), long("b", "05:05", 10, **{"dates": [day], **more}))

    assert marks(one_day("2027-02-04")) == [("sessions[1].at", "sessions_clash")]
    assert marks(one_day("2099-02-05")) == [("sessions[1].at", "sessions_clash")]
    assert marks(one_day("2026-01-01", dates=[], weekdays=["mon"], also=["2099-02-05"])) != []
    far = programme(
        long("a", "23:50", 20, valid_from="2027-02-04", rrule="FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=4"),
        long("b", "00:05", 10, dates=["2031-02-05"]),
    )
    assert marks(far) == [("sessions[1].at", "sessions_clash")]


def test_crowded_programmes_are_looked_through_within_bounds(monkeypatch) -> None:
    asked = []
    crowded = [
        long(f"s{n}", f"00:{n:02}", 1, rrule=f"FREQ=HOURLY;BYMINUTE={n}", **{"except": ["2026-01-01"]})
        for n in range(48)
    ]
    monkeypatch.setattr(rules, "planned", lambda *given: asked.append(given[2]) or planned(*given))

    assert faults(programme(*crowded)) == []
    assert len(set(asked)) == 1, "one chunk of days has more than is looked through"
