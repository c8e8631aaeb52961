"""When a device asks and for how much: never in the way of what comes anyway, never too often, never too much."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.content.asking import (
    CARRIES_BYTES_PER_S,
    GAPS,
    JITTER_S,
    JITTER_SOON_S,
    JITTER_URGENT_S,
    LEAST_CHUNKS,
    LONGEST_EVERY_S,
    QUIET_S,
    QUIET_URGENT_S,
    TAIL_S,
    WANT_EVERY_S,
    WANT_EVERY_URGENT_S,
    WANTS_URGENT,
    Patience,
    Window,
    jitter_s,
)
from loa_protocol.documents.device import LinkClass

LINKS = st.sampled_from(["fibre", "mobile", "narrow"])
CHUNK_BYTES = st.sampled_from([16_384 << k for k in range(5)])


def asks(patience: Patience, *, left_s: float, for_s: float, heard_s: tuple[float, ...] = ()) -> list[float]:
    """At which tenths of a second it asks, given when chunks come."""
    asked, comes = [], sorted(heard_s)
    for tenth in range(int(for_s * 10)):
        now_s = tenth / 10
        while comes and comes[0] <= now_s:
            patience.heard(0, comes.pop(0))
        if patience.may_ask(now_s, left_s, -1e9):
            patience.wanted(now_s)
            asked.append(now_s)
    return asked


@given(st.lists(st.floats(0.1, 60), max_size=40), st.sampled_from([10.0, 300.0, 90_000.0]))
def test_wants_keep_their_distance_and_never_fall_into_a_running_pass(heard: list[float], left_s: float) -> None:
    urgent = left_s < 60
    asked = asks(Patience(0.0, 0.0), left_s=left_s, for_s=60, heard_s=tuple(heard))

    gaps = [after - before for before, after in itertools.pairwise(asked)]
    early = gaps[:WANTS_URGENT] if urgent else []
    assert all(gap >= WANT_EVERY_URGENT_S - 0.01 for gap in early)
    assert all(gap >= WANT_EVERY_S - 0.01 for gap in gaps[len(early) :])
    quiet_s = QUIET_URGENT_S if urgent else QUIET_S
    for at_s in asked:
        assert not [one for one in heard if at_s - quiet_s + 0.01 < one <= at_s - 0.01]


def test_what_follows_the_last_chunk_is_still_to_come_until_a_longer_silence() -> None:
    patience = Patience(0.0, 0.0)
    assert patience.lost([0, 4, 9], 0.0) == (0, 4, 9)
    patience.heard(5, 10.0)

    assert patience.lost([0, 4, 9], 10.0 + TAIL_S - 0.1) == (0, 4)
    assert patience.lost([9], 10.0 + TAIL_S - 0.1) == ()
    assert patience.lost([0, 4, 9], 10.0 + TAIL_S) == (0, 4, 9)


def test_a_slow_pass_is_waited_for_as_long_as_its_pauses_promise_more() -> None:
    heard = tuple(second * 4.0 for second in range(1, 10))  # chunks of 256 KiB at 64 kB/s

    asked = asks(Patience(0.5, 0.0), left_s=30.0, for_s=60, heard_s=heard)

    assert next(at_s for at_s in asked if at_s > heard[1]) >= heard[-1] + GAPS * 4.0 - 0.1


def test_unanswered_wants_become_rare_unless_it_is_urgent() -> None:
    asked = asks(Patience(0.0, 0.0), left_s=9_000.0, for_s=400)
    gaps = [round(after - before) for before, after in itertools.pairwise(asked)]

    assert gaps == sorted(gaps)
    assert gaps[0] == WANT_EVERY_S
    assert gaps[-1] == LONGEST_EVERY_S
    assert len(asks(Patience(0.0, 0.0), left_s=30.0, for_s=60)) >= 12


@given(st.floats(0, 10**6), st.floats(0, 1))
def test_the_first_want_is_spread_the_wider_the_more_time_there_is(left_s: float, chance: float) -> None:
    held_s = jitter_s(left_s, chance)

    assert 0 <= held_s <= (JITTER_URGENT_S if left_s < 60 else JITTER_SOON_S if left_s < 600 else JITTER_S)


@given(LINKS, CHUNK_BYTES)
def test_a_want_names_no_more_than_the_link_carries_until_the_next(link: LinkClass, chunk_bytes: int) -> None:
    window = Window(link)
    named = window.of(range(5000), chunk_bytes)

    assert named == tuple(range(len(named)))
    carried = CARRIES_BYTES_PER_S[link] * WANT_EVERY_S
    assert len(named) >= 1
    assert len(named) <= LEAST_CHUNKS or len(named) * chunk_bytes <= carried
    assert window.alone == (link == "narrow")


@given(LINKS, CHUNK_BYTES, st.lists(st.booleans(), max_size=40))
def test_a_lag_shrinks_the_window_and_keeping_up_brings_it_back(
    link: LinkClass, chunk_bytes: int, lags: list[bool]
) -> None:
    window, full = Window(link), Window(link).chunks(chunk_bytes)
    for lag in lags:
        before = window.chunks(chunk_bytes)
        if lag:
            window.lagged()
            assert window.alone
            assert window.chunks(chunk_bytes) <= max(1, before // 2, min(before, LEAST_CHUNKS))
        else:
            window.kept_up(chunk_bytes)
            assert window.chunks(chunk_bytes) >= before
        assert 1 <= window.chunks(chunk_bytes) <= full
    for _ in range(12):
        window.kept_up(chunk_bytes)

    assert window.chunks(chunk_bytes) == full
    assert window.alone == (link == "narrow")
