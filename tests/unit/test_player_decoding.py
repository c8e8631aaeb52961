"""Decoding and feeding: exact offsets, whole programmes, damage with a code, bounded memory."""

import resource
import struct
import threading

import numpy as np
import pytest

from edge_agent.player.chimes import CHIMES, chime
from edge_agent.player.decoding import AudioFile, measure_frames
from edge_agent.player.errors import ContentMissingError, ContentUndecodableError
from edge_agent.player.feed import ProgrammeFeed, Ring
from edge_agent.player.wire import Chime, Content, Prepare, Silence
from tests.fakes.player_sounds import speechlike, write_encoded, write_wav

FORMATS = {
    "opus": ("libopus", "ogg"),
    "mp3": ("libmp3lame", "mp3"),
    "flac": ("flac", "flac"),
}


def decoded(path, offset=0):
    return np.concatenate([*AudioFile(path, offset).blocks(), np.zeros(0, np.float32)])


def drained(cue):
    feed = ProgrammeFeed(cue)
    feed.start()
    assert feed.wait_ready(10)
    pieces = []
    while not feed.finished or feed.available():
        pieces.append(feed.read(4800))
    return feed, np.concatenate([*pieces, np.zeros(0, np.float32)])


@pytest.mark.parametrize(("seconds", "failed"), [(3, False), (0, True)])
def test_a_feed_tells_once_when_it_can_be_started_or_has_failed(seconds, failed, tmp_path):
    path = write_wav(tmp_path / "a.wav", speechlike(seconds)) if seconds else tmp_path / "not-there.wav"
    feed = ProgrammeFeed(Prepare(occurrence="b", sources=(Content(str(path)),)))
    told, settled = [], threading.Event()

    def settle():
        told.append((feed.available() >= 48_000, feed.error is not None))
        settled.set()

    feed.start(settle)
    assert settled.wait(10)  # before anything is taken from what it holds
    while not feed.finished or feed.available():
        feed.read(4800)

    assert told == [(not failed, failed)]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_sounds_like_what_was_encoded(kind, tmp_path):
    content = speechlike(3)
    codec, container = FORMATS[kind]
    path = write_encoded(tmp_path / f"a.{kind}", content, codec=codec, container=container)

    heard = decoded(path)

    lags = np.correlate(heard[20_000:72_000], content[24_000:68_000], "valid")
    assert abs(int(lags.argmax()) - 4000) <= 1
    assert np.corrcoef(content[:140_000], heard[:140_000])[0, 1] > 0.6


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("offset", [1, 960, 100_001, 239_000])
def test_an_offset_is_exact_to_the_sample(kind, offset, tmp_path):
    codec, container = FORMATS[kind]
    path = write_encoded(tmp_path / f"a.{kind}", speechlike(5), codec=codec, container=container)

    whole, rest = decoded(path), decoded(path, offset)

    assert rest.size == whole.size - offset
    np.testing.assert_allclose(rest, whole[offset:], atol=0.02)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_measured_length_is_the_decoded_length(kind, tmp_path):
    codec, container = FORMATS[kind]
    path = write_encoded(tmp_path / f"a.{kind}", speechlike(4.321), codec=codec, container=container)

    assert measure_frames(path) == decoded(path).size


def test_other_rates_and_channels_become_mono_at_48_khz(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    path = write_wav(tmp_path / "a.wav", np.column_stack((tone, np.zeros_like(tone))), rate=44_100)

    heard = decoded(path)

    assert abs(heard.size - 48_000) <= 2
    assert np.sqrt(np.mean(heard[1000:-1000] ** 2)) == pytest.approx(0.25 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"chao ba con" * 500, bytes(range(256)) * 400, b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"],
    ids=["empty", "stub", "text", "garbage", "playlist"],
)
@pytest.mark.parametrize("name", ["a.mp3", "a.opus", "a.wav"])
def test_what_is_no_audio_is_undecodable(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(ContentUndecodableError):
        decoded(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ContentMissingError, match="fetch it again"):
        decoded(tmp_path / "gone.opus")


def due_now(path, duration_ms, size_bytes):
    source = Content(str(path), duration_ms=duration_ms, size_bytes=size_bytes)
    return Prepare(occurrence="a", sources=(source,), at_once=True)


def test_what_is_due_now_is_ready_before_its_file_is_walked(tmp_path, monkeypatch):
    path = write_encoded(tmp_path / "a.ogg", speechlike(8), codec="libopus", container="ogg")
    walked = []
    monkeypatch.setattr("edge_agent.player.feed.measure_frames", walked.append)
    feed = ProgrammeFeed(due_now(path, 8_000, path.stat().st_size))

    feed.start()

    assert feed.wait_ready(10)
    assert feed.error is None
    assert feed.programme_frames == 8 * 48_000
    assert not walked
    feed.close()


def test_what_is_due_now_and_was_cut_on_the_disk_is_told_before_it_sounds(tmp_path):
    path = write_wav(tmp_path / "a.wav", speechlike(2))

    feed, _ = drained(due_now(path, 4_000, 2 * path.stat().st_size))

    assert feed.error is not None
    assert feed.failure == "content_truncated"
    assert feed.available() == 0


def test_what_is_due_now_and_ends_before_its_manifest_says_has_failed(tmp_path):
    path = write_wav(tmp_path / "a.wav", speechlike(2))

    feed, heard = drained(due_now(path, 4_000, path.stat().st_size))

    assert heard.size == 2 * 48_000
    assert feed.failure == "content_truncated"


def test_a_truncated_file_is_told_by_its_manifest_duration(tmp_path):
    path = write_encoded(tmp_path / "a.opus", speechlike(6), codec="libopus", container="ogg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    feed, _ = drained(Prepare(occurrence="a", sources=(Content(str(path), duration_ms=6000),)))

    assert feed.failure == "content_truncated"


def test_a_programme_is_its_sources_in_order_twice_from_an_offset(tmp_path):
    content = speechlike(1.5)
    path = write_wav(tmp_path / "a.wav", content)
    sources = (Chime("attention"), Silence(250), Content(str(path)))
    once = np.concatenate((chime("attention"), np.zeros(12_000, np.float32), decoded(path)))
    twice = np.concatenate((once, once))

    for offset_ms in (0, 100, 1000, 1500, round(once.size / 48) + 333):
        feed, heard = drained(Prepare(occurrence="a", sources=sources, repeats=2, offset_ms=offset_ms))

        assert feed.programme_frames == twice.size
        np.testing.assert_array_equal(heard, twice[offset_ms * 48 :])


def test_an_offset_behind_the_end_is_refused():
    feed, heard = drained(Prepare(occurrence="a", sources=(Silence(500),), offset_ms=500))

    assert (feed.failure, heard.size) == ("offset_past_end", 0)


def test_an_unknown_chime_is_refused():
    feed, _ = drained(Prepare(occurrence="a", sources=(Chime("gong"),)))

    assert feed.failure == "chime_unknown"


@pytest.mark.parametrize("name", CHIMES)
def test_a_chime_is_audible_and_begins_and_ends_without_a_click(name):
    samples = chime(name)

    assert np.abs(samples).max() == pytest.approx(0.35, abs=0.05)
    assert np.abs(samples[[0, -1]]).max() < 0.001


def test_the_ring_gives_back_what_it_took_across_its_seam():
    ring = Ring(1000)
    source = np.arange(5000, dtype=np.float32)
    got, given = [], 0
    while given < source.size:
        given += ring.write(source[given : given + 700])
        got.append(ring.read(333))
    got.append(ring.read(1000))

    np.testing.assert_array_equal(np.concatenate(got), source)


def test_an_hour_is_fed_in_bounded_memory(tmp_path):
    path = tmp_path / "hour.wav"
    size = 3600 * 48_000 * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 48_000, 96_000, 2, 16, b"data", size
    )
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    feed = ProgrammeFeed(
        Prepare(occurrence="a", sources=(Content(str(path), duration_ms=3_600_000),), offset_ms=600_000)
    )
    feed.start()
    assert feed.wait_ready(60)
    frames = 0
    while frames < 48_000 * 60:
        frames += feed.read(48_000).size
    feed.close()

    assert feed.programme_frames == 3600 * 48_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 40 * 1024
