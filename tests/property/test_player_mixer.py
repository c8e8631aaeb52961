"""Whatever is asked of the mixer: one voice at a time, one end for every start, meters that agree with the samples."""

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.player.engine import Mixer
from edge_agent.player.levels import ns_of_frames
from edge_agent.player.voice import STOP_RAMP_MAX_MS
from edge_agent.player.wire import Ended, FirstSample, Prepare, Silence, StartAt
from tests.fakes.player_feed import ArrayFeed

BLOCK = 480
BLOCKS = 60
T0 = 7_000_000_000_000

starts = st.tuples(
    st.integers(0, BLOCKS - 12),  # block in which the order arrives
    st.integers(-2000, 20_000),  # start, in frames after T0
    st.integers(1, 9000),  # length in frames
    st.one_of(st.none(), st.integers(0, 5000)),  # frames by which it may be late
)
stops = st.tuples(st.integers(0, BLOCKS - 12), st.one_of(st.none(), st.integers(0, 4)), st.integers(0, 80))


@settings(max_examples=200, deadline=None)
@given(st.lists(starts, min_size=1, max_size=5), st.lists(stops, max_size=3), st.randoms(use_true_random=False))
def test_no_sample_ever_holds_two_cues_and_every_start_ends_once(cues, cuts, random):
    mixer = Mixer("signal")
    # Each cue has its own power of two as constant level: a sample tells which cues are in it only if there is one.
    feeds = [ArrayFeed(np.full(length, 2.0 ** -(2 * k + 1))) for k, (_, _, length, _) in enumerate(cues)]
    began, over, blocks = {}, {}, []

    for index in range(BLOCKS):
        for k, (block, frame, _, late) in enumerate(cues):
            if block == index:
                start_ns = T0 + ns_of_frames(frame)
                latest_ns = None if late is None else start_ns + ns_of_frames(late)
                prepare = Prepare(occurrence=str(k), sources=(Silence(1),), fade_in_ms=0, fade_out_ms=0)
                mixer.start(prepare, StartAt(occurrence=str(k), start_ns=start_ns, latest_ns=latest_ns), feeds[k])
        for block, target, ramp_ms in cuts:
            if block == index:
                mixer.stop(None if target is None else str(target), ramp_ms=ramp_ms)
        jitter_ns = random.randint(-50_000, 50_000)
        blocks.append(mixer.render(BLOCK, T0 + ns_of_frames(index * BLOCK) + jitter_ns))
        for mark in mixer.marks:
            (began if mark.what == "began" else over)[mark.occurrence] = index * BLOCK + mark.frame
    out = np.concatenate(blocks)
    ends = [report.event for report in mixer.reports if isinstance(report.event, Ended)]
    firsts = [report.event.occurrence for report in mixer.reports if isinstance(report.event, FirstSample)]

    sounded = sorted((begin, over.get(name, out.size), name) for name, begin in began.items())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(sounded))
    for begin, end, name in sounded:
        assert out[begin:end].max(initial=0.0) <= 2.0 ** -(2 * int(name) + 1)
        out[begin:end] = 0.0
    assert not out.any()
    told = [end.occurrence for end in ends]
    assert sorted(told) == sorted(set(told))
    assert set(firsts) == set(began)
    pending = {name for name in began if name not in over}
    future = {str(k) for k, (_, frame, _, _) in enumerate(cues) if frame >= (BLOCKS - 1) * BLOCK}
    assert {str(k) for k in range(len(cues))} == set(told) | pending | future - set(told)
    for end in ends:
        if end.occurrence in began:
            assert end.frames == over[end.occurrence] - began[end.occurrence]
            assert end.skew_ms > -0.2
        else:
            assert end.frames == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=3000),
    st.integers(0, 100),
    st.integers(0, 20),
    st.integers(1, 1500),
    st.integers(0, 2000),
)
def test_the_meters_agree_with_the_samples_for_any_content_and_block_size(content, volume, fade_ms, block, begin):
    mixer = Mixer("signal")
    prepare = Prepare(occurrence="a", sources=(Silence(1),), fade_in_ms=fade_ms, fade_out_ms=fade_ms)
    mixer.start(prepare, StartAt(occurrence="a", start_ns=T0 + ns_of_frames(begin), volume=volume), ArrayFeed(content))

    count = (begin + len(content)) // block + 2
    out = np.concatenate([mixer.render(block, T0 + ns_of_frames(k * block)) for k in range(count)])

    end = next(report.event for report in mixer.reports if isinstance(report.event, Ended))
    energy = float(np.sum(out.astype(np.float64) ** 2))
    rms_dbfs = max(-120.0, 10 * math.log10(energy / end.frames)) if energy else -120.0
    assert abs(end.frames - len(content)) == 0
    assert abs(end.rms_dbfs - rms_dbfs) < 0.05
    assert abs(10 ** (end.peak_dbfs / 20) - max(1e-6, float(np.abs(out).max()))) < 0.002


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 30), st.integers(0, 500), st.integers(1, 20))
def test_a_stop_is_over_within_50_ms_at_any_moment(block, ramp_ms, volume):
    mixer = Mixer("signal")
    prepare = Prepare(occurrence="a", sources=(Silence(1),))
    mixer.start(prepare, StartAt(occurrence="a", start_ns=T0, volume=100 - volume), ArrayFeed(np.ones(48_000)))
    for index in range(block):
        mixer.render(BLOCK, T0 + ns_of_frames(index * BLOCK))

    mixer.stop("a", ramp_ms=ramp_ms)
    out = np.concatenate([mixer.render(BLOCK, T0 + ns_of_frames(k * BLOCK)) for k in range(block, block + 12)])

    assert not out[STOP_RAMP_MAX_MS * 48 :].any()
