"""Bad input: every hostile file is refused by its stable code, leaves nothing, and harms nobody."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from controller.media.errors import MediaChildLimit, MediaError, MediaTimeout, MediaTooLarge, MediaTooLong
from controller.media.intake import ChildLimits, IntakeProfile
from controller.media.pyav_intake import PyAvIntake
from tests.fakes import media_corpus as corpus

Maker = Callable[[Path], Path]
_BOUND_S = 20.0


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
    "100 hours declared and held": ("media_too_long", lambda d: corpus.flac_of_silence(d / "a.flac", 100, 100)),
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
    "one faint click, no loudness to measure": ("media_silent", lambda d: corpus.wav(d / "a.wav", _blip())),
}


def _left(job_dir: Path) -> list[Path]:
    return list(job_dir.iterdir()) if job_dir.exists() else []


async def refusal(source: Path, job_dir: Path, profile: IntakeProfile | None = None) -> MediaError:
    """The refusal of a source; the job folder holds nothing and the time stays bounded."""
    before = time.monotonic()
    with pytest.raises(MediaError) as caught:
        await PyAvIntake().probe_and_encode(source, job_dir, profile or IntakeProfile())
    assert time.monotonic() - before < _BOUND_S
    assert _left(job_dir) == []
    return caught.value


@pytest.mark.parametrize("case", REFUSED)
async def test_bad_input_is_refused_by_its_code_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    code, make = REFUSED[case]
    (tmp_path / "in").mkdir()
    source = make(tmp_path / "in")

    error = await refusal(source, tmp_path / "job")

    assert error.code == code
    assert str(tmp_path) not in str(error)


async def test_a_bomb_of_undeclared_length_is_stopped_while_it_runs(tmp_path: Path) -> None:
    bomb = corpus.flac_of_silence(tmp_path / "a.flac", hours_held=100, hours_declared=0)
    assert bomb.stat().st_size < 700_000

    error = await refusal(bomb, tmp_path / "job", IntakeProfile(max_duration_s=600))

    assert isinstance(error, MediaTooLong)


async def test_a_bomb_that_declares_ten_seconds_is_stopped_while_it_runs(tmp_path: Path) -> None:
    bomb = corpus.flac_of_silence(tmp_path / "a.flac", hours_held=100, hours_declared=10 / 3600)

    error = await refusal(bomb, tmp_path / "job", IntakeProfile(max_duration_s=600))

    assert isinstance(error, MediaTooLong)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp3"])
async def test_a_playlist_opens_no_connection(name: str, tmp_path: Path) -> None:
    visits: list[bytes] = []

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await reader.read(64))
        writer.close()

    listener = await asyncio.start_server(visited, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        source = corpus.playlist(tmp_path / name, f"http://127.0.0.1:{port}/segment.ts")

        error = await refusal(source, tmp_path / "job")
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
async def test_a_playlist_does_not_read_a_local_file(name: str, tmp_path: Path) -> None:
    local = corpus.encoded(tmp_path / "segment.ts", corpus.noise(3), "aac", "mpegts")

    error = await refusal(corpus.playlist(tmp_path / name, str(local)), tmp_path / "job")

    assert error.code == "media_format_refused"


async def test_a_file_larger_than_allowed_is_not_even_opened(tmp_path: Path) -> None:
    error = await refusal(_lossless(tmp_path), tmp_path / "job", IntakeProfile(max_source_bytes=1000))

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
    limits: ChildLimits, kind: type[MediaError], tmp_path: Path
) -> None:
    source = corpus.wav(tmp_path / "long.wav", np.tile(corpus.noise(10), (1, 30)))

    error = await refusal(source, tmp_path / "job", IntakeProfile(limits=limits))

    assert isinstance(error, kind)


async def test_a_refusal_keeps_what_others_stored_in_the_job_folder(tmp_path: Path) -> None:
    job_dir = tmp_path / "job"
    job_dir.mkdir()
    (job_dir / "other").write_bytes(b"kept")

    with pytest.raises(MediaError):
        await PyAvIntake().probe_and_encode(_written(tmp_path / "a.mp3", b""), job_dir, IntakeProfile())

    assert [path.name for path in job_dir.iterdir()] == ["other"]


async def test_after_every_refusal_a_good_file_is_taken_in(tmp_path: Path) -> None:
    intake = PyAvIntake(jobs=2)
    bad = [corpus.cut(_lossless(tmp_path)), corpus.video(tmp_path / "v.mp4", "mp4"), _written(tmp_path / "e.mp3", b"")]
    good = shutil.copy(corpus.SPEECH, tmp_path / "a file named; $(touch x) #.mp3")

    refused = await asyncio.gather(
        *(intake.probe_and_encode(one, tmp_path / f"job-{one.stem}") for one in bad), return_exceptions=True
    )
    taken = await intake.probe_and_encode(Path(good), tmp_path / "job")

    assert [getattr(error, "code", None) for error in refused] == ["media_truncated", "media_no_audio", "media_empty"]
    assert [one.codec for one in taken.renditions] == ["opus", "mp3"]
