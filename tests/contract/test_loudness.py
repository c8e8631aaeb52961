"""Loudness and true peak by both backends, by the ffmpeg program's meter and by pyloudnorm, on EBU Tech 3341's cases.

The signals are synthesised from the numbers of the document (minimum requirements, test signals 1 to 5 and 15 to 19);
its programme material is not used. Stereo signals carry the same on both channels, so their dual mono loudness is that
of the document; case 6 (5.0) is summed by ours with equal weights, because a loudspeaker has one channel.
"""

import asyncio
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from controller.media.backend import Backend
from controller.media.encode import hear
from controller.media.encodings import encodings
from controller.media.ffmpeg_backend import FfmpegBackend
from controller.media.intake import IntakeProfile
from controller.media.pyav_backend import PyAvBackend
from controller.media.sound import Meter, frame
from tests.fakes import media_corpus as corpus

RATE_HZ = 48_000


def sine(*pieces: tuple[float, float], hz: float = 1000.0) -> np.ndarray:
    """Pieces of (dBFS, seconds) of one tone, one after another."""
    level = np.concatenate([np.full(round(seconds * RATE_HZ), 10 ** (dbfs / 20)) for dbfs, seconds in pieces])
    return (level * np.sin(2 * np.pi * hz * np.arange(level.size) / RATE_HZ)).astype(np.float32)


LOUDNESS = {
    "1: -23": (-23.0, sine((-23, 20))),
    "2: -33": (-33.0, sine((-33, 20))),
    "3: a gate at -10 LU": (-23.0, sine((-36, 10), (-23, 60), (-36, 10))),
    "4: a gate at -70 LUFS": (-23.0, sine((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10))),
    "5: louder in the middle": (-23.0, sine((-26, 20), (-20, 20.1), (-26, 20))),
}


def peak(divisor: int, degrees: float, dbfs: float) -> np.ndarray:
    """A tone of a `divisor`th of the rate, so that its samples miss its peak; faded, so that only the tone counts."""
    n = np.arange(2 * RATE_HZ)
    fade = np.minimum(1, np.minimum(n, n[::-1]) / (0.25 * RATE_HZ))
    return (10 ** (dbfs / 20) * fade * np.sin(2 * np.pi * n / divisor + np.radians(degrees))).astype(np.float32)


TRUE_PEAK = {
    "15: fs/4, 0.5 FS, 0 degrees": (-6.0, peak(4, 0, -6.02)),
    "16: fs/4, 0.5 FS, 45 degrees": (-6.0, peak(4, 45, -6.02)),
    "17: fs/6, 0.5 FS, 60 degrees": (-6.0, peak(6, 60, -6.02)),
    "18: fs/8, 0.5 FS, 67.5 degrees": (-6.0, peak(8, 67.5, -6.02)),
    "19: fs/4, 1.41 FS, 45 degrees": (3.0, peak(4, 45, 3.0)),
}


def measured(source: Path, folder: Path) -> dict[str, float]:
    """The loudness of a file as each backend's own pipeline measures its input."""
    descriptor, (stop, other) = os.open(source, os.O_RDONLY), os.pipe()
    programs = (found("ffmpeg"), found("ffprobe"))
    backends: dict[str, Backend] = {
        "pyav": PyAvBackend(descriptor, IntakeProfile()),
        "ffmpeg": FfmpegBackend(programs, descriptor, folder, IntakeProfile(), stop),
    }
    levels = {}
    for name, backend in backends.items():
        spool = folder / f"{name}.f32"
        backend.decode(spool, lambda _: None)
        levels[name] = backend.loudness(spool, None, None)
    for one in (descriptor, stop, other):
        os.close(one)
    return levels


def found(program: str) -> str:
    path = shutil.which(program)
    assert path is not None, "install ffmpeg (tests/system_packages.sh)"
    return path


def by_ffmpeg(source: Path) -> tuple[float, float]:
    """Integrated loudness and true peak by the ffmpeg program's own meter, on the file as it is."""

    async def said() -> str:
        child = await asyncio.create_subprocess_exec(
            *(found("ffmpeg"), "-nostdin", "-hide_banner", "-nostats", "-i", str(source)),
            *("-af", "ebur128=peak=true", "-f", "null", "-"),
            stderr=asyncio.subprocess.PIPE,
        )
        return (await child.communicate())[1].decode().rpartition("Summary:")[2]

    summary = asyncio.run(said())
    loudness, highest = re.search(r"I:\s+(\S+) LUFS", summary), re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness is not None
    assert highest is not None
    return float(loudness[1]), float(highest[1])


def stereo(folder: Path, signal: np.ndarray) -> Path:
    """As float, so that nothing is rounded or clipped."""
    return corpus.encoded(folder / "case.wav", np.stack([signal, signal]), "pcm_f32le", "wav")


@pytest.mark.parametrize("case", LOUDNESS)
def test_four_meters_agree_with_the_document_on_loudness(case: str, tmp_path: Path) -> None:
    expected, signal = LOUDNESS[case]
    source = stereo(tmp_path, signal)

    ours = measured(source, tmp_path)

    others = [by_ffmpeg(source)[0], pyloudnorm.Meter(RATE_HZ).integrated_loudness(np.stack([signal, signal], axis=1))]
    every = [*ours.values(), *others]
    assert every == pytest.approx([expected] * 4, abs=0.1)
    assert max(every) - min(every) <= 0.1


def test_five_channels_are_one_loudspeaker_not_the_document_s_room(tmp_path: Path) -> None:
    """Case 6 is -28 (L, R), -24 (C) and -30 dBFS (Ls, Rs): -23.0 LUFS in a room, one channel's mean in the open."""
    parts = [sine((dbfs, 20)) for dbfs in (-28, -28, -24, -30, -30)]
    room = np.stack([*parts[:3], *parts[3:]], axis=1)
    source = corpus.wav_header(tmp_path / "case.wav", channels=5, kind=3, body=room.astype("<f4").tobytes())
    mean = room.mean(axis=1)

    ours = measured(source, tmp_path)

    assert pyloudnorm.Meter(RATE_HZ).integrated_loudness(room) == pytest.approx(-23.0, abs=0.1)
    wanted = pyloudnorm.Meter(RATE_HZ).integrated_loudness(np.stack([mean, mean], axis=1))
    assert list(ours.values()) == pytest.approx([wanted, wanted], abs=0.1)


@pytest.mark.parametrize("case", TRUE_PEAK)
def test_the_true_peak_is_within_the_tolerance_of_the_document(case: str, tmp_path: Path) -> None:
    expected, signal = TRUE_PEAK[case]
    meter = Meter(true_peak=True)

    for at in range(0, signal.size, RATE_HZ):
        meter.add(frame(signal[at : at + RATE_HZ]))
    highest = meter.result()[1]

    other = by_ffmpeg(stereo(tmp_path, signal))[1]
    assert expected - 0.4 <= highest <= expected + 0.2
    assert expected - 0.4 <= other <= expected + 0.2
    assert highest == pytest.approx(other, abs=0.1)


def test_both_backends_hear_the_same_in_one_rendition(tmp_path: Path) -> None:
    opus = encodings(IntakeProfile())[0]
    rendition = corpus.encoded(tmp_path / opus.file_name, corpus.noise(6), "libopus", "ogg")
    stop, other = os.pipe()
    programs = (found("ffmpeg"), found("ffprobe"))
    backend = FfmpegBackend(programs, stop, tmp_path, IntakeProfile(), stop)

    theirs = backend.hear(opus, rendition, lambda _: None)

    ours = hear(rendition, lambda _: None)
    for one in (stop, other):
        os.close(one)
    assert theirs.samples == ours.samples
    assert theirs.lufs == pytest.approx(ours.lufs, abs=0.05)
    assert theirs.true_peak_dbtp == pytest.approx(ours.true_peak_dbtp, abs=0.05)
