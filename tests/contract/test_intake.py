"""Good input, both backends: the sound that went in comes out, at the wanted loudness, the same bytes every time.

Every container is taken in by the backend that is usual, the commonest by the other one too; with --long all by both.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from controller.media import rules
from controller.media.encode import decode
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import Intake, IntakeProfile, IntakeResult
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import media_corpus as corpus

PROFILE = IntakeProfile()
MIB = 1024 * 1024


ALONE = replace(PROFILE, renditions=("opus",))


@pytest.fixture(params=[PyAvIntake, FfmpegIntake], ids=["pyav", "ffmpeg"])
def intake(request: pytest.FixtureRequest) -> Intake:
    return request.param()


async def taken(intake: Intake, source: Path, job_dir: Path, profile: IntakeProfile = PROFILE) -> IntakeResult:
    return await intake.probe_and_encode(source, job_dir, profile)


async def by_both(source: Path, folder: Path, profile: IntakeProfile = PROFILE) -> tuple[IntakeResult, IntakeResult]:
    return await asyncio.gather(
        taken(PyAvIntake(), source, folder / "pyav", profile), taken(FfmpegIntake(), source, folder / "ffmpeg", profile)
    )


async def ebur128(path: Path) -> tuple[float, float]:
    """Integrated LUFS (dual mono) and true peak in dBTP by the ffmpeg program, which shares no code of ours."""
    program = shutil.which("ffmpeg")
    assert program is not None, "install ffmpeg (tests/system_packages.sh)"
    child = await asyncio.create_subprocess_exec(
        *(program, "-nostdin", "-hide_banner", "-nostats", "-i", str(path)),
        *("-af", "ebur128=peak=true:dualmono=true", "-f", "null", "-"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate()
    summary = said.decode().rpartition("Summary:")[2]
    loudness, peak = re.search(r"I:\s+(\S+) LUFS", summary), re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness is not None
    assert peak is not None
    return float(loudness[1]), float(peak[1])


def hot(folder: Path) -> Path:
    return corpus.wav(folder / "hot.wav", (corpus.noise(8, 44_100, 2) * 40).clip(-1, 1), 44_100)


def quiet(folder: Path) -> Path:
    return corpus.encoded(folder / "quiet.flac", corpus.noise(6, level=0.006), "flac", "flac")


def surround(folder: Path) -> Path:
    return corpus.encoded(folder / "six.flac", corpus.noise(4, 96_000, 6), "flac", "flac", 96_000)


def eight_channels(folder: Path) -> Path:
    return corpus.wav(folder / "eight.wav", corpus.noise(4, 16_000, 8), 16_000)


def telephone(folder: Path) -> Path:
    return corpus.wav(folder / "phone.wav", corpus.noise(5, 8_000, 1), 8_000)


def browser(folder: Path) -> Path:
    return corpus.encoded(folder / "recorded.webm", corpus.noise(5, 48_000, 2), "libopus", "webm")


def film(folder: Path) -> Path:
    return corpus.video(folder / "film.mp4", "mp4", corpus.noise(4))


def covered(folder: Path) -> Path:
    plain = corpus.encoded(folder / "plain.mp3", corpus.noise(5, 44_100, 2), "libmp3lame", "mp3", 44_100)
    return corpus.with_cover(folder / "cover.mp3", plain)


def talk(folder: Path) -> Path:
    return Path(shutil.copy(corpus.SPEECH, folder / "talk"))


KINDS = [talk, hot, quiet, surround, telephone, film]
RARER = [eight_channels, browser, covered]
"""Like one of the others to the meters: with --long."""


@pytest.mark.parametrize(
    "make", [*KINDS, *(pytest.param(make, marks=pytest.mark.long) for make in RARER)], ids=lambda make: make.__name__
)
async def test_both_backends_reach_the_target_by_another_meter_and_agree(make, tmp_path: Path) -> None:
    source = make(tmp_path)

    results = await by_both(source, tmp_path)

    for result in results:
        assert [one.codec for one in result.renditions] == ["opus", "mp3"]
        for one in result.renditions:
            loudness, peak = await ebur128(one.path)
            assert loudness == pytest.approx(-16.0, abs=1.0)
            assert loudness == pytest.approx(one.loudness_lufs, abs=0.1)
            assert peak == pytest.approx(one.true_peak_dbtp, abs=0.1)
            assert one.true_peak_dbtp <= -1.5
            assert abs(one.duration_ms - result.duration_ms) <= 5
    pyav, ffmpeg = results
    assert pyav.source == ffmpeg.source
    assert set(pyav.facts()["findings"]) == set(ffmpeg.facts()["findings"])
    assert pyav.duration_ms == pytest.approx(ffmpeg.duration_ms, abs=5)
    assert pyav.loudness_in_lufs == pytest.approx(ffmpeg.loudness_in_lufs, abs=0.1)
    assert pyav.loudness_lufs == pytest.approx(ffmpeg.loudness_lufs, abs=0.2)
    for one, other in zip(pyav.renditions, ffmpeg.renditions, strict=True):
        assert one.loudness_lufs == pytest.approx(other.loudness_lufs, abs=0.3)


CONTAINERS = {
    "mp3": ("libmp3lame", "mp3"),
    "wav": ("pcm_s16le", "wav"),
    "w64": ("pcm_s24le", "w64"),
    "ogg": ("libopus", "ogg"),
    "flac": ("flac", "flac"),
    "mov": ("aac", "mov"),
    "m4a": ("alac", "ipod"),
    "matroska": ("flac", "matroska"),
    "aac": ("aac", "adts"),
    "aiff": ("pcm_s16be", "aiff"),
    "caf": ("pcm_s16le", "caf"),
    "asf": ("wmav2", "asf"),
}


COMMON = frozenset({"mp3", "wav", "ogg", "m4a"})


async def _whole_by(backends: Sequence[Intake], name: str, folder: Path) -> None:
    source = corpus.encoded(folder / "named like nothing", corpus.noise(2, channels=2), *CONTAINERS[name])

    results = [await taken(backend, source, folder / f"job-{n}", ALONE) for n, backend in enumerate(backends)]

    for result in results:
        assert result.duration_ms == pytest.approx(2000, abs=150)
        assert result.source == results[0].source
        assert "damaged_packets" not in result.facts()["findings"]


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() - COMMON))
async def test_every_container_is_taken_in_whole(name: str, tmp_path: Path) -> None:
    await _whole_by([PyAvIntake()], name, tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in COMMON else pytest.mark.long) for name in CONTAINERS]
)
async def test_every_container_is_taken_in_whole_by_both(name: str, tmp_path: Path) -> None:
    await _whole_by([PyAvIntake(), FfmpegIntake()], name, tmp_path)


async def test_the_input_is_measured_as_the_other_meter_does(intake: Intake, tmp_path: Path) -> None:
    source = talk(tmp_path)

    result = await taken(intake, source, tmp_path / "job", ALONE)

    assert result.loudness_in_lufs == pytest.approx((await ebur128(source))[0], abs=0.1)


async def test_progress_goes_from_nothing_to_all_and_never_back(intake: Intake, tmp_path: Path) -> None:
    shares: list[float] = []

    await intake.probe_and_encode(talk(tmp_path), tmp_path / "job", ALONE, shares.append)

    assert shares == sorted(set(shares))
    assert shares[0] < 0.5
    assert shares[-1] == 1.0
    assert len(shares) > 3


async def test_a_cancelled_sound_leaves_neither_process_nor_file(intake: Intake, tmp_path: Path) -> None:
    spoken = np.concatenate(list(decode(corpus.SPEECH)))
    source = corpus.wav(tmp_path / "a.wav", np.resize(spoken, 90 * 48_000).reshape(1, -1))
    at_work, others = asyncio.Event(), children()
    job = asyncio.create_task(
        intake.probe_and_encode(source, tmp_path / "job", PROFILE, lambda share: share > 0.2 and at_work.set())
    )
    await at_work.wait()

    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert not (tmp_path / "job").exists()
    assert children() <= others


def children() -> set[str]:
    """The processes that this one started and that still run; another test's database may be one."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {pid for pid in found if "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]}


async def test_the_renditions_are_48_khz_mono_opus_and_mp3_at_their_rates(intake: Intake, tmp_path: Path) -> None:
    result = await taken(intake, talk(tmp_path), tmp_path / "job")

    for one, name, bits_per_s in zip(result.renditions, ("opus", "mp3float"), (24_000, 64_000), strict=True):
        with av.open(str(one.path)) as container:
            context = container.streams.audio[0].codec_context
            assert (context.name, context.sample_rate, context.layout.name) == (name, 48_000, "mono")
        assert 8000 * one.total_bytes / one.duration_ms == pytest.approx(bits_per_s, rel=0.25)
        assert one.path.stat().st_size == one.total_bytes
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == ["sound.mp3", "sound.opus"]


async def test_the_sound_is_the_one_that_went_in_and_starts_when_it_did(intake: Intake, tmp_path: Path) -> None:
    signal = np.concatenate([np.zeros(30_000, np.float32), *decode(corpus.SPEECH)])

    result = await taken(intake, corpus.wav(tmp_path / "a.wav", signal.reshape(1, -1)), tmp_path / "job")

    for one in result.renditions:
        heard = np.concatenate(list(decode(one.path)))
        spectra = np.fft.rfft(heard, 1 << 20) * np.conj(np.fft.rfft(signal, 1 << 20))
        shift = int(np.argmax(np.fft.irfft(spectra)))
        assert shift <= 48 or shift >= (1 << 20) - 48, "more than a millisecond early or late"
        assert np.corrcoef(loudness_curve(heard), loudness_curve(signal))[0, 1] > 0.95


def loudness_curve(sound: np.ndarray) -> np.ndarray:
    """RMS of every 20 ms."""
    return np.sqrt(np.square(sound[: sound.size // 960 * 960].reshape(-1, 960)).mean(axis=1))[:650]


async def test_the_same_file_gives_the_same_bytes(intake: Intake, tmp_path: Path) -> None:
    source = browser(tmp_path)

    first, second = [await taken(intake, source, tmp_path / name) for name in ("one", "two")]

    assert [one.sha256 for one in first.renditions] == [one.sha256 for one in second.renditions]


async def test_the_channels_weigh_the_same(intake: Intake, tmp_path: Path) -> None:
    left_only = corpus.tone(3, channels=2, level=0.2)
    left_only[1] = 0

    result = await taken(intake, corpus.wav(tmp_path / "a.wav", left_only), tmp_path / "job", ALONE)

    alone = await taken(intake, corpus.wav(tmp_path / "b.wav", corpus.tone(3, level=0.1)), tmp_path / "job2", ALONE)
    assert result.loudness_in_lufs == pytest.approx(alone.loudness_in_lufs, abs=0.05)
    assert alone.loudness_in_lufs == pytest.approx(-20.0, abs=0.1)


async def test_a_sound_that_changes_its_rate_midway_is_heard_to_its_end(intake: Intake, tmp_path: Path) -> None:
    first = corpus.encoded(tmp_path / "a.mp3", corpus.noise(3, 44_100, 2), "libmp3lame", "mp3", 44_100, write_xing="0")
    second = corpus.encoded(tmp_path / "b.mp3", corpus.noise(3), "libmp3lame", "mp3", write_xing="0", id3v2_version="0")
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(first.read_bytes() + second.read_bytes())

    result = await taken(intake, joined, tmp_path / "job", ALONE)

    assert result.duration_ms == pytest.approx(6000, abs=250)
    assert "parameters_changed" in result.facts()["findings"]


async def test_findings_name_what_was_wrong_with_a_sound_that_was_accepted(tmp_path: Path) -> None:
    faint = corpus.wav(tmp_path / "faint.wav", corpus.noise(6, level=0.0025))
    leaning = corpus.wav(tmp_path / "leaning.wav", corpus.noise(6) * 0.5 + np.float32(0.2))

    found = {
        path.stem: (await taken(PyAvIntake(), path, tmp_path / f"job-{path.stem}", ALONE)).facts()["findings"]
        for path in (faint, leaning, hot(tmp_path), talk(tmp_path))
    }

    assert {"very_quiet", "gain_capped"} <= set(found["faint"])
    assert found["leaning"]["dc_offset_removed"] == pytest.approx(0.2, abs=0.01)
    assert "clipped" in found["hot"]
    assert not {"clipped", "very_quiet", "dc_offset_removed", "gain_capped"} & set(found["talk"])


async def test_a_sound_that_cannot_meet_the_target_says_by_how_much(intake: Intake, tmp_path: Path) -> None:
    faint = corpus.wav(tmp_path / "faint.wav", corpus.noise(6, level=0.0025))

    result = await taken(intake, faint, tmp_path / "job", replace(ALONE, max_gain_db=10))

    assert result.loudness_lufs == pytest.approx(result.loudness_in_lufs + 10, abs=0.2)
    missing = PROFILE.target_lufs - result.loudness_lufs
    assert result.facts()["findings"]["gain_capped"] == pytest.approx(missing, abs=0.1)


async def test_tones_that_the_codec_would_overdo_are_turned_down_and_told(intake: Intake, tmp_path: Path) -> None:
    at = np.arange(4 * 48_000) / 48_000
    pitch_hz = 400 + 100 * (np.floor(at) % 3)
    tones = 0.4 * np.sin(2 * np.pi * pitch_hz * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))
    path = corpus.wav(tmp_path / "tones.wav", tones.astype(np.float32).reshape(1, -1))

    result = await taken(intake, path, tmp_path / "job", ALONE)

    assert max(one.true_peak_dbtp for one in result.renditions) <= PROFILE.true_peak_most_dbtp
    softest = min(one.loudness_lufs for one in result.renditions)
    told_db = result.facts()["findings"].get("turned_down", 0.0)
    assert told_db == pytest.approx(PROFILE.target_lufs - softest, abs=1.0)
    if isinstance(intake, PyAvIntake):
        assert told_db > 0, "the command line's encoder does not overdo these tones, the library's does"


@pytest.mark.parametrize("kind", [PyAvIntake, pytest.param(FfmpegIntake, marks=pytest.mark.long)])
async def test_five_minutes_of_talk_need_no_more_memory_than_fifteen_seconds(
    kind: type[PyAvIntake | FfmpegIntake], tmp_path: Path
) -> None:
    spoken = np.concatenate(list(decode(corpus.SPEECH)))
    long = np.resize(spoken, (rules.LONG_S + 2) * 48_000).reshape(1, -1)

    short_result = await taken(kind(), talk(tmp_path), tmp_path / "short", ALONE)
    long_result = await taken(kind(), corpus.wav(tmp_path / "long.wav", long), tmp_path / "long", ALONE)

    assert long_result.duration_ms == 1000 * (rules.LONG_S + 2)
    assert long_result.peak_rss_bytes < 150 * MIB
    assert long_result.peak_rss_bytes > 10 * MIB, "it was looked at"
    assert long_result.peak_rss_bytes - short_result.peak_rss_bytes < 16 * MIB
    assert long_result.renditions[0].loudness_lufs == pytest.approx(-16, abs=0.7), "sought on a part of it"
