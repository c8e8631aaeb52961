"""What is wished of a sound, both backends: trimmed, filtered for horns, repeated, between chimes, as music."""

import asyncio
import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from controller.media.backend import Backend
from controller.media.encode import decode
from controller.media.errors import MediaError
from controller.media.ffmpeg_backend import FfmpegBackend
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import IntakeProfile, IntakeResult, SpeechFilter
from controller.media.pyav_backend import PyAvBackend
from controller.media.pyav_intake import PyAvIntake
from controller.media.sound import Meter, frame
from controller.media.spool import blocks
from controller.media.wishes import IntakeWishes, SoundProfile
from loa_protocol.documents.plan import CHIME_MS
from tests.fakes import media_corpus as corpus
from tests.fakes import talk

RATE_HZ = 48_000
KINDS = (PyAvIntake, FfmpegIntake)


def alone(wishes: IntakeWishes) -> IntakeProfile:
    return replace(wishes.intake_profile(), renditions=("opus",))


async def by_both(source: Path, folder: Path, profile: IntakeProfile) -> list[IntakeResult]:
    return await asyncio.gather(*(kind().probe_and_encode(source, folder / kind.__name__, profile) for kind in KINDS))


async def refusals(source: Path, folder: Path, profile: IntakeProfile) -> list[str]:
    """The codes; nothing is left of the job."""
    found = await asyncio.gather(
        *(kind().probe_and_encode(source, folder / kind.__name__, profile) for kind in KINDS), return_exceptions=True
    )
    assert all(isinstance(one, MediaError) for one in found), found
    assert not any((folder / kind.__name__).exists() for kind in KINDS)
    return [one.code for one in found if isinstance(one, MediaError)]


def heard(result: IntakeResult) -> np.ndarray:
    return np.concatenate(list(decode(result.renditions[0].path)))


def recording(folder: Path, sound: np.ndarray) -> Path:
    return corpus.wav(folder / "thu.wav", sound.reshape(1, -1))


def found(result: IntakeResult) -> dict[str, float]:
    return {one.code: one.value for one in result.findings}


def envelope(sound: np.ndarray) -> np.ndarray:
    """RMS of every 10 ms."""
    return np.sqrt(np.square(sound[: sound.size // 480 * 480].reshape(-1, 480)).mean(axis=1))


def lufs(sound: np.ndarray) -> float:
    meter = Meter(true_peak=False)
    meter.add(frame(np.ascontiguousarray(sound, np.float32)))
    return meter.result()[0]


async def test_first_word_breath_and_tail_are_heard_after_trimming(tmp_path: Path) -> None:
    said = talk.spoken("Hôm nay trời mưa to.")
    breath = talk.breath(0.4, 20)
    whole = [breath, 0.1, said]
    source = recording(tmp_path, talk.recorded([2.5, *whole, 3.0], -60))

    for result in await by_both(source, tmp_path, alone(IntakeWishes(trim=True))):
        length_ms = 1000 * (said.size + breath.size) / RATE_HZ + 100
        assert result.duration_ms == pytest.approx(length_ms + 250 + 400, abs=120)
        assert found(result)["trimmed_start"] == pytest.approx(2250, abs=100)
        assert found(result)["trimmed_end"] == pytest.approx(2600, abs=50)
        sound, expected = envelope(heard(result)), envelope(talk.recorded(whole, -90))
        spectra = np.fft.rfft(sound, 2048) * np.conj(np.fft.rfft(expected, 2048))
        shift = int(np.argmax(np.fft.irfft(spectra)))
        assert 5 <= shift <= 40, "a margin before, and nothing of the beginning is missing"
        same = sound[shift : shift + expected.size]
        assert same.size == expected.size, "nothing of the tail is missing"
        for part in (slice(0, 40), slice(50, 80), slice(-30, None)):
            ratio_db = 20 * np.log10(same[part].mean() / expected[part].mean())
            whole_db = 20 * np.log10(same.mean() / expected.mean())
            assert ratio_db == pytest.approx(whole_db, abs=4), part


def backends(descriptor: int, folder: Path, stop: int) -> list[Backend]:
    programs = (shutil.which("ffmpeg") or "", shutil.which("ffprobe") or "")
    profile = IntakeProfile()
    return [PyAvBackend(descriptor, profile), FfmpegBackend(programs, descriptor, folder, profile, stop)]


def test_the_horn_filter_lets_through_what_carries_and_both_do_the_same(tmp_path: Path) -> None:
    impulse = np.zeros(2 * RATE_HZ + 7, np.float32)
    impulse[1000] = 0.5
    (tmp_path / "mono.f32").write_bytes(impulse.tobytes())
    stop, other = os.pipe()
    try:
        answers = []
        for n, backend in enumerate(backends(stop, tmp_path, stop)):
            backend.filter(tmp_path / "mono.f32", tmp_path / f"out{n}.f32", SpeechFilter(250, 4.0))
            answers.append(np.concatenate(list(blocks(tmp_path / f"out{n}.f32"))))
    finally:
        os.close(stop)
        os.close(other)

    for answer in answers:
        assert answer.size == impulse.size
        gain_db = 20 * np.log10(np.abs(np.fft.rfft(answer[1000:], RATE_HZ)) / 0.5 + 1e-9)
        assert [gain_db[hz] for hz in (60, 100)] == pytest.approx([-49, -32], abs=2)
        assert gain_db[250] == pytest.approx(-3, abs=0.5)
        assert [gain_db[hz] for hz in (500, 800)] == pytest.approx([0.3, 0.3], abs=0.5)
        assert gain_db[3000] == pytest.approx(4, abs=0.3)
        assert gain_db[12_000] == pytest.approx(0.3, abs=0.5)
    assert np.abs(answers[0] - answers[1]).max() < 1e-4


async def test_a_voice_filtered_for_horns_keeps_its_loudness_and_loses_the_hum(tmp_path: Path) -> None:
    voice = np.tile(talk.recorded([0.2, talk.spoken(talk.SENTENCES[5]), 0.2], -70), 2)
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(voice.size) / RATE_HZ) + 0.05
    source = recording(tmp_path, (voice + hum).astype(np.float32))

    for result in await by_both(source, tmp_path, alone(IntakeWishes(horn=True))):
        spectrum = np.abs(np.fft.rfft(heard(result), 1 << 19)) ** 2
        at = (1 << 19) / RATE_HZ
        hum_share = spectrum[int(95 * at) : int(105 * at)].sum() / spectrum.sum()
        assert hum_share < 0.01
        assert result.renditions[0].loudness_lufs == pytest.approx(-16, abs=1)
        assert result.duration_ms == pytest.approx(1000 * voice.size / RATE_HZ, abs=2)
        assert found(result)["dc_offset_removed"] == pytest.approx(0.05, abs=0.01)


async def test_what_the_horn_filter_leaves_nothing_of_is_refused(tmp_path: Path) -> None:
    hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(2 * RATE_HZ) / RATE_HZ)
    fade = np.minimum(1, np.minimum(np.arange(hum.size), np.arange(hum.size)[::-1]) / 20_000)
    source = recording(tmp_path, (hum * fade).astype(np.float32))

    assert await refusals(source, tmp_path, alone(IntakeWishes(horn=True))) == ["media_silent"] * 2


async def test_a_faint_voice_between_chimes_is_as_loud_as_they_are(tmp_path: Path) -> None:
    said = talk.recorded([talk.spoken(talk.SENTENCES[1])], -70, level=0.03)
    wishes = IntakeWishes(before="chime:opening", after="chime:attention", repeats=2, gap_ms=700)

    for result in await by_both(recording(tmp_path, said), tmp_path, alone(wishes)):
        lengths = [CHIME_MS["opening"], 300, 1000 * said.size / RATE_HZ, 700, 1000 * said.size / RATE_HZ, 300, 875]
        edges = [round(48 * ms) for ms in np.cumsum([0, *lengths])]
        sound = heard(result)
        parts = [sound[start:end] for start, end in pairwise(edges)]
        assert result.duration_ms == pytest.approx(sum(lengths), abs=3)
        rests = [20 * np.log10(np.sqrt(np.square(parts[n][1200:-1200]).mean()) + 1e-9) for n in (1, 3, 5)]
        assert max(rests) < -50
        assert [lufs(parts[n]) for n in (0, 2, 4, 6)] == pytest.approx([-16] * 4, abs=2.5)
        assert result.loudness_in_lufs < -40
        assert "very_quiet" in found(result)


async def test_a_sound_of_ours_is_a_chime_under_its_name(tmp_path: Path) -> None:
    jingle = corpus.encoded(tmp_path / "jingle.opus", corpus.tone(1.5, level=0.5), "libopus", "ogg")
    source = recording(tmp_path, corpus.noise(2)[0])
    profile = alone(IntakeWishes(after="asset:nhac-01"))

    for kind in KINDS:
        result = await kind().probe_and_encode(
            source, tmp_path / kind.__name__, profile, companions={"nhac-01": jingle}
        )

        assert result.duration_ms == pytest.approx(2000 + 300 + 1500, abs=20)
        ending = heard(result)[-60_000:]
        spectrum = np.abs(np.fft.rfft(ending * np.hanning(ending.size)))
        assert np.argmax(spectrum) * RATE_HZ / ending.size == pytest.approx(997, abs=3)


async def test_music_gets_more_bits_and_the_wished_levels_are_kept(tmp_path: Path) -> None:
    wishes = IntakeWishes(profile=SoundProfile.MUSIC, loudness_lufs=-20, true_peak_dbtp=-4)
    source = recording(tmp_path, corpus.noise(4)[0])

    for result in await by_both(source, tmp_path, wishes.intake_profile()):
        rates = [8000 * one.total_bytes / one.duration_ms for one in result.renditions]
        assert rates == pytest.approx([64_000, 96_000], rel=0.2)
        for one in result.renditions:
            assert one.loudness_lufs == pytest.approx(-20, abs=0.7)
            assert one.true_peak_dbtp <= -4
        assert "noisy" not in found(result)


async def test_a_sound_too_long_with_its_repeats_is_refused_before_it_is_written(tmp_path: Path) -> None:
    profile = replace(alone(IntakeWishes(repeats=20, gap_ms=10_000)), max_duration_s=60)

    assert await refusals(recording(tmp_path, corpus.noise(3)[0]), tmp_path, profile) == ["media_too_long"] * 2


async def test_both_find_noise_and_silence_inside(tmp_path: Path) -> None:
    said = talk.spoken(talk.SENTENCES[0])
    (tmp_path / "noisy").mkdir()
    (tmp_path / "gap").mkdir()
    noisy = recording(tmp_path / "noisy", talk.recorded([0.5, said, 0.5], -18))
    gap = recording(tmp_path / "gap", talk.recorded([said, 6.0, said], -70))

    in_noise = await by_both(noisy, tmp_path / "noisy", alone(IntakeWishes()))
    with_gap = await by_both(gap, tmp_path / "gap", alone(IntakeWishes()))

    assert [one.waveform.plausible() for one in (*in_noise, *with_gap)] == [True] * 4
    for result in in_noise:
        assert found(result)["noisy"] < 12
    for result in with_gap:
        assert found(result)["silence_inside"] == pytest.approx(6000, abs=100)
        assert not {"noisy", "silence_at_start", "silence_at_end"} & set(found(result))
    one, other = (np.array(result.waveform.lufs) for result in with_gap)
    assert np.abs(one - other).max() < 1
    assert with_gap[0].waveform.high == pytest.approx(with_gap[1].waveform.high, abs=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
async def test_repeats_need_no_more_memory_than_the_sound_once(
    kind: type[PyAvIntake | FfmpegIntake], tmp_path: Path
) -> None:
    spoken = np.resize(talk.recorded([talk.spoken(talk.SENTENCES[5]), 0.3], -60), 45 * RATE_HZ)
    source = recording(tmp_path, spoken)

    once = await kind().probe_and_encode(source, tmp_path / "once", alone(IntakeWishes(trim=True, horn=True)))
    often = await kind().probe_and_encode(source, tmp_path / "often", alone(IntakeWishes(horn=True, repeats=20)))

    assert often.duration_ms == 20 * 45_000
    assert often.peak_rss_bytes < 150 * 1024 * 1024
    assert often.peak_rss_bytes - once.peak_rss_bytes < 32 * 1024 * 1024
