"""A stream that nobody measured is brought near the loudness of everything else, slowly, and never too loud."""

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.relay.levelling import CEILING, Leveller, Limiter, Rider
from tests.fakes.player_sounds import speechlike

RATE_HZ = 48_000
DUAL_MONO_DB = 3.01


def levelled(samples):
    leveller = Leveller()
    return [sound for place in range(0, samples.size, 7000) for sound in leveller.push(samples[place : place + 7000])]


def joined(sounds):
    return np.concatenate([sound.samples for sound in sounds])


@pytest.mark.parametrize("level_db", [-8, 0, 6])
def test_speech_of_any_usual_level_comes_out_at_minus_16_lufs(level_db: float) -> None:
    speech = speechlike(12) * np.float32(10 ** (level_db / 20))

    sound = joined(levelled(speech))

    settled = sound[4 * RATE_HZ :].astype(np.float64)
    loudness = pyloudnorm.Meter(RATE_HZ).integrated_loudness(settled) + DUAL_MONO_DB
    assert loudness == pytest.approx(-16, abs=1)
    assert np.abs(sound).max() <= CEILING + 1e-6


def test_the_gain_stays_within_12_db_and_silence_is_not_pumped_up() -> None:
    hiss = np.random.default_rng(1).normal(0, 10 ** (-66 / 20), 4 * RATE_HZ).astype(np.float32)
    faint = speechlike(6) * np.float32(10 ** (-25 / 20))

    assert np.sqrt(np.mean(joined(levelled(hiss)) ** 2)) == pytest.approx(10 ** (-66 / 20), rel=0.05)
    gain_db = 20 * np.log10(np.abs(joined(levelled(faint))[RATE_HZ:]).max() / np.abs(faint[RATE_HZ:]).max())
    assert gain_db == pytest.approx(12, abs=0.1)


def test_a_settled_gain_moves_by_no_more_than_1_db_a_second() -> None:
    rider = Rider()
    for _ in range(30):
        rider.hear(-20)
    assert rider.gain_db == pytest.approx(4)

    gains = [rider.hear(-6) for _ in range(50)]

    assert np.diff([4, *gains]).min() == pytest.approx(-0.1)
    assert gains[9] > 2.9
    assert rider.hear(-90) == gains[-1]


def test_the_level_that_decides_on_silence_is_that_of_the_stream_before_any_gain() -> None:
    tone = (10 ** (-45 / 20) * np.sqrt(2) * np.sin(np.arange(2 * RATE_HZ) / 10)).astype(np.float32)

    levels = [sound.level_dbfs for sound in levelled(tone)]

    assert levels == pytest.approx([-45] * 20, abs=0.3)


@settings(max_examples=60)
@given(st.lists(st.floats(0, 8), min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_nothing_leaves_the_limiter_louder_than_its_ceiling_and_quiet_sound_is_left_alone(
    levels: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    blocks = [(level * rng.uniform(-1, 1, 4800)).astype(np.float32) for level in levels]
    limiter = Limiter()

    out = np.concatenate([limiter.push(block) for block in blocks])

    given_samples = np.concatenate(blocks)[: out.size]
    assert out.size == 4 * 4800 - 480
    assert np.abs(out).max() <= CEILING + 1e-6
    assert (np.abs(out) <= np.abs(given_samples) + 1e-6).all()
    if max(levels) <= CEILING:
        np.testing.assert_array_equal(out, given_samples)


def test_no_number_of_the_decoder_gets_through_that_is_none() -> None:
    wild = np.full(9600, np.nan, np.float32)
    wild[::2] = np.inf

    assert np.isfinite(joined(levelled(wild))).all()
