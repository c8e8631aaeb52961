"""What a real Chromium's microphone recorder hands over becomes a sound, whole or broken off in the middle."""

import wave
from pathlib import Path

import numpy as np
import pytest

from controller.media.encode import decode
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import IntakeProfile
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import chromium

RATE_HZ = 48_000
SECONDS = 5
BACKENDS = (PyAvIntake(), FfmpegIntake())


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    """Five seconds of a voice-like tone that climbs by 100 Hz a second, as the browser recorded it."""
    at = np.arange(SECONDS * 2 * RATE_HZ) / RATE_HZ
    tone = 0.4 * np.sin(2 * np.pi * (400 + 100 * np.floor(at)) * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))
    heard = tmp_path / "heard.wav"
    with wave.open(str(heard), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE_HZ)
        opened.writeframes((tone * 32767).astype("<i2").tobytes())
    path = tmp_path / "recording.webm"
    path.write_bytes(await chromium.record(heard, SECONDS))
    return path


async def test_a_recording_of_chromium_is_taken_in_whole_or_broken_off(recorded: Path, tmp_path: Path) -> None:
    half = _first_half(recorded)
    folders = {backend: tmp_path / type(backend).__name__ for backend in BACKENDS}
    profile = IntakeProfile()
    sounds = [await one.probe_and_encode(recorded, folder / "whole", profile) for one, folder in folders.items()]
    halves = [await one.probe_and_encode(half, folder / "half", profile) for one, folder in folders.items()]

    for sound in sounds:
        assert sound.duration_ms == pytest.approx(1000 * SECONDS, abs=700)
        assert _climbs(np.concatenate(list(decode(sound.renditions[0].path))))
    for sound in halves:
        assert sound.duration_ms == pytest.approx(500 * SECONDS, abs=900)


def _first_half(recorded: Path) -> Path:
    raw = recorded.read_bytes()
    half = recorded.with_name("half.webm")
    half.write_bytes(raw[: len(raw) // 2])
    return half


def _climbs(sound: np.ndarray) -> bool:
    """Whether the pitch climbs by about 100 Hz a second."""
    begins = range(RATE_HZ // 4, sound.size - RATE_HZ // 2, RATE_HZ // 2)
    windows = [sound[at : at + RATE_HZ // 4] for at in begins]
    pitch_hz = [np.argmax(np.abs(np.fft.rfft(one * np.hanning(one.size)))) * 4 for one in windows]
    slope_hz_s = np.polyfit(np.arange(len(pitch_hz)) / 2, pitch_hz, 1)[0]
    return bool(abs(slope_hz_s - 100) < 15)
