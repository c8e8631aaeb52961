"""Waits, locks and limits of sessions against plain statements of what they promise."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from controller.accounts import rules
from controller.accounts.rules import Failed, Limits, Times

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
PAUSES = st.lists(st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=30)), max_size=40)
SPANS = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=10))


@given(PAUSES)
def test_a_guesser_gets_few_answers_however_they_pace_them(pauses: list[timedelta]) -> None:
    """Of a whole day never more than the free ones, the doubling ones, and one each quarter of an hour."""
    now, failed, answered = NOW, None, []
    for pause in pauses:
        now += pause
        if rules.waits_until(failed, now) is None:
            failed = rules.after(failed, now)
            answered.append(now)

    for at in answered:
        that_day = [one for one in answered if at <= one < at + timedelta(hours=24)]
        assert len(that_day) <= rules.FREE_FAILURES + 5 + 24 * 4 + 1
    for earlier, later in zip(answered[rules.FREE_FAILURES - 1 :], answered[rules.FREE_FAILURES :], strict=False):
        in_a_row = [one for one in answered if one <= earlier]
        if all(b - a < rules.FORGOTTEN for a, b in pairwise(in_a_row)):
            assert later - earlier >= rules.FIRST_WAIT


@given(st.integers(0, 10_000))
def test_waits_only_grow_and_never_beyond_a_quarter_of_an_hour(count: int) -> None:
    assert rules.wait(count) <= rules.wait(count + 1) <= rules.LONGEST_WAIT
    assert (rules.wait(count) == timedelta()) == (count < rules.FREE_FAILURES)


@given(st.integers(1, 100), st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3)))
def test_what_is_asked_after_the_wait_is_looked_at(count: int, later: timedelta) -> None:
    failed = Failed(count, NOW)
    until = rules.waits_until(failed, NOW + later)

    assert until is None or (until > NOW + later and rules.waits_until(failed, until) is None)
    assert (until is None) == (later >= rules.wait(count))


@given(st.integers(1, 100), st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3)))
def test_failures_are_forgotten_after_a_day_and_not_before(count: int, later: timedelta) -> None:
    again = rules.after(Failed(count, NOW), NOW + later)

    assert again == Failed(1 if later >= rules.FORGOTTEN else count + 1, NOW + later)


@given(st.integers(0, 100), st.timedeltas(min_value=timedelta(), max_value=timedelta(days=999)))
def test_time_opens_no_locked_account(count: int, later: timedelta) -> None:
    assert rules.is_locked(Failed(count, NOW - later)) == (count >= rules.MOST_CODES)


@given(SPANS, SPANS, st.lists(SPANS, max_size=20))
def test_no_use_keeps_a_session_past_its_absolute_limit(
    idle: timedelta, absolute: timedelta, pauses: list[timedelta]
) -> None:
    limits, seen = Limits(idle, absolute), NOW
    for pause in pauses:
        now = seen + pause
        over = rules.is_over(Times(NOW, seen), limits, now)
        assert over == (pause >= idle or now - NOW >= absolute)
        if over:
            break
        seen = now

    assert rules.ends_at(Times(NOW, seen), limits) <= NOW + absolute
