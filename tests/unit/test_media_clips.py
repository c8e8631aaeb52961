"""Short clips joined in memory: order, pauses, lengths and refusals."""

import wave
from pathlib import Path

import numpy as np
import pytest

from controller.media.clips import join
from controller.media.joining import MAX_CLIP_MS, ClipRefused, Pause
from tests.fakes import media_corpus as corpus


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")


def test_chime_pause_and_speech_follow_each_other_exactly(tmp_path: Path) -> None:
    chime = corpus.wav(tmp_path / "chime.wav", corpus.tone(1, level=0.5))
    speech = corpus.wav(tmp_path / "speech.wav", corpus.noise(2, 16_000, 2), 16_000)

    duration_ms = join([chime, Pause(500), speech], tmp_path / "joined.wav")

    joined = samples(tmp_path / "joined.wav").astype(np.int32)
    assert duration_ms == 3500
    assert joined.size == 3.5 * 48_000
    assert np.abs(joined[480:47_520]).max() == pytest.approx(0.5 * 32767, rel=0.01)
    assert not joined[48_000:72_000].any()
    assert np.abs(joined[73_000:]).max() > 1000


def test_a_join_does_not_click(tmp_path: Path) -> None:
    loud = corpus.wav(tmp_path / "loud.wav", np.full((1, 48_000), 0.9, np.float32))

    join([loud, Pause(100), loud], tmp_path / "joined.wav")

    assert np.abs(np.diff(samples(tmp_path / "joined.wav").astype(np.int32))).max() < 1000


def test_a_clip_or_a_whole_longer_than_two_minutes_is_refused(tmp_path: Path) -> None:
    long = corpus.wav(tmp_path / "long.wav", corpus.tone(121, 8_000), 8_000)
    half = corpus.wav(tmp_path / "half.wav", corpus.tone(61, 8_000), 8_000)

    for parts in ([long], [half, half], [Pause(MAX_CLIP_MS + 1)], [Pause(-1)], []):
        with pytest.raises(ClipRefused):
            join(parts, tmp_path / "joined.wav")

    assert not (tmp_path / "joined.wav").exists()


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3 no wav at all" * 10])
def test_what_is_no_wav_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(data)

    with pytest.raises(ClipRefused):
        join([tmp_path / "a.wav"], tmp_path / "joined.wav")
