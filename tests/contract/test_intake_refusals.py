"""Bad input, both backends: every hostile file is refused by the same code, leaves nothing, and harms nobody.

Each file goes to the backend that is usual, one of each code to the other one too; with --long all go to both.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from controller.media.errors import MediaChildLimit, MediaError, MediaTimeout, MediaTooLarge, MediaTooLong
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.intake import ChildLimits, Intake, IntakeProfile
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import media_corpus as corpus

Maker = Callable[[Path], Path]
_BOUND_S = 60.0
_MIB = 1024 * 1024


@pytest.fixture(params=[PyAvIntake, FfmpegIntake], ids=["pyav", "ffmpeg"])
def intake(request: pytest.FixtureRequest) -> Intake:
    return request.param(jobs=3)


def _lossless(folder: Path) -> Path:
    return corpus.wav(folder / "whole.wav", corpus.noise(4))


def _patched(folder: Path, at: int, value: bytes) -> Path:
    path = _lossless(folder)
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(name: str, codec: str, container: str) -> Maker:
    return lambda folder: corpus.cut(corpus.encoded(folder / name, corpus.noise(6), codec, container))


def _kept(codec: str, container: str) -> Maker:
    return lambda folder: corpus.encoded(folder / "a.mp3", corpus.noise(2), codec, container)


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _link(path: Path, target: str) -> Path:
    path.symlink_to(target)
    return path


def _blip() -> corpus.Signal:
    silence = np.zeros((1, 96_000), np.float32)
    silence[0, 500] = 0.004
    return silence


REFUSED: dict[str, tuple[str, Maker]] = {
    "empty": ("media_empty", lambda d: _written(d / "a.mp3", b"")),
    "wav with no sample": ("media_empty", lambda d: corpus.wav(d / "a.wav", np.zeros((1, 0), np.float32))),
    "truncated mp3": ("media_truncated", _cut("a.mp3", "libmp3lame", "mp3")),
    "truncated flac": ("media_truncated", _cut("a.flac", "flac", "flac")),
    "truncated ogg": ("media_truncated", _cut("a.ogg", "libopus", "ogg")),
    "truncated adts": ("media_truncated", _cut("a.aac", "aac", "adts")),
    "truncated mkv": ("media_truncated", _cut("a.mkv", "flac", "matroska")),
    "truncated webm": ("media_truncated", _cut("a.webm", "libopus", "webm")),
    "truncated caf": ("media_truncated", _cut("a.caf", "pcm_s16le", "caf")),
    "truncated w64": ("media_truncated", _cut("a.w64", "pcm_s16le", "w64")),
    "truncated aiff": ("media_truncated", _cut("a.aiff", "pcm_s16be", "aiff")),
    "truncated wav": ("media_truncated", lambda d: corpus.cut(_lossless(d))),
    "truncated m4a, its table of contents gone": ("media_unreadable", _cut("a.m4a", "aac", "ipod")),
    "wav that lies about its size": ("media_truncated", lambda d: _patched(d, 40, b"\xff\xff\xff\x7f")),
    "0 channels": ("media_bad_channels", lambda d: _patched(d, 22, b"\0\0")),
    "9 channels": ("media_bad_channels", lambda d: corpus.wav(d / "a.wav", corpus.noise(1, channels=9))),
    "4 kHz": ("media_bad_rate", lambda d: corpus.wav(d / "a.wav", corpus.noise(1, 4_000), 4_000)),
    "384 kHz": ("media_bad_rate", lambda d: corpus.wav(d / "a.wav", corpus.noise(1, 384_000), 384_000)),
    "8 hours declared": ("media_too_long", lambda d: corpus.flac_of_silence(d / "a.flac", 0.01, 8)),
    "100 hours declared": ("media_too_long", lambda d: corpus.flac_of_silence(d / "a.flac", 0.02, 100)),
    "video only, mp4": ("media_no_audio", lambda d: corpus.video(d / "a.mp4", "mp4")),
    "video only, mkv": ("media_no_audio", lambda d: corpus.video(d / "a.mkv", "matroska")),
    "picture only, png": ("media_format_refused", lambda d: _written(d / "a.png", corpus.png())),
    "text renamed mp3": ("media_format_refused", lambda d: _written(d / "a.mp3", "Kính thưa bà con. ".encode() * 999)),
    "concat script": ("media_format_refused", lambda d: _written(d / "a.mp3", b"ffconcat version 1.0\nfile a.wav\n")),
    "noise renamed mp3": ("media_unreadable", lambda d: _written(d / "a.mp3", corpus.noise(1).tobytes())),
    "a folder": ("media_unreadable", lambda d: d),
    "a missing file": ("media_unreadable", lambda d: d / "nothing.mp3"),
    "too short": ("media_too_short", lambda d: corpus.wav(d / "a.wav", corpus.tone(0.3))),
    "digital silence": ("media_silent", lambda d: corpus.wav(d / "a.wav", np.zeros((1, 96_000), np.float32))),
    "hiss below -60 dBFS": ("media_silent", lambda d: corpus.wav(d / "a.wav", corpus.tone(2, level=0.0005))),
    "65,535 channels, wav": ("media_bad_channels", lambda d: corpus.wav_header(d / "a.wav", channels=65_535)),
    "65,535 channels, caf": ("media_bad_channels", lambda d: corpus.caf_header(d / "a.caf", 65_535)),
    "four thousand million hertz": ("media_bad_rate", lambda d: corpus.wav_header(d / "a.wav", rate_hz=0xFFFFFFF0)),
    "numbers that are no sound": (
        "media_unreadable",
        lambda d: corpus.wav_header(d / "a.wav", kind=3, body=np.full(96_000, np.nan, np.float32).tobytes()),
    ),
    "svg": ("media_format_refused", lambda d: _written(d / "a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>')),
    "html": ("media_format_refused", lambda d: _written(d / "a.mp3", b"<!doctype html><audio src=x.mp3>" * 200)),
    "dash": ("media_format_refused", lambda d: _written(d / "a.mpd", b'<?xml version="1.0"?><MPD></MPD>')),
    "session description": ("media_format_refused", lambda d: _written(d / "a.sdp", b"v=0\nm=audio 9 RTP/AVP 0\n")),
    "zip": ("media_unreadable", lambda d: _written(d / "a.mp3", b"PK\3\4\x14\0\0\0" + bytes(4000))),
    "a pipe": ("media_unreadable", lambda d: _pipe(d / "a.mp3")),
    "a link to an endless device": ("media_unreadable", lambda d: _link(d / "a.mp3", "/dev/zero")),
    "a link to a text of the system": ("media_format_refused", lambda d: _link(d / "a.mp3", "/etc/passwd")),
    **{
        f"{name}, a container off the list": ("media_format_refused", _kept(codec, name))
        for name, codec in (("au", "pcm_s16be"), ("avi", "mp2"), ("mpegts", "aac"), ("flv", "aac"), ("nut", "mp2"))
    },
    "one faint click, no loudness to measure": ("media_silent", lambda d: corpus.wav(d / "a.wav", _blip())),
}


def _all_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def _left(job_dir: Path) -> list[Path]:
    return list(job_dir.iterdir()) if job_dir.exists() else []


async def refusal(intake: Intake, source: Path, job_dir: Path, profile: IntakeProfile | None = None) -> MediaError:
    """The refusal of a source; the job folder holds nothing and the time stays bounded."""
    before = time.monotonic()
    with pytest.raises(MediaError) as caught:
        await intake.probe_and_encode(source, job_dir, profile or IntakeProfile())
    assert time.monotonic() - before < _BOUND_S
    assert _left(job_dir) == []
    return caught.value


FIRST = {code: case for case, (code, _) in reversed(REFUSED.items())}
"""One case of each code."""
SECOND = frozenset({"65,535 channels, wav", "four thousand million hertz", "truncated m4a, its table of contents gone"})
"""Found in numbers of a header, which each backend reads for itself."""
BOTH = SECOND.union(FIRST.values())


async def _refused_by(backends: Sequence[Intake], case: str, folder: Path) -> None:
    code, make = REFUSED[case]
    (folder / "in").mkdir()
    source = make(folder / "in")
    held = _all_in(folder)

    errors = await asyncio.gather(
        *(refusal(backend, source, folder / f"job-{n}") for n, backend in enumerate(backends))
    )

    assert [error.code for error in errors] == [code] * len(backends)
    assert not any(str(folder) in str(error) for error in errors)
    assert _all_in(folder) == held


@pytest.mark.parametrize("case", sorted(REFUSED.keys() - BOTH))
async def test_bad_input_is_refused_by_its_code_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    await _refused_by([PyAvIntake()], case, tmp_path)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in BOTH else pytest.mark.long) for case in REFUSED]
)
async def test_both_backends_refuse_by_the_same_code(case: str, tmp_path: Path) -> None:
    await _refused_by([PyAvIntake(), FfmpegIntake()], case, tmp_path)


@pytest.mark.parametrize("declared_s", [0, 10], ids=["undeclared", "ten seconds declared"])
async def test_a_bomb_is_stopped_while_it_runs_before_it_is_written(
    declared_s: int, intake: Intake, tmp_path: Path
) -> None:
    bomb = corpus.flac_of_silence(tmp_path / "a.flac", hours_held=100, hours_declared=declared_s / 3600)
    assert bomb.stat().st_size < 700_000
    profile = IntakeProfile(max_duration_s=600, limits=ChildLimits(file_bytes=4 * _MIB))

    error = await refusal(intake, bomb, tmp_path / "job", profile)

    assert isinstance(error, MediaTooLong), "a limit on files, met first, would have been another refusal"


async def test_an_endless_stream_is_counted_before_it_is_written(intake: Intake, tmp_path: Path) -> None:
    stream = corpus.adts_without_end(tmp_path / "a.aac", 700)
    profile = IntakeProfile(max_duration_s=600, limits=ChildLimits(file_bytes=4 * _MIB))

    error = await refusal(intake, stream, tmp_path / "job", profile)

    assert isinstance(error, MediaTooLong)


async def test_a_table_that_claims_endless_samples_costs_neither_memory_nor_time(
    intake: Intake, tmp_path: Path
) -> None:
    source = corpus.many_samples_declared(tmp_path / "a.m4a")

    with contextlib.suppress(MediaError):
        taken = await intake.probe_and_encode(source, tmp_path / "job", IntakeProfile(renditions=("opus",)))
        assert taken.peak_rss_bytes < 150 * _MIB


@pytest.mark.parametrize("picture", [corpus.png_bomb, lambda: bytes(8 * _MIB)], ids=["bomb", "8 MB of nothing"])
async def test_a_huge_cover_is_never_unpacked(picture: Callable[[], bytes], intake: Intake, tmp_path: Path) -> None:
    plain = corpus.encoded(tmp_path / "plain.mp3", corpus.noise(2), "libmp3lame", "mp3")
    source = corpus.with_cover(tmp_path / "cover.mp3", plain, picture())

    taken = await intake.probe_and_encode(source, tmp_path / "job", IntakeProfile(renditions=("opus",)))

    assert taken.duration_ms == pytest.approx(2000, abs=60)
    assert taken.peak_rss_bytes < 100 * _MIB


async def test_a_polyglot_is_only_the_sound_in_it(intake: Intake, tmp_path: Path) -> None:
    sound = corpus.encoded(tmp_path / "plain.mp3", corpus.noise(2), "libmp3lame", "mp3").read_bytes()
    polyglot = _written(tmp_path / "a.mp3", sound + b"PK\5\6" + bytes(18) + b"<script>alert(1)</script>#!/bin/sh\n")

    taken = await intake.probe_and_encode(polyglot, tmp_path / "job", IntakeProfile())

    for one in taken.renditions:
        assert b"script" not in one.path.read_bytes()
        assert one.duration_ms == pytest.approx(2000, abs=100)


@pytest.mark.parametrize(
    "name", ["concat:victim.mp3|victim.mp3", "subfile,,start,0,end,999,,:victim.mp3", "http:victim.mp3", "-i"]
)
async def test_a_name_is_never_read_as_a_protocol_or_an_option(name: str, intake: Intake, tmp_path: Path) -> None:
    corpus.encoded(tmp_path / "victim.mp3", corpus.noise(2), "libmp3lame", "mp3")
    source = _written(tmp_path / name, b"\xff\xfbnothing" + bytes(2000))

    error = await refusal(intake, source, tmp_path / "job")

    assert error.code in {"media_unreadable", "media_empty", "media_format_refused"}


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp3"])
async def test_a_playlist_opens_no_connection(name: str, intake: Intake, tmp_path: Path) -> None:
    visits: list[bytes] = []

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await reader.read(64))
        writer.close()

    listener = await asyncio.start_server(visited, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        source = corpus.playlist(tmp_path / name, f"http://127.0.0.1:{port}/segment.ts")

        error = await refusal(intake, source, tmp_path / "job")
        while_refused = list(visits)
        await asyncio.to_thread(_opened_without_care, source)

    assert error.code == "media_format_refused"
    assert while_refused == []
    assert visits, "the playlist lures nobody, so this test proves nothing"


def _opened_without_care(source: Path) -> None:
    """What a program without lists of formats and protocols does; it fails, after asking the listener."""
    careless = {"allowed_extensions": "ALL", "extension_picky": "0", "protocol_whitelist": "file,http,tcp,crypto"}
    with pytest.raises(av.error.FFmpegError):
        av.open(str(source), format="hls", options=careless, timeout=10)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp3"])
async def test_a_playlist_does_not_read_a_local_file(name: str, intake: Intake, tmp_path: Path) -> None:
    local = corpus.encoded(tmp_path / "segment.ts", corpus.noise(3), "aac", "mpegts")

    error = await refusal(intake, corpus.playlist(tmp_path / name, str(local)), tmp_path / "job")

    assert error.code == "media_format_refused"


async def test_a_file_larger_than_allowed_is_not_even_opened(intake: Intake, tmp_path: Path) -> None:
    error = await refusal(intake, _lossless(tmp_path), tmp_path / "job", IntakeProfile(max_source_bytes=1000))

    assert isinstance(error, MediaTooLarge)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (ChildLimits(file_bytes=100_000), MediaChildLimit),
        (ChildLimits(cpu_s=1), MediaChildLimit),
        (ChildLimits(wall_s=0.5), MediaTimeout),
    ],
    ids=["disk", "processor", "time"],
)
async def test_a_job_that_needs_too_much_is_stopped(
    limits: ChildLimits, kind: type[MediaError], intake: Intake, tmp_path: Path
) -> None:
    source = corpus.wav(tmp_path / "long.wav", np.tile(corpus.noise(10), (1, 30)))

    error = await refusal(intake, source, tmp_path / "job", IntakeProfile(limits=limits))

    assert isinstance(error, kind)


async def test_a_refusal_keeps_what_others_stored_in_the_job_folder(intake: Intake, tmp_path: Path) -> None:
    job_dir = tmp_path / "job"
    job_dir.mkdir()
    (job_dir / "other").write_bytes(b"kept")

    with pytest.raises(MediaError):
        await intake.probe_and_encode(_written(tmp_path / "a.mp3", b""), job_dir, IntakeProfile())

    assert [path.name for path in job_dir.iterdir()] == ["other"]


async def test_after_every_refusal_a_good_file_is_taken_in(intake: Intake, tmp_path: Path) -> None:
    bad = [corpus.cut(_lossless(tmp_path)), corpus.video(tmp_path / "v.mp4", "mp4"), _written(tmp_path / "e.mp3", b"")]
    good = shutil.copy(corpus.SPEECH, tmp_path / "a file named; $(touch x) #.mp3")

    refused = await asyncio.gather(
        *(intake.probe_and_encode(one, tmp_path / f"job-{one.stem}") for one in bad), return_exceptions=True
    )
    taken = await intake.probe_and_encode(Path(good), tmp_path / "job")

    assert [getattr(error, "code", None) for error in refused] == ["media_truncated", "media_no_audio", "media_empty"]
    assert [one.codec for one in taken.renditions] == ["opus", "mp3"]
