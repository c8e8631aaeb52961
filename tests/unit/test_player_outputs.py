"""The paced output and its capture: a grid nailed to the clock, a file that is whole at every moment."""

import json
import os
import threading
import time

import numpy as np
import pytest

from edge_agent.player.engine import Mark
from edge_agent.player.outputs.capture import CaptureSink
from edge_agent.player.outputs.paced import NullSink, PacedOutput
from edge_agent.player.outputs.port import Timing
from tests.fakes.player_sounds import read_wav

BLOCK = 960


class Clock:
    def __init__(self):
        self.wall_ms = 1_800_000_000_000

    def wall_ns(self):
        self.wall_ms += 1
        return self.wall_ms * 1_000_000

    def monotonic_ns(self):
        return 40_000_000_000


def sink(folder, **changes):
    clock = Clock()
    return CaptureSink(folder, wall_ns=clock.wall_ns, monotonic_ns=clock.monotonic_ns, **changes)


class Asked:
    """A renderer that writes down what it is asked."""

    def __init__(self, blocks, *, sleep_at=None):
        self.marks = []
        self.instants, self.asked_ns, self.xruns = [], [], 0
        self._left, self._sleep_at = blocks, sleep_at
        self.done = threading.Event()

    def render(self, frames, dac_ns):
        self.instants.append(dac_ns)
        self.asked_ns.append(time.monotonic_ns())
        if len(self.instants) == self._sleep_at:
            time.sleep(0.8)
        if len(self.instants) >= self._left:
            self.done.set()
        return np.zeros(frames, np.float32)

    def note_xrun(self):
        self.xruns += 1


def test_the_capture_is_whole_after_every_block_without_being_closed(tmp_path):
    writer = sink(tmp_path)
    writer.open(50_000_000_000)
    blocks = [np.zeros(BLOCK), np.full(BLOCK, 0.5), np.zeros(BLOCK), np.full(BLOCK, -1.0)]
    for index, block in enumerate(blocks):
        writer.write(index * BLOCK, block.astype(np.float32), [])

        heard = read_wav(writer.capture)

        np.testing.assert_allclose(heard, np.concatenate(blocks[: index + 1]), atol=1 / 32767)
    writer.close()


def test_the_sidecar_says_at_which_sample_and_instant_a_cue_began(tmp_path):
    writer = sink(tmp_path)
    writer.open(50_000_000_000)
    writer.write(0, np.zeros(BLOCK, np.float32), [])
    writer.write(BLOCK, np.ones(BLOCK, np.float32), [Mark("b1", "began", 480), Mark("b1", "ended", 960)])

    lines = [json.loads(line) for line in writer.capture.with_suffix(".jsonl").read_text().splitlines()]

    assert [(line["event"], line["sample"]) for line in lines] == [("opened", 0), ("began", 1440), ("ended", 1920)]
    assert lines[1]["monotonic_ns"] == 50_030_000_000
    assert lines[1]["written_ns"] == lines[2]["written_ns"] == 40_000_000_000
    assert lines[1]["wall_ns"] - lines[1]["monotonic_ns"] > 1_700_000_000_000_000_000
    writer.close()


def test_hours_of_silence_cost_no_disk(tmp_path):
    writer = sink(tmp_path)
    writer.open(0)
    writer.write(3 * 3600 * 48_000, np.zeros(BLOCK, np.float32), [])
    writer.close()

    assert writer.capture.stat().st_size > 1_000_000_000
    assert writer.capture.stat().st_blocks * 512 < 100_000


def test_a_new_process_and_every_four_hours_make_a_new_file(tmp_path):
    clock = Clock()
    writers = [CaptureSink(tmp_path, wall_ns=clock.wall_ns, monotonic_ns=clock.monotonic_ns) for _ in range(2)]
    for writer in writers:
        writer.open(0)
        writer.write(0, np.ones(BLOCK, np.float32), [])
    writers[1].write(4 * 3600 * 48_000, np.ones(BLOCK, np.float32), [Mark("b", "began", 5)])
    for writer in writers:
        writer.close()

    wavs = sorted(tmp_path.glob("*.wav"))
    assert [read_wav(wav).size for wav in wavs] == [BLOCK] * 3
    began = json.loads(wavs[2].with_suffix(".jsonl").read_text().splitlines()[1])
    assert (began["sample"], began["monotonic_ns"]) == (5, 4 * 3600 * 10**9 + 104_166)


def test_the_oldest_captures_go_when_the_quota_is_full(tmp_path):
    for index in range(5):
        path = tmp_path / f"capture-{index}-1.wav"
        path.write_bytes(os.urandom(100_000))
        path.with_suffix(".jsonl").write_text("{}\n")

    writer = sink(tmp_path, quota_bytes=250_000)
    writer.open(0)
    writer.close()

    kept = {path.name for path in tmp_path.glob("*.wav")} - {writer.capture.name}
    assert kept == {"capture-3-1.wav", "capture-4-1.wav"}
    assert not (tmp_path / "capture-0-1.jsonl").exists()


@pytest.mark.parametrize(
    ("latency_ms", "extra_ms", "shift_ms"), [(0, 0, 0), (12.5, 0, 12.5), (0, 80, -80), (10, 80, -70)]
)
def test_the_mixer_is_told_the_latency_but_not_the_extra_delay(latency_ms, extra_ms, shift_ms):
    assert Timing(latency_ms, extra_ms).shift_ns == shift_ms * 1_000_000


def test_blocks_are_asked_for_on_an_even_grid_shortly_before_their_instant():
    asked = Asked(12)
    output = PacedOutput(NullSink(), timing=Timing())

    output.start(asked)
    assert asked.done.wait(10)
    output.stop()

    assert set(np.diff(asked.instants)) == {10_000_000}
    leads_ms = (np.array(asked.instants) - asked.asked_ns) / 1e6
    assert leads_ms.max() <= 60
    assert np.median(leads_ms) > 40


def test_a_thread_that_slept_long_leaves_a_hole_and_counts_it():
    asked = Asked(6, sleep_at=3)
    output = PacedOutput(NullSink(), timing=Timing())

    output.start(asked)
    assert asked.done.wait(10)
    output.stop()

    assert asked.xruns >= 1
    assert np.diff(asked.instants)[2] > 700_000_000
