"""What both media backends share: progress, parts of a sound, the choice of a backend, ffmpeg's words."""

from pathlib import Path

import numpy as np
import pytest

from controller.media import ffmpeg_words as words
from controller.media.errors import MediaBackendMissing, MediaBadChannels, MediaChildLimit, MediaUnreadable
from controller.media.ffmpeg_intake import FfmpegIntake
from controller.media.levels import RATE_HZ, Part
from controller.media.progress import Steps
from controller.media.rules import plausible_s
from controller.media.spool import blocks, survey


def test_progress_never_goes_back_nor_comes_too_often() -> None:
    now_s, told = [0.0], []
    steps = Steps(told.append, lambda: now_s[0])

    for at_s, share in ((0, 0.1), (0.05, 0.2), (0.11, 0.3), (0.3, 0.2), (0.31, 1.7), (0.32, 1.0)):
        now_s[0] = at_s
        steps(share)

    assert told == [0.1, 0.3, 1.0]


def test_a_part_of_a_sound_is_its_pieces_in_order(tmp_path: Path) -> None:
    sound = np.repeat(np.arange(25, dtype=np.float32), RATE_HZ)
    (tmp_path / "spool").write_bytes(sound.tobytes())

    whole = np.concatenate(list(blocks(tmp_path / "spool")))
    part = np.concatenate(list(blocks(tmp_path / "spool", Part(every_s=10, take_s=3))))

    assert np.array_equal(whole, sound)
    assert part[::RATE_HZ].tolist() == [0, 1, 2, 10, 11, 12, 20, 21, 22]


def test_a_survey_counts_what_is_there_and_refuses_what_is_no_number() -> None:
    found = survey([np.array([0.5, -1.0], np.float32), np.array([0.25, 0.25], np.float32)])

    assert (found.samples, found.sample_peak_dbfs, found.dc_offset, found.full_scale_samples) == (4, 0.0, 0.0, 1)
    with pytest.raises(MediaUnreadable):
        survey([np.array([np.inf], np.float32)])


def test_nothing_is_written_of_what_declares_nothing() -> None:
    assert plausible_s(None) == 0
    assert plausible_s(100.0) == pytest.approx(103.0)


def test_a_host_without_ffmpeg_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MediaBackendMissing, match="install ffmpeg, or set LOA_MEDIA_BACKEND=pyav"):
        FfmpegIntake(path=str(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        "Input stream #0:0 (audio): 388 packets read (99 bytes); 386 frames decoded (4 samples); ",
        "Input stream #0:0 (audio): 388 packets read (99 bytes); 386 frames decoded; 2 decode errors (4 samples); ",
    ],
    ids=["ffmpeg 5", "ffmpeg 7 and newer"],
)
def test_the_log_of_every_ffmpeg_tells_packets_and_damage(line: str) -> None:
    shape = "[graph_0_in_0_0 @ 0x5] [verbose] tb:1/44100 samplefmt:fltp samplerate:44100 chlayout:stereo\n"
    bad = "[error] Error while decoding stream #0:0: Invalid data found when processing input\n" * 2

    found = words.decode_log(shape + bad + f"[verbose]   {line}")

    assert (found.packets, found.bad_packets, found.shapes) == (388, 2, ((44_100, "stereo"),))


def test_ffmpeg_s_failures_are_told_apart() -> None:
    assert isinstance(words.reading_failure("[pcm_s16be] Too many channels: 65535"), MediaBadChannels)
    assert isinstance(words.reading_failure("Invalid data found"), MediaUnreadable)
    assert isinstance(words.own_failure(1, "av_interleaved_write_frame(): File too large"), MediaChildLimit)
    assert words.ended_by_limit("Exiting normally, received signal 24.")
    assert not words.ended_by_limit("Exiting normally, received signal 2.")


def test_the_last_of_many_values_is_taken() -> None:
    assert words.last_value(b"lavfi.r128.I=-70.000\nframe:1\nlavfi.r128.I=-16.250\n", "lavfi.r128.I", 0) == -16.25
    assert words.last_value(b"", "lavfi.r128.I", -70) == -70
    assert words.out_time_s(b"out_time_us=100\nout_time_us=2500000\n") == 2.5
