"""Silence at both ends goes; talk, its soft beginnings, its breath and its tail never do."""

from pathlib import Path

import numpy as np
import pytest

from controller.media.composing import MARGIN_AFTER_MS, MARGIN_BEFORE_MS, Piece, Trim, cut, pieces, rest, trim, write
from controller.media.contour import Contour, Gathering
from controller.media.spool import blocks
from controller.media.waveform import COLUMNS, LOUDNESS_COLUMNS, Waveform, svg, understood
from tests.fakes import talk

RATE_HZ = talk.RATE_HZ


def contour(sound: np.ndarray, size: int = 24_000) -> Contour:
    gathered = Gathering()
    for at in range(0, sound.size, size):
        gathered.add(sound[at : at + size])
    return gathered.contour()


def trimmed(sound: np.ndarray) -> Trim:
    return trim(contour(sound), sound.size)


def ms(samples: int) -> float:
    return 1000 * samples / RATE_HZ


@pytest.mark.parametrize("room_db", [-90, -60, -50, -40])
@pytest.mark.parametrize("text", talk.SENTENCES)
def test_real_talk_keeps_its_first_word_and_its_tail_and_loses_the_silence(text: str, room_db: float) -> None:
    said = talk.spoken(text)
    sound = talk.recorded([2.0, said, 3.0], room_db)

    kept = trimmed(sound)

    before_ms, after_ms = ms(2 * RATE_HZ - kept.start), ms(kept.end - 2 * RATE_HZ - said.size)
    assert 100 <= before_ms <= MARGIN_BEFORE_MS + 20
    assert 300 <= after_ms <= MARGIN_AFTER_MS + 20
    assert (kept.start_ms, kept.end_ms) == (ms(kept.start), pytest.approx(ms(sound.size - kept.end), abs=10))


@pytest.mark.parametrize("room_db", [-90, -60, -50])
def test_breath_before_the_first_word_stays(room_db: float) -> None:
    said = talk.spoken(talk.SENTENCES[0])
    sound = talk.recorded([2.0, talk.breath(0.5, 24), 0.15, said, 2.0], room_db)

    assert trimmed(sound).start <= 2 * RATE_HZ


@pytest.mark.parametrize("room_db", [-90, -60, -48])
def test_a_whispered_syllable_apart_from_the_talk_stays(room_db: float) -> None:
    said = talk.spoken(talk.SENTENCES[2])
    whisper = said[: RATE_HZ // 5] * np.float32(10 ** (-22 / 20))
    sound = talk.recorded([2.0, whisper, 0.6, said, 0.6, whisper, 2.0], room_db)

    kept = trimmed(sound)

    assert kept.start <= 2 * RATE_HZ
    assert kept.end >= sound.size - 2 * RATE_HZ


def test_a_click_is_no_talk() -> None:
    said = talk.spoken(talk.SENTENCES[1])
    sound = talk.recorded([0.5, talk.click(), 2.0, said, 2.0, talk.click(), 0.5], -60)

    kept = trimmed(sound)

    assert kept.start_ms > 2_000
    assert kept.end_ms > 2_000


@pytest.mark.parametrize("room_db", [-28, -20, -10])
def test_where_talk_and_noise_cannot_be_told_apart_nothing_is_cut(room_db: float) -> None:
    sound = talk.recorded([2.0, talk.spoken(talk.SENTENCES[3]), 2.0], room_db)

    assert trimmed(sound) == Trim(0, sound.size)


def test_an_offset_is_no_sound() -> None:
    sound = talk.recorded([2.0, talk.spoken(talk.SENTENCES[3]), 2.0], -60)

    assert trimmed(sound + np.float32(0.2)) == trimmed(sound)


def test_music_without_a_pause_is_left_as_it_is() -> None:
    sound = np.sin(np.arange(4 * RATE_HZ) / 20).astype(np.float32)

    assert trimmed(sound) == Trim(0, sound.size)


def test_the_outline_does_not_depend_on_how_the_sound_is_fed() -> None:
    sound = talk.recorded([0.5, talk.spoken(talk.SENTENCES[0]), 0.333], -50)

    one, other = contour(sound), contour(sound, 7_001)

    assert np.allclose(one.level_db, other.level_db, atol=0.01)
    assert np.array_equal(one.low, other.low)
    assert np.array_equal(one.high, other.high)


def test_a_cut_sound_is_what_was_kept_with_soft_new_ends(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 100_003).astype(np.float32) + np.float32(0.1)
    spool = tmp_path / "spool"
    spool.write_bytes(sound.tobytes())

    cut(spool, Trim(30_000, 90_000, 625, 208), 0.1, joined=False)

    left = np.concatenate(list(blocks(spool)))
    expected = sound[30_000:90_000] - np.float32(0.1)
    assert left.size == 60_000
    assert np.array_equal(left[480:-480], expected[480:-480])
    assert np.abs(left[[0, -1]]).max() < 0.002
    assert np.all(np.abs(left) <= np.abs(expected) + 1e-7)


def test_an_end_that_was_not_cut_stays_to_the_sample(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 50_001).astype(np.float32)
    (tmp_path / "spool").write_bytes(sound.tobytes())

    cut(tmp_path / "spool", Trim(0, sound.size), 0.0, joined=False)

    assert (tmp_path / "spool").read_bytes() == sound.tobytes()


def test_pieces_lie_in_their_order_to_the_sample(tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(np.full(30_000, 0.5, np.float32).tobytes())
    (tmp_path / "chime").write_bytes(np.full(480, 0.25, np.float32).tobytes())
    sound, chime = Piece(30_000, tmp_path / "sound"), Piece(480, tmp_path / "chime", 2.0)

    write(pieces(sound, 2, 1_000, chime, None), tmp_path / "whole")

    whole = np.concatenate(list(blocks(tmp_path / "whole")))
    lengths = (480, 14_400, 30_000, 48_000, 30_000)
    expected = np.repeat(np.array([0.5, 0, 0.5, 0, 0.5], np.float32), lengths)
    assert np.array_equal(whole, expected)
    assert sum(one.samples for one in pieces(sound, 2, 1_000, chime, None)) == whole.size
    assert rest(333).samples == 15_984


@pytest.mark.parametrize("seconds", [0.5, 3.0, 400.0])
def test_a_picture_is_as_small_for_any_length_and_comes_back_whole(seconds: float) -> None:
    sound = np.resize(talk.spoken(talk.SENTENCES[0]), round(seconds * RATE_HZ))
    lufs = [-20.0] * round(10 * seconds)

    picture = contour(sound).waveform(0.0, 3.0, 0.5, lufs)

    assert picture.plausible()
    assert len(picture.high) == min(COLUMNS, round(100 * seconds))
    assert len(picture.lufs) == min(LOUDNESS_COLUMNS, round(10 * seconds))
    assert max(picture.high) == 50
    assert understood(picture.told()) == picture
    assert len(svg(picture, round(1000 * seconds), -16)) < 12_000


def test_a_meter_that_says_nothing_of_silence_draws_silence() -> None:
    silence = np.zeros(RATE_HZ, np.float32)

    picture = contour(silence).waveform(0.0, 1.0, 1.0, [float("nan"), float("-inf"), -160.5, -20.0, 3.0])

    assert picture.lufs == (-60.0, -60.0, -60.0, -20.0, 0.0)
    assert picture.plausible()


@pytest.mark.parametrize(
    "picture",
    [
        Waveform((0,), (0, 0), ()),
        Waveform((-101,), (0,), ()),
        Waveform((0,) * (COLUMNS + 1), (0,) * (COLUMNS + 1), ()),
        Waveform((), (), (float("nan"),)),
        Waveform((), (), (-61.0,)),
        Waveform((), (), (-20.0,) * (LOUDNESS_COLUMNS + 1)),
    ],
)
def test_a_picture_that_intake_never_draws_is_seen(picture: Waveform) -> None:
    assert not picture.plausible()
