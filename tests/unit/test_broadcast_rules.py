"""Broadcasting's decisions that need nothing but what was asked."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.broadcasts.rules import Silence, silence_after

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
names = st.sampled_from([None, "lp-1", "lp-2"])
untils = st.integers(-60, 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
silences = st.builds(Silence, untils, names)


def silent(silence: Silence, broadcast: str, at: datetime) -> bool:
    return silence.broadcast_id in {None, broadcast} and at < silence.until


@given(silences, silences, untils)
def test_a_stop_silences_all_that_was_asked_whatever_stands(standing: Silence, asked: Silence, at: datetime) -> None:
    found = silence_after(standing, asked, now=NOW)

    for broadcast in ("lp-1", "lp-2", "lp-3"):
        assert not silent(asked, broadcast, at) or silent(found, broadcast, at)


@given(untils, silences, untils)
def test_a_later_stop_neither_shortens_nor_narrows_a_wide_one(until: datetime, asked: Silence, at: datetime) -> None:
    found = silence_after(Silence(until), asked, now=NOW)

    assert at < NOW or at >= until or silent(found, "lp-3", at)


@given(silences, silences)
def test_a_stop_that_is_over_changes_nothing(standing: Silence, asked: Silence) -> None:
    over = Silence(min(standing.until, NOW), standing.broadcast_id)

    assert silence_after(over, asked, now=NOW) == asked
    assert silence_after(None, asked, now=NOW) == asked


def test_a_wide_stop_of_this_moment_does_not_grow_by_the_stop_of_one_broadcast() -> None:
    one_for_an_hour = Silence(NOW + timedelta(hours=1), "lp-1")

    assert silence_after(one_for_an_hour, Silence(NOW), now=NOW) == Silence(NOW)
