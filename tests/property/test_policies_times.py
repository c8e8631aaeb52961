"""The nearest allowed time: it is allowed, and none nearer is, minute by minute; open air is what the policy allows."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.policies.rules import joined
from controller.policies.times import REACH, Air, nearest, open_air
from loa_protocol.documents.policy import Blackout, Policy, Window
from loa_protocol.documents.trust import Ceilings, LegalHours
from loa_protocol.policy import EffectivePolicy, Meter, merge
from tests.property.timeline_world import END, T0

MINUTE = timedelta(minutes=1)
ordinary = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
zones = st.sampled_from(["Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh", "Asia/Kolkata", "Europe/Paris"])
hours = st.tuples(st.integers(0, 24), st.integers(1, 24)).map(lambda one: (60 * (one[0] % 24), 60 * one[1]))
weekdays = st.sampled_from([(1, 2, 3, 4, 5, 6, 7), (6, 7), (1, 3, 5), (2,)])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    windows = draw(st.lists(st.tuples(hours, weekdays), max_size=3))
    first = T0.date() + timedelta(days=draw(st.integers(-6, 6)))
    return Policy(
        scope=draw(st.sampled_from(["u-a", "u-b", "g-c"])),
        version=1,
        issued=T0,
        expires=END,
        timezone=draw(zones),
        windows=tuple(Window(from_minute=a, to_minute=b, weekdays=days) for (a, b), days in windows),
        max_slots_a_day=draw(st.none() | st.none() | st.integers(0, 4)),
        max_minutes_a_day=draw(st.none() | st.none() | st.integers(0, 240)),
        slot_gap_ms=draw(st.sampled_from([0, 600_000, 3_600_000])),
        blackouts=draw(st.just(()) | st.just((Blackout(first=first, last=first + timedelta(days=2)),))),
    )


ceilings = st.builds(Ceilings, legal_hours=st.none() | st.just(LegalHours(from_minute=300, to_minute=1320)))
rules = st.builds(merge, st.lists(policies(), max_size=2), ceilings)
starts = st.integers(-4 * 1440, 4 * 1440).map(lambda n: T0 + n * MINUTE)
lengths = st.integers(1, 200).map(lambda n: n * timedelta(seconds=30))


@st.composite
def busy(draw: st.DrawFn) -> tuple[tuple[datetime, datetime], ...]:
    found = []
    for day in range(-5, 5):
        for minute, length in draw(st.lists(st.tuples(st.integers(0, 95), st.integers(1, 6)), max_size=3)):
            begin = T0 + timedelta(days=day, minutes=15 * minute)
            second = timedelta(seconds=draw(st.sampled_from([0, 1, 58, 59])))
            found.append((begin, begin + 5 * length * MINUTE + second))
    return joined(sorted(found))


lags = st.sampled_from([0, 0, 20, 90]).map(lambda n: n * MINUTE)
airs = st.lists(st.builds(Air, rules, busy(), lags), min_size=1, max_size=2)


def suits(air: Air, start: datetime, length: timedelta) -> bool:
    """The same in the plainest words, over everything that sounds, with the devices' own meter."""
    if air.policy.allows(start, start + length) is not None:
        return False
    start += air.lag
    end = start + length
    if air.policy.allows(start, end) is not None or any(a < end and start < b for a, b in air.busy):
        return False
    for part in air.policy.parts:
        meter, days = Meter(EffectivePolicy(frozenset({part}))), set()
        at = start
        while at < end:
            days.add(_day(part.timezone, at))
            at += MINUTE
        days.add(_day(part.timezone, end - timedelta(milliseconds=1)))
        for span in sorted([*air.busy, (start, end)]):
            on_its_days = span[0] >= start and _day(part.timezone, span[0]) in days
            if on_its_days and meter.violation(*span) is not None:
                return False
            meter.add(*span)
    return True


def _day(timezone: str, at: datetime) -> object:
    from zoneinfo import ZoneInfo

    return at.astimezone(ZoneInfo(timezone)).date()


@given(rules, st.integers(0, 5 * 1440))
@ordinary
def test_open_air_is_what_hours_and_dates_allow(policy: EffectivePolicy, minute: int) -> None:
    begin, end = T0 - timedelta(days=2), T0 + timedelta(days=3)
    at = begin + minute * MINUTE

    spans = open_air(policy, begin, end)

    assert spans == sorted(spans)
    assert all(a < b for a, b in spans)
    inside = any(a <= at < b for a, b in spans)
    assert inside == (at < end and policy.allows(at, at + timedelta(milliseconds=1)) is None)
    for opens, closes in spans:
        assert policy.allows(opens, closes) is None


@given(st.builds(Air, rules, busy(), lags), starts, lengths)
@ordinary
def test_a_time_suits_as_the_devices_meter_says(air: Air, start: datetime, length: timedelta) -> None:
    assert air.suits(start, length) == suits(air, start, length)


asked = (airs, starts, lengths, st.integers(0, 59))


@given(*asked, st.integers(0, 2), st.integers(1, 2))
@settings(ordinary, max_examples=25)
def test_the_nearest_time_is_allowed_and_no_nearer_one_is(
    held: list[Air], start: datetime, length: timedelta, seconds: int, back: int, ahead: int
) -> None:
    _require_nearest(held, start + timedelta(seconds=seconds), length, timedelta(days=back), timedelta(days=ahead))


@pytest.mark.long
@given(*asked, st.integers(0, 9), st.none() | st.integers(0, 9))
@settings(ordinary, max_examples=250)
def test_the_nearest_time_is_the_nearest_of_two_weeks(
    held: list[Air], start: datetime, length: timedelta, seconds: int, back: int, ahead: int | None
) -> None:
    days = None if ahead is None else timedelta(days=ahead)
    _require_nearest(held, start + timedelta(seconds=seconds), length, timedelta(days=back), days)


def _require_nearest(
    held: list[Air], start: datetime, length: timedelta, back: timedelta, ahead: timedelta | None
) -> None:
    not_before, not_after = start - back, None if ahead is None else start + ahead

    found = nearest(held, start, length, not_before=not_before, not_after=not_after)

    whole = start.replace(second=0, microsecond=0)
    down = whole - MINUTE if whole == start else whole
    assert found.before == _first(held, length, down, -MINUTE, max(start - REACH, not_before))
    assert found.after == _first(held, length, whole + MINUTE, MINUTE, min(start + REACH, not_after or start + REACH))


def _first(held: list[Air], length: timedelta, at: datetime, step: timedelta, last: datetime) -> datetime | None:
    while (at >= last) if step < timedelta() else (at <= last):
        if all(air.suits(at, length) for air in held):
            return at
        at += step
    return None
