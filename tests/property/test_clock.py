"""A device never believes its clock more than it may."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loa_protocol.clock import DRIFT_PPM, DeviceClock, carried_over
from loa_protocol.documents.device import ClockState

FLOOR = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
S = 1_000_000_000


def _answered(round_trip_ms: int = 40) -> DeviceClock:
    received = 100 * S
    return DeviceClock(FLOOR).answered(sent_ns=received - round_trip_ms * 1_000_000, received_ns=received, now=NOW)


def test_without_an_answer_the_clock_is_untrusted_and_plays_nothing() -> None:
    reading = DeviceClock(FLOOR).read(5 * S)

    assert reading.state is ClockState.UNTRUSTED
    assert not reading.schedules_play


@given(st.integers(0, 4000), st.integers(0, 86_399))
def test_the_error_is_half_the_round_trip_and_grows_with_the_age(round_trip_ms: int, age_s: int) -> None:
    reading = _answered(round_trip_ms).read(100 * S + age_s * S)

    assert reading.error_ms is not None
    assert abs(reading.error_ms - (round_trip_ms / 2 + age_s * DRIFT_PPM / 1000)) <= 2
    assert reading.schedules_play


@given(st.integers(4001, 10_000_000))
def test_an_answer_slower_than_four_seconds_is_discarded(round_trip_ms: int) -> None:
    assert _answered(round_trip_ms).discipline is None


def test_a_day_without_answers_makes_the_clock_plausible_and_a_week_unplayable() -> None:
    clock = _answered()

    assert clock.read(100 * S + 86_401 * S).state is ClockState.PLAUSIBLE
    assert not clock.read(100 * S + 8 * 86_400 * S).schedules_play


def test_a_worse_answer_does_not_replace_a_better_one() -> None:
    good = _answered(10)

    after = good.answered(sent_ns=101 * S, received_ns=104 * S, now=NOW + timedelta(seconds=2))

    assert after == good


@given(st.integers(1, 5000))
def test_an_untrusted_clock_rises_by_at_most_400_days(days: int) -> None:
    raised = DeviceClock(FLOOR).raised(FLOOR + timedelta(days=days))

    assert raised.floor == (FLOOR + timedelta(days=days) if days <= 400 else FLOOR)


def test_a_clock_that_stands_before_what_was_saved_is_not_carried_over() -> None:
    saved = {"saved_utc": NOW, "saved_error_ms": 20.0, "mono_ns": 0, "source": "rtc"}

    assert carried_over(wall_now=NOW - timedelta(seconds=1), **saved) is None  # type: ignore[arg-type]
    assert carried_over(wall_now=NOW + timedelta(days=1), **saved) is not None  # type: ignore[arg-type]


def test_a_carried_clock_is_plausible_at_best() -> None:
    basis = carried_over(saved_utc=NOW, saved_error_ms=20, wall_now=NOW, mono_ns=0, source="rtc")

    assert DeviceClock(FLOOR, basis).read(S).state is ClockState.PLAUSIBLE
