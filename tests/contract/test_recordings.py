"""Recordings of browsers, both backends: taken in whole without a duration, and cut off told or refused."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.media.encode import decode
from controller.media.errors import MediaError
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import IntakeProfile, IntakeResult
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import browser_recordings as browsers
from tests.fakes import media_corpus as corpus

ALONE = replace(IntakeProfile(), renditions=("opus",))
SECONDS = 7
MAKERS: dict[str, Callable[[Path, corpus.Signal], Path]] = {
    "chromium": browsers.chromium,
    "safari": browsers.safari,
    "safari, one fragment": lambda path, signal: browsers.safari(path, signal, fragment_ms=60_000),
}


async def by_both(source: Path, folder: Path) -> tuple[IntakeResult, IntakeResult]:
    return await asyncio.gather(
        PyAvIntake().probe_and_encode(source, folder / "pyav", ALONE),
        FfmpegIntake().probe_and_encode(source, folder / "ffmpeg", ALONE),
    )


def counted(seconds: int = SECONDS) -> corpus.Signal:
    """Stereo; every second has a pitch of its own, so that it is told which seconds are there."""
    time_s = np.arange(seconds * 48_000) / 48_000
    wave = 0.2 * np.sin(2 * np.pi * (400 + 200 * np.floor(time_s)) * time_s)
    return np.stack([wave, wave]).astype(np.float32)


def seconds_heard(path: Path) -> list[int]:
    """The seconds of `counted` that are in a sound, by their pitch."""
    sound = np.concatenate(list(decode(path)))
    whole = [sound[at + 9_600 : at + 38_400] for at in range(0, sound.size - 38_400, 48_000)]
    pitch_hz = [np.argmax(np.abs(np.fft.rfft(one * np.hanning(one.size)))) * 48_000 / one.size for one in whole]
    return [round((one - 400) / 200) for one in pitch_hz]


@pytest.mark.parametrize("browser", ["chromium", "safari"])
async def test_a_browser_s_recording_is_taken_in_whole(browser: str, tmp_path: Path) -> None:
    source = MAKERS[browser](tmp_path / "thu", counted())

    for result in await by_both(source, tmp_path):
        assert result.source.channels == 2
        assert result.duration_ms == pytest.approx(1000 * SECONDS, abs=80)
        assert result.findings == () or {one.code for one in result.findings} <= {"limited", "noisy"}
        assert seconds_heard(result.renditions[0].path) == list(range(SECONDS))
        assert result.renditions[0].loudness_lufs == pytest.approx(-16, abs=1)


@pytest.mark.parametrize("browser", MAKERS)
async def test_a_recording_cut_in_the_middle_is_taken_in_and_told(browser: str, tmp_path: Path) -> None:
    source = corpus.cut(MAKERS[browser](tmp_path / "thu", counted()), 0.6)

    for result in await by_both(source, tmp_path):
        found = {one.code: one.value for one in result.findings}
        assert found["cut_off"] > 0
        assert "shorter_than_declared" not in found
        assert result.duration_ms == pytest.approx(600 * SECONDS, rel=0.1)
        assert seconds_heard(result.renditions[0].path)[:3] == [0, 1, 2]


@pytest.mark.parametrize("browser", ["chromium", "safari"])
@pytest.mark.parametrize("kept", [6, 0.002], ids=["a few bytes", "its head alone"])
async def test_of_a_recording_without_sound_the_refusal_is_clear(browser: str, kept: float, tmp_path: Path) -> None:
    whole = MAKERS[browser](tmp_path / "thu", counted(2)).read_bytes()
    source = tmp_path / "cut"
    source.write_bytes(whole[: int(kept if kept >= 1 else max(600, kept * len(whole)))])

    refused = await asyncio.gather(
        *(kind().probe_and_encode(source, tmp_path / kind.__name__, ALONE) for kind in (PyAvIntake, FfmpegIntake)),
        return_exceptions=True,
    )

    assert all(isinstance(one, MediaError) for one in refused), refused
    codes = {getattr(one, "code", None) for one in refused}
    assert len(codes) == 1
    assert codes <= {"media_unreadable", "media_empty", "media_too_short", "media_no_audio", "media_format_refused"}


async def test_a_recording_that_declares_more_than_it_holds_is_refused_as_any_file(tmp_path: Path) -> None:
    source = corpus.cut(browsers.chromium(tmp_path / "thu", counted(), duration_ms=1000 * SECONDS), 0.5)

    refused = await asyncio.gather(
        *(kind().probe_and_encode(source, tmp_path / kind.__name__, ALONE) for kind in (PyAvIntake, FfmpegIntake)),
        return_exceptions=True,
    )

    assert [getattr(one, "code", None) for one in refused] == ["media_truncated"] * 2
