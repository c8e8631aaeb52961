"""Wishes as data: when two are the same, what they ask of the intake; and that everything is told in words."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.media import words
from controller.media.errors import BY_CODE, MediaTimeout
from controller.media.intake import DEFAULT_PROFILE, FindingCode, SpeechFilter, Treatment
from controller.media.joining import ChimeNotKnown
from controller.media.levels import Outline
from controller.media.rules import outline_findings
from controller.media.wishes import IntakeWishes, SoundProfile, WishRefused, understood

CHIMES = st.sampled_from([None, "chime:opening", "chime:closing", "asset:0197-a"])
WISHES = st.builds(
    IntakeWishes,
    trim=st.booleans(),
    horn=st.booleans(),
    profile=st.sampled_from(SoundProfile),
    before=CHIMES,
    after=CHIMES,
    repeats=st.integers(1, 20),
    gap_ms=st.integers(0, 60_000),
    loudness_lufs=st.floats(-30, -10),
    true_peak_dbtp=st.floats(-9, -1),
    high_pass_hz=st.integers(80, 500),
    presence_db=st.floats(0, 9),
    speech_bits_per_s=st.integers(16_000, 32_000),
)


def test_no_wish_has_no_key_and_asks_for_what_every_sound_gets() -> None:
    assert IntakeWishes().key() == ""
    assert IntakeWishes().told() == {}
    assert IntakeWishes().intake_profile() == DEFAULT_PROFILE


@given(WISHES)
def test_wishes_told_and_understood_ask_for_the_same(wishes: IntakeWishes) -> None:
    again = understood(wishes.told())

    assert again.key() == wishes.key()
    assert again.told() == wishes.told()
    asked, meant = again.intake_profile(), wishes.intake_profile()
    assert replace(asked, treatment=Treatment()) == replace(meant, treatment=Treatment())
    assert replace(asked.treatment, gap_ms=0) == replace(meant.treatment, gap_ms=0)


@given(WISHES, WISHES)
def test_wishes_have_one_key_only_if_they_ask_for_the_same(one: IntakeWishes, other: IntakeWishes) -> None:
    assert (one.key() == other.key()) == (one.told() == other.told())


@pytest.mark.parametrize(
    "wishes",
    [
        IntakeWishes(high_pass_hz=300, presence_db=6.0),
        IntakeWishes(gap_ms=500),
        IntakeWishes(loudness_lufs=-16),
    ],
    ids=["figures of a filter that is off", "a gap without a repeat", "a whole number"],
)
def test_what_makes_no_difference_is_no_wish(wishes: IntakeWishes) -> None:
    assert wishes.key() == ""


def test_every_wish_reaches_the_intake() -> None:
    wishes = IntakeWishes(
        trim=True, horn=True, before="chime:opening", after="asset:a", repeats=3, gap_ms=400, high_pass_hz=200
    )

    asked = wishes.intake_profile()

    assert asked.treatment == Treatment(
        trim=True,
        speech_filter=SpeechFilter(200, 4.0),
        repeats=3,
        gap_ms=400,
        before="chime:opening",
        after="asset:a",
    )
    assert wishes.asset_ids() == ("a",)
    louder = IntakeWishes(loudness_lufs=-20, true_peak_dbtp=-3, profile=SoundProfile.MUSIC).intake_profile()
    assert (louder.target_lufs, louder.true_peak_most_dbtp, louder.limiter_dbfs) == (-20, -3, -4.5)
    assert (louder.opus_bits_per_s, louder.speech) == (64_000, False)


@pytest.mark.parametrize(
    "wish",
    [
        {"repeats": 0},
        {"repeats": 21},
        {"gap_ms": -1},
        {"loudness_lufs": -9.9},
        {"loudness_lufs": float("nan")},
        {"true_peak_dbtp": 0.0},
        {"speech_bits_per_s": 64_000},
        {"before": "gong"},
        {"before": "asset:../passwd"},
        {"after": "asset:"},
        {"after": f"asset:{'a' * 41}"},
    ],
    ids=str,
)
def test_a_wish_outside_its_bounds_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(WishRefused):
        IntakeWishes(**wish)  # type: ignore[arg-type]


def test_a_chime_that_nobody_knows_is_told_as_in_joining() -> None:
    with pytest.raises(ChimeNotKnown, match="known are attention, closing, opening"):
        IntakeWishes(before="chime:gong")


def test_every_finding_and_every_refusal_has_words_in_vietnamese() -> None:
    for code in get_args(FindingCode):
        said = words.of_finding(code, 1234.5)
        assert code not in said.vi, code
        assert said.vi != said.en
    for code in (*BY_CODE, MediaTimeout.code):
        assert words.of_refusal(code), code
    assert words.of_refusal("job_failed") is None
    assert words.of_finding("of_tomorrow", 3).vi == "of_tomorrow: 3"


def test_silence_is_told_from_where_it_is_worth_it() -> None:
    quiet = Outline(silent_start_ms=1_500, silent_end_ms=2_500, longest_pause_ms=5_000, above_background_db=11.9)
    clear = Outline(silent_start_ms=1_490, silent_end_ms=2_490, longest_pause_ms=4_990, above_background_db=12.0)
    music = replace(DEFAULT_PROFILE, speech=False)

    told = {one.code: one.value for one in outline_findings(quiet, None, DEFAULT_PROFILE)}
    cut = {one.code: one.value for one in outline_findings(quiet, (1_250, 0), music)}

    assert told == {"silence_at_start": 1_500, "silence_at_end": 2_500, "silence_inside": 5_000, "noisy": 11.9}
    assert cut == {"silence_inside": 5_000, "trimmed_start": 1_250}
    assert outline_findings(clear, None, DEFAULT_PROFILE) == []
