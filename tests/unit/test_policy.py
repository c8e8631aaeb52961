"""The rules of the air, one by one, at the edges where people would quarrel."""

from datetime import UTC, date, datetime, timedelta

import pytest

from loa_protocol.documents.policy import Blackout, Policy, VolumeCap, Window
from loa_protocol.documents.trust import Ceilings, LegalHours
from loa_protocol.policy import (
    GRACE,
    HardLimits,
    Meter,
    PolicyInvalid,
    Violation,
    _cap,
    _hours_and_dates,
    daily_span,
    merge,
    midnight,
    zone,
)

MIDNIGHT = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)  # of Tuesday 3 November in Vietnam


def at(hour: int, minute: int = 0, second: float = 0, *, day: int = 0) -> datetime:
    """That local time on Tuesday, or `day` days later."""
    return MIDNIGHT + timedelta(days=day, hours=hour, minutes=minute, seconds=second)


def policy(scope: str = "u-xa", **rules: object) -> Policy:
    return Policy(scope=scope, version=1, issued=MIDNIGHT, expires=at(0, day=14), **rules)


def window(from_hour: int, to_hour: int, weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)) -> Window:
    return Window(from_minute=from_hour * 60, to_minute=to_hour * 60, weekdays=weekdays)


def test_both_of_two_merged_policies_must_allow() -> None:
    both = merge([policy(windows=(window(5, 7),))]) & merge(
        [policy("u-tinh", windows=(window(6, 8),))], Ceilings(max_volume=50)
    )

    assert both.allows(at(6), at(7)) is None
    assert both.allows(at(5), at(6)).scope == "u-tinh"
    assert both.volume_at(at(6), 60) == 50


def test_no_policy_allows_everything() -> None:
    assert merge([]).allows(at(3), at(4)) is None


def test_a_violation_tells_people_which_rule_and_whose() -> None:
    merged = merge([policy("u-tinh", windows=(window(5, 22),)), policy(windows=(window(5, 7), window(16, 18)))])

    assert merged.allows(at(6, 30), at(7, 30)) == Violation(
        "hours", "u-xa", "allowed only 05:00-07:00; 16:00-18:00 (Asia/Ho_Chi_Minh)", at(7)
    )


@pytest.mark.parametrize(
    ("begin", "end", "allowed"),
    [
        (at(5), at(7), True),
        (at(4, 59, 59.999), at(6), False),
        (at(6), at(7, 0, 2), True),
        (at(6), at(7, 0, 2.001), False),
        (at(7), at(7, 0, 1), False),
        (at(6, 59, 59), at(7, 0, 0.5), True),
        (at(6, 59, 59.999), at(7, 0, 1), True),
    ],
)
def test_the_end_may_overrun_by_the_grace_and_the_begin_by_nothing(
    begin: datetime, end: datetime, *, allowed: bool
) -> None:
    assert (merge([policy(windows=(window(5, 7),))]).allows(begin, end) is None) is allowed
    assert timedelta(seconds=2) == GRACE


def test_a_violation_names_the_weekdays_of_hours_that_are_not_every_days() -> None:
    merged = merge([policy(windows=(window(5, 7), window(16, 18, weekdays=(1, 7))))])

    assert merged.allows(at(17), at(18)).detail == (
        "allowed only 05:00-07:00; 16:00-18:00 on ISO weekdays 1,7 (Asia/Ho_Chi_Minh)"
    )


def test_of_two_violations_the_earlier_is_told_and_of_equal_ones_always_the_same() -> None:
    held = [policy("u-tinh", windows=(window(5, 7),)), policy(windows=(window(5, 6),)), policy("u-thon", windows=())]

    for order in (held, held[::-1]):
        assert merge(order).allows(at(5), at(8)).scope == "u-xa"
        assert merge(order).allows(at(3), at(4)).scope == "u-tinh"


def test_windows_that_touch_are_one_also_over_midnight() -> None:
    merged = merge([policy(windows=(window(20, 24), window(0, 2), window(2, 3)))])

    assert merged.allows(at(23), at(2, 59, day=1)) is None
    assert merged.allows(at(23), at(4, day=1)).at == at(3, day=1)


def test_a_window_over_midnight_belongs_to_the_weekday_on_which_it_opens() -> None:
    merged = merge([policy(windows=(window(22, 2, weekdays=(2,)),))])

    assert merged.allows(at(23), at(1, day=1)) is None
    assert merged.allows(at(1, day=1), at(1, 30, day=1)) is None
    assert merged.allows(at(23, day=1), at(23, 30, day=1)).rule == "hours"
    assert merged.allows(at(1), at(1, 30)).rule == "hours"


def test_an_empty_window_allows_nothing() -> None:
    assert merge([policy(windows=(window(5, 5),))]).allows(at(5), at(6)).at == at(5)


def test_another_time_zone_reads_its_own_clock() -> None:
    merged = merge([policy(timezone="Europe/Berlin", windows=(window(2, 3),))])

    assert merged.allows(at(8), at(9)) is None  # 02:00 in Berlin, winter time
    assert merged.allows(at(9), at(10)).rule == "hours"


def test_an_unknown_time_zone_is_refused() -> None:
    words = "^time zone 'Asia/Saigong' is unknown here: correct the policy or install tzdata$"
    with pytest.raises(PolicyInvalid, match=words):
        merge([policy(timezone="Asia/Saigong")])
    with pytest.raises(PolicyInvalid):
        merge([policy(timezone="../../etc/passwd")])


def test_a_blackout_lasts_from_its_first_to_its_last_local_midnight() -> None:
    exams = Blackout(first=date(2026, 11, 3), last=date(2026, 11, 4), title="thi")
    merged = merge([policy(blackouts=(exams,))])

    assert merged.allows(at(23, day=-1), at(0, 0, 2)) is None
    assert merged.allows(at(23, day=-1), at(1)) == Violation(
        "blackout", "u-xa", "blacked out from 2026-11-03 to 2026-11-04 (thi)", at(0)
    )
    assert merged.allows(at(23, 59, day=1), at(0, 30, day=2)).at == at(23, 59, day=1)
    assert merged.allows(at(0, day=2), at(1, day=2)) is None


def test_of_blackouts_the_one_that_comes_first_is_told_and_of_equal_ones_always_the_same() -> None:
    tet, fair = (Blackout(first=date(2026, 11, n), last=date(2026, 11, 9), title=t) for n, t in ((4, "tết"), (5, "a")))
    wake = Blackout(first=date(2026, 11, 4), last=date(2026, 11, 9))

    for order in ((tet, fair, wake), (wake, fair, tet)):
        merged = merge([policy(blackouts=order)])
        found = merged.allows(at(23), at(1, day=2))
        assert (found.at, found.detail) == (at(0, day=1), "blacked out from 2026-11-04 to 2026-11-09")


def test_days_before_1971_count_as_its_first() -> None:
    zone_name = "Asia/Ho_Chi_Minh"

    assert midnight(date.min, zone_name) == midnight(date(1971, 1, 1), zone_name)
    assert midnight(date(1971, 1, 2), zone_name) > midnight(date.min, zone_name)


def test_what_was_asked_is_kept_but_not_everything_for_ever() -> None:
    merged = merge([policy(windows=(window(5, 7),))])
    first = merged.allows(at(5), at(8))
    hits = _hours_and_dates.cache_info().hits

    assert merged.allows(at(5), at(8)) is first
    assert _hours_and_dates.cache_info().hits == hits + 1
    for remembers in (_hours_and_dates, _cap, zone, midnight, daily_span):
        assert remembers.cache_info().maxsize is not None


def test_an_instant_is_told_in_utc() -> None:
    merged = merge([policy(windows=(window(5, 7),), blackouts=(Blackout(first=date(2026, 11, 4), last=date.max),))])

    assert merged.allows(at(6), at(8)).at.tzinfo is UTC
    assert merged.allows(at(23, day=0), at(1, day=1)).at.tzinfo is UTC
    assert midnight(date(2026, 11, 3), "Asia/Ho_Chi_Minh").tzinfo is UTC
    assert daily_span(date(2026, 11, 3), 0, 1440, "Asia/Ho_Chi_Minh")[1].tzinfo is UTC


def test_a_blackout_may_last_for_all_the_time_there_is() -> None:
    merged = merge([policy(blackouts=(Blackout(first=date.min, last=date.max),))])

    assert merged.allows(at(5), at(6)).rule == "blackout"


def test_the_legal_hours_of_the_ceilings_hold_whatever_is_signed_below() -> None:
    ceilings = Ceilings(legal_hours=LegalHours(from_minute=360, to_minute=1260))

    violation = merge([policy(windows=(window(4, 23),))], ceilings).allows(at(5), at(6))
    assert violation == Violation("legal_hours", "ceilings", "allowed only 06:00-21:00 (Asia/Ho_Chi_Minh)", at(5))


def test_the_quietest_of_plan_caps_ceiling_and_profile_is_the_volume() -> None:
    night = VolumeCap(from_minute=21 * 60, to_minute=6 * 60, max_volume=30)
    dusk = VolumeCap(from_minute=18 * 60, to_minute=21 * 60 + 1, max_volume=70)
    merged = merge(
        [policy(volume_caps=(night, dusk)), policy("u-tinh", volume_caps=(dusk,))],
        Ceilings(max_volume=80),
        HardLimits(max_volume=90),
    )

    assert merged.volume_at(at(12), 100) == 80
    assert merged.volume_at(at(12), 60) == 60
    assert merged.volume_at(at(20, 59, 59), 60) == 60
    assert merged.volume_at(at(20, 59, 59.999), 60) == 60
    assert merged.volume_at(at(21), 60) == 30
    assert merged.volume_at(at(5, 59), 60) == 30
    assert merged.volume_at(at(6), 60) == 60
    assert merged.volume_over(at(20, 30), at(21, 30), 60) == 30
    assert merged.volume_over(at(20, 30), at(21), 60) == 60
    assert merged.volume_over(at(20, 30), at(21, 30), 100, exempt=True) == 80


def test_of_caps_that_overlap_the_lowest_holds() -> None:
    caps = tuple(VolumeCap(from_minute=60 * n, to_minute=1440, max_volume=30 + (n * 7) % 20) for n in range(20))

    assert merge([policy(volume_caps=caps)]).volume_at(at(23), 100) == 30


def test_a_day_has_its_minutes_and_midnight_brings_new_ones() -> None:
    meter = Meter(merge([policy(max_minutes_a_day=45)]))
    meter.add(at(5), at(5, 30))

    assert meter.violation(at(17), at(17, 15)) is None
    assert meter.violation(at(17), at(17, 15, 2)) is None
    assert meter.violation(at(17), at(17, 16)).at == at(17, 15)
    assert meter.violation(at(17, day=1), at(17, 45, day=1)) is None
    meter.add(at(17), at(17, 10))
    assert meter.violation(at(18), at(18, 10)) == Violation(
        "minutes", "u-xa", "45 minutes a day are not enough on 2026-11-03", at(18, 5)
    )


def test_sound_over_midnight_counts_on_both_days() -> None:
    meter = Meter(merge([policy(max_minutes_a_day=20)]))
    meter.add(at(23, 50, day=-1), at(0, 10))

    assert meter.violation(at(5), at(5, 10)) is None
    assert meter.violation(at(5), at(5, 11)).at == at(5, 10)
    assert meter.violation(at(23, 30, day=1), at(0, 10, day=2)).at == at(23, 50, day=1)
    assert meter.violation(at(23, 40, day=2), at(0, 30, day=3)).at == at(0, 20, day=3)


def test_a_slot_ends_where_the_gap_is_long_enough() -> None:
    meter = Meter(merge([policy(max_slots_a_day=2)]))
    meter.add(at(5), at(5, 10))
    meter.add(at(5, 19), at(5, 25))
    meter.add(at(17), at(17, 10))

    assert meter.violation(at(17, 19), at(17, 25)) is None
    found = meter.violation(at(17, 21), at(17, 25))
    assert (found.rule, found.at) == ("slots", at(17, 21))
    assert meter.violation(at(17, 21), at(17, 25), continues=True) is None
    assert meter.violation(at(5, day=1), at(6, day=1)) is None


def test_of_the_slots_of_a_day_the_last_is_allowed_and_the_next_is_not() -> None:
    meter = Meter(merge([policy(max_slots_a_day=1)]))

    assert meter.violation(at(5), at(5, 10)) is None
    meter.add(at(5), at(5, 10))
    assert meter.violation(at(17), at(17, 10)) == Violation(
        "slots", "u-xa", "1 slots a day are used up on 2026-11-03", at(17)
    )


@pytest.mark.parametrize(("gap_ms", "second", "apart"), [(600_000, 602, True), (600_000, 601, False), (0, 2, True)])
def test_how_far_slots_are_apart_is_the_policys_to_say_and_slips_make_none(
    gap_ms: int, second: float, *, apart: bool
) -> None:
    meter = Meter(merge([policy(max_slots_a_day=1, slot_gap_ms=gap_ms)]))
    meter.add(at(5), at(5, 10))
    begin = at(5, 10, second)

    assert (meter.violation(begin, begin + timedelta(minutes=1)) is not None) is apart


def test_sound_over_midnight_takes_a_slot_of_both_days() -> None:
    meter = Meter(merge([policy(max_slots_a_day=1)]))
    meter.add(at(23, 50), at(0, 10, day=1))

    assert meter.violation(at(5, day=1), at(6, day=1)).rule == "slots"
    assert meter.violation(at(5, day=2), at(6, day=2)) is None


def test_sound_that_ends_at_midnight_takes_no_slot_of_the_day_that_begins() -> None:
    meter = Meter(merge([policy(max_slots_a_day=1)]))
    meter.add(at(23), at(24, day=1))

    assert meter.violation(at(5, day=2), at(6, day=2)) is None


def test_the_rest_of_something_needs_a_slot_of_the_day_it_runs_into() -> None:
    meter = Meter(merge([policy(max_slots_a_day=0)]))
    meter.add(at(23, 40), at(23, 50))

    assert meter.violation(at(23, 50), at(0, 10, day=1), continues=True).at == at(0, day=1)


def test_an_alert_between_two_halves_opens_no_slot_for_the_second() -> None:
    meter = Meter(merge([policy(max_slots_a_day=2)]))
    meter.add(at(5), at(5, 10))
    meter.add(at(5, 40), at(5, 50), continues=True)

    assert meter.violation(at(17), at(17, 10)) is None


def test_no_slots_means_silence() -> None:
    assert Meter(merge([policy(max_slots_a_day=0)])).violation(at(5), at(5, 1)).rule == "slots"
    assert Meter(merge([policy(max_minutes_a_day=0)])).violation(at(5), at(5, 1)).at == at(5)
