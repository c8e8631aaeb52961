"""Intake: how many times faster than it plays a sound is taken in, per core, and what memory its process needs.

Both backends, Opus alone and both renditions, on 10 minutes of talk (quick: 3) as a stereo MP3, the commonest source;
and once each on 60 minutes, whose memory must be that of a short one.
Time is processor time of the child processes, so a busy machine says the same as a quiet one; × real time per core is
the sound's duration over it. Raw, in the same run and by the same codecs: the bare decode and encode, without loudness,
limiter or proof; by PyAV in this process's child, by ffmpeg as one command. PSS is sampled from the child's
smaps_rollup; raw beside the hour's is that of the shorter sound. pydub's share is that of joining a chime, a pause and
a minute of talk before it is taken in.
"""

import asyncio
import contextlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.measuring import Figure, Options, Report, at_least, at_most
from benchmarks.memory import pss_bytes
from controller.media.clips import join
from controller.media.encode import decode
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import Codec, Intake, IntakeProfile, IntakeResult
from controller.media.joining import Pause
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import media_corpus as corpus

LONG_MINUTES, MINUTES, QUICK_MINUTES = 60, 10, 3
CLIP_S = 60
_RATE_HZ = 48_000
_LOOK_S = 0.05
_WITHIN_S = 1800
_MIB = 1024 * 1024
_MP3_FRAME = 1152
_GOALS = {("opus",): at_least(40), ("opus", "mp3"): at_least(20)}
_WHAT = {("opus",): "Opus alone", ("opus", "mp3"): "Opus and MP3"}


def run(options: Options) -> Report:
    """Figures in × real time per core, and MiB."""
    minutes = QUICK_MINUTES if options.quick else MINUTES
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as place:
        folder = Path(place)
        talk = np.concatenate(list(decode(corpus.SPEECH)))
        figures = []
        for name, intake in (("PyAV", PyAvIntake()), ("ffmpeg", FfmpegIntake())):
            short = long_talk(folder / "talk.mp3", talk, minutes)
            peaks = []
            for wanted, goal in _GOALS.items():
                figure, peak = speed(name, intake, short, wanted)
                figures.append(replace(figure, n=minutes, goal=goal))
                peaks.append(peak)
            if options.quick:
                figures.append(Figure(f"{name}, PSS", max(peaks), None, "MiB", minutes, at_most(150)))
            else:
                figures += an_hour(name, intake, folder, talk, peaks[0])
        figures.append(clips_share(folder, talk))
    return Report("intake", figures, notes=("N is minutes of sound; raw has no loudness and no proof",))


def speed(name: str, intake: Intake, source: Path, wanted: tuple[Codec, ...]) -> tuple[Figure, float]:
    """How fast a sound is taken in beside its bare decode and encode, and the PSS of that in MiB."""
    raw_s = raw(name, source, source.parent, wanted)
    result, peak = asyncio.run(taken(intake, source, source.parent / "job", wanted))
    seconds = result.duration_ms / 1000
    return Figure(f"{name}, {_WHAT[wanted]}", seconds / result.cpu_s, seconds / raw_s, "× real time"), peak / _MIB


def an_hour(name: str, intake: Intake, folder: Path, talk: corpus.Signal, short_mib: float) -> list[Figure]:
    """The longest ordinary bulletin: its speed, and its memory beside that of a short one."""
    source = long_talk(folder / "hour.mp3", talk, LONG_MINUTES)
    wanted: tuple[Codec, ...] = ("opus",)
    result, peak = asyncio.run(taken(intake, source, folder / "job", wanted))
    speed_x = result.duration_ms / 1000 / result.cpu_s
    source.unlink()
    return [
        Figure(f"{name}, {_WHAT[wanted]}", speed_x, None, "× real time", LONG_MINUTES, _GOALS[wanted]),
        Figure(f"{name}, PSS", peak / _MIB, short_mib, "MiB", LONG_MINUTES, at_most(150)),
    ]


def long_talk(path: Path, talk: corpus.Signal, minutes: int) -> Path:
    """Talk repeated for so many minutes, 44.1 kHz, both channels, 128 kbit/s; only the first minute is encoded."""
    spoken = np.resize(talk, 60 * 44_100)
    with av.open(str(path), "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="stereo")
        stream.bit_rate = 128_000
        both = av.AudioFrame.from_ndarray(np.stack([spoken, spoken]), format="fltp", layout="stereo")
        both.sample_rate = 44_100
        minute = [bytes(packet) for packet in (*stream.encode(both), *stream.encode(None))]
        for n, coded in enumerate(minute * minutes):
            packet = av.Packet(coded)
            packet.stream, packet.time_base = stream, Fraction(1, 44_100)
            packet.pts = packet.dts = n * _MP3_FRAME
            out.mux(packet)
    return path


async def taken(intake: Intake, source: Path, job_dir: Path, wanted: tuple[Codec, ...]) -> tuple[IntakeResult, int]:
    """One intake, and the highest PSS of any process it started."""
    watch = asyncio.create_task(highest_pss())
    try:
        async with asyncio.timeout(_WITHIN_S):
            result = await intake.probe_and_encode(source, job_dir, IntakeProfile(renditions=wanted))
    finally:
        watch.cancel()
        peak = await watch
    return result, peak


async def highest_pss() -> int:
    """Watch this process's children until cancelled; bytes."""
    highest = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            for pid in children():
                with contextlib.suppress(OSError):
                    highest = max(highest, pss_bytes(pid))
            await asyncio.sleep(_LOOK_S)
    return highest


def children() -> list[str]:
    """The processes that any thread of this one started."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += (task / "children").read_text().split()
    return found


def raw(name: str, source: Path, folder: Path, wanted: tuple[Codec, ...]) -> float:
    """Processor seconds of decoding and encoding alone."""
    if name == "PyAV":
        return child_s([sys.executable, "-m", "benchmarks.intake", str(source), str(folder), *wanted])
    outputs = {
        "opus": ("-c:a", "libopus", "-b:a", "24000", "-application", "voip", "raw.opus"),
        "mp3": ("-c:a", "libmp3lame", "-b:a", "64000", "-compression_level", "7", "raw.mp3"),
    }
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", str(source)]
    for codec in wanted:
        *how, file_name = outputs[codec]
        command += ["-map", "0:a:0", "-ac", "1", "-ar", "48000", *how, str(folder / file_name)]
    return child_s(command)


def child_s(command: list[str]) -> float:
    """Processor seconds of a child process, from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, timeout=_WITHIN_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def recode(source: Path, folder: Path, wanted: list[str]) -> None:
    """By PyAV: decode, mix to mono at 48 kHz, encode. Nothing is measured."""
    how = {"opus": ("libopus", "ogg", 24_000, "flt"), "mp3": ("libmp3lame", "mp3", 64_000, "fltp")}
    with contextlib.ExitStack() as files:
        given = files.enter_context(av.open(str(source)))
        outputs = []
        for codec in wanted:
            encoder, container, bits_per_s, sample_format = how[codec]
            out = files.enter_context(av.open(str(folder / f"raw.{codec}"), "w", format=container))
            options = {"application": "voip"} if codec == "opus" else {"compression_level": "7"}
            stream = out.add_stream(encoder, rate=_RATE_HZ, layout="mono", options=options)
            stream.codec_context.format, stream.bit_rate = sample_format, bits_per_s
            outputs.append((out, stream))
        mono = av.AudioResampler("flt", "mono", _RATE_HZ, frame_size=_RATE_HZ // 2)
        for decoded in given.decode(audio=0):
            for ready in mono.resample(decoded):
                for out, stream in outputs:
                    out.mux(stream.encode(ready))
        for ready in mono.resample(None):
            for out, stream in outputs:
                out.mux(stream.encode(ready))
        for out, stream in outputs:
            out.mux(stream.encode(None))


def clips_share(folder: Path, talk: corpus.Signal) -> Figure:
    """Pydub's part, in percent, of taking in a chime, a pause and a minute of talk."""
    chime = corpus.wav(folder / "chime.wav", corpus.tone(2, 44_100, 2, 0.3), 44_100)
    spoken = corpus.wav(folder / "spoken.wav", np.resize(talk, CLIP_S * _RATE_HZ).reshape(1, -1))
    joined = folder / "joined.wav"
    join_s = processor_s(lambda: join([chime, Pause(500), spoken], joined))
    result = asyncio.run(PyAvIntake().probe_and_encode(joined, folder / "clips"))
    return Figure("pydub's share of a joined minute", 100 * join_s / (join_s + result.cpu_s), None, "%")


def processor_s(work: Callable[[], object]) -> float:
    """Processor seconds of this thread."""
    before_s = time.thread_time()
    work()
    return time.thread_time() - before_s


if __name__ == "__main__":
    recode(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
