"""The mixer: which sample leaves the converter when, how it is shaped, and what is said about it afterwards."""

import numpy as np
import pytest

from edge_agent.player.engine import Mixer
from edge_agent.player.levels import Meter, gain_of_volume, ns_of_frames
from edge_agent.player.wire import Ended, FirstSample, Prepare, Progress, Silence, StartAt
from tests.fakes.player_feed import ArrayFeed

BLOCK = 960
T0 = 5_000_000_000_000


def cue(name="a", **changes):
    return Prepare(occurrence=name, sources=(Silence(1),), **{"fade_in_ms": 0, "fade_out_ms": 0, **changes})


def order(name="a", *, frame=0, **changes):
    return StartAt(occurrence=name, start_ns=T0 + ns_of_frames(frame), **changes)


def run(mixer, blocks, *, first=0):
    return np.concatenate([mixer.render(BLOCK, T0 + ns_of_frames((first + k) * BLOCK)) for k in range(blocks)])


def ended(mixer):
    return {r.event.occurrence: r.event for r in mixer.reports if isinstance(r.event, Ended)}


def sine(seconds, amplitude=0.5, hz=1000):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * 48_000)) / 48_000).astype(np.float32)


@pytest.mark.parametrize("frame", [0, 1, 479, 959, 960, 1000, 4801])
def test_the_first_sample_goes_to_the_frame_of_the_start_instant(frame):
    mixer = Mixer("signal")
    content = np.linspace(0.1, 0.9, 3000, dtype=np.float32)
    mixer.start(cue(), order(frame=frame), ArrayFeed(content))

    out = run(mixer, 10)

    assert not out[:frame].any()
    np.testing.assert_array_equal(out[frame : frame + 3000], content)
    assert not out[frame + 3000 :].any()
    assert abs(ended(mixer)["a"].skew_ms) < 0.011


def test_the_first_sample_is_reported_before_its_block_is_sent():
    mixer = Mixer("signal")
    mixer.start(cue(), order(frame=100), ArrayFeed(np.ones(5000)))

    run(mixer, 1)

    first = mixer.reports.popleft()
    assert first.due_ns == 0
    assert isinstance(first.event, FirstSample)
    assert abs(first.event.dac_ns - (T0 + ns_of_frames(100))) <= 1


def test_a_late_start_sounds_at_once_and_says_how_late():
    mixer = Mixer("signal")
    mixer.start(cue(), order(frame=0), ArrayFeed(np.ones(1000)))

    out = run(mixer, 3, first=5)

    assert out[0] == 1.0
    assert ended(mixer)["a"].skew_ms == pytest.approx(100, abs=0.1)


def test_a_start_after_its_latest_instant_makes_no_sound():
    mixer = Mixer("signal")
    mixer.start(cue(), order(latest_ns=T0 + 50_000_000), ArrayFeed(np.ones(1000)))

    out = run(mixer, 3, first=5)

    assert not out.any()
    end = ended(mixer)["a"]
    assert (end.outcome, end.reason, end.played_ms, end.dac_ns) == ("failed", "too_late", 0, None)


def test_fades_are_smooth_and_leave_the_middle_untouched():
    mixer = Mixer("signal")
    mixer.start(cue(fade_in_ms=10, fade_out_ms=10), order(), ArrayFeed(np.ones(4800)))

    out = run(mixer, 6)[:4800]

    assert out[0] < 0.001
    assert out[-1] < 0.001
    assert np.abs(np.diff(out)).max() < 0.004
    np.testing.assert_array_equal(out[480:-480], 1.0)


@pytest.mark.parametrize(("asked_ms", "ramp_ms"), [(0, 0), (20, 20), (50, 50), (5000, 50)])
def test_a_stop_is_silent_within_its_ramp_and_never_above_50_ms(asked_ms, ramp_ms):
    mixer = Mixer("signal")
    mixer.start(cue(), order(), ArrayFeed(np.ones(48_000)))
    run(mixer, 5)

    mixer.stop("a", ramp_ms=asked_ms)
    out = run(mixer, 5, first=5)

    ramp = ramp_ms * 48
    assert not out[ramp:].any()
    assert np.all(np.diff(out[:ramp]) <= 0)
    assert ramp == 0 or np.abs(np.diff(out)).max() < 2 / ramp
    end = ended(mixer)["a"]
    assert (end.outcome, end.reason, end.position_ms, end.played_ms) == ("stopped", "stopped", 100, 100 + ramp_ms)


def test_a_stop_at_an_instant_begins_its_ramp_there():
    mixer = Mixer("signal")
    mixer.start(cue(), order(), ArrayFeed(np.ones(48_000)))

    mixer.stop("a", ramp_ms=10, at_ns=T0 + 33_000_000)
    out = run(mixer, 5)

    np.testing.assert_array_equal(out[: 33 * 48], 1.0)
    assert 0 < out[40 * 48] < 1
    assert not out[43 * 48 :].any()


def test_a_stop_before_the_start_keeps_silence():
    mixer = Mixer("signal")
    feed = ArrayFeed(np.ones(1000))
    mixer.start(cue(), order(frame=2000), feed)
    mixer.stop(None, ramp_ms=20)

    out = run(mixer, 5)

    assert not out.any()
    assert (ended(mixer)["a"].outcome, ended(mixer)["a"].played_ms) == ("stopped", 0)
    assert feed.closed


def test_a_stop_at_an_instant_before_the_start_keeps_silence():
    mixer = Mixer("signal")
    mixer.start(cue(), order(frame=3000), ArrayFeed(np.ones(1000)))
    mixer.stop("a", ramp_ms=20, at_ns=T0 + ns_of_frames(2500))

    out = run(mixer, 6)

    assert not out.any()
    assert ended(mixer)["a"].outcome == "stopped"


def test_a_known_start_ends_the_other_cue_exactly_before_it():
    mixer = Mixer("signal")
    mixer.start(cue("a"), order("a"), ArrayFeed(np.ones(48_000)))
    mixer.start(cue("b"), order("b", frame=3000), ArrayFeed(np.full(1000, 0.25)))

    out = run(mixer, 6)

    assert out[3000 - 481] == 1.0
    assert 0 < out[2999] < 0.001
    np.testing.assert_array_equal(out[3000:4000], np.float32(0.25))
    assert ended(mixer)["a"].reason == "superseded"
    assert abs(ended(mixer)["b"].skew_ms) < 0.011


def test_a_start_at_once_waits_for_the_ramp_of_the_other_cue():
    mixer = Mixer("signal")
    mixer.start(cue("a"), order("a"), ArrayFeed(np.ones(48_000)))
    run(mixer, 4)

    mixer.start(cue("b"), order("b", frame=10), ArrayFeed(np.full(1000, 0.25)))
    out = run(mixer, 3, first=4)

    assert out[479] < 0.001
    np.testing.assert_array_equal(out[480:1480], np.float32(0.25))


def test_of_two_late_cues_only_the_later_one_sounds():
    mixer = Mixer("signal")
    mixer.start(cue("a"), order("a", frame=0), ArrayFeed(np.ones(1000)))
    mixer.start(cue("b"), order("b", frame=5), ArrayFeed(np.full(1000, 0.25)))

    out = run(mixer, 3, first=3)

    np.testing.assert_array_equal(out[:1000], np.float32(0.25))
    assert ended(mixer)["a"].played_ms == 0
    assert ended(mixer)["b"].outcome == "played"


def test_back_to_back_cues_leave_no_gap():
    mixer = Mixer("signal")
    mixer.start(cue("a"), order("a"), ArrayFeed(np.full(2400, 0.5)))
    mixer.start(cue("b"), order("b", frame=2400), ArrayFeed(np.full(2400, 0.25)))

    out = run(mixer, 5)

    np.testing.assert_array_equal(out[2400:4800], np.float32(0.25))
    assert ended(mixer)["b"].outcome == "played"


@pytest.mark.parametrize("amplitude", [0.01, 0.25, 0.9])
@pytest.mark.parametrize("volume", [100, 60])
def test_the_meters_tell_a_known_sine_within_a_tenth_of_a_decibel(amplitude, volume):
    mixer = Mixer("signal")
    mixer.start(cue(), order(volume=volume), ArrayFeed(sine(2, amplitude)))

    run(mixer, 101)

    end = ended(mixer)["a"]
    peak_db = 20 * np.log10(amplitude) - 0.4 * (100 - volume)
    assert end.peak_dbfs == pytest.approx(peak_db, abs=0.1)
    assert end.rms_dbfs == pytest.approx(peak_db - 3.0103, abs=0.1)
    windows = [r.event for r in mixer.reports if isinstance(r.event, Progress)]
    assert len(windows) >= 7
    assert all(w.rms_dbfs == pytest.approx(peak_db - 3.0103, abs=0.1) for w in windows)


def test_the_meters_tell_what_the_block_held():
    mixer = Mixer("signal")
    mixer.start(cue(fade_in_ms=10), order(frame=300, volume=70), ArrayFeed(sine(0.5)))

    out = run(mixer, 30)

    sent = Meter()
    sent.add(out[300 : 300 + 24_000])
    assert ended(mixer)["a"].rms_dbfs == pytest.approx(sent.rms_dbfs, abs=0.01)
    assert ended(mixer)["a"].frames == 24_000


def test_the_volume_law_takes_four_tenths_of_a_decibel_per_point():
    decibels = [20 * np.log10(gain_of_volume(volume)) for volume in range(1, 101)]

    assert gain_of_volume(0) == 0.0
    assert gain_of_volume(100) == gain_of_volume(150) == 1.0
    np.testing.assert_allclose(np.diff(decibels), 0.4, atol=1e-9)


def test_a_change_of_volume_glides():
    mixer = Mixer("signal")
    mixer.start(cue(), order(), ArrayFeed(np.ones(48_000)))
    run(mixer, 3)

    mixer.set_volume(None, 50)
    out = run(mixer, 3, first=3)

    assert np.abs(np.diff(out)).max() < 0.002
    np.testing.assert_allclose(out[960:], 0.1, atol=1e-6)


def test_a_replaced_end_finishes_the_cue_as_played():
    mixer = Mixer("signal")
    mixer.start(cue(offset_ms=1000, fade_out_ms=10), order(), ArrayFeed(np.ones(48_000)))

    mixer.end_at("a", 1050)
    out = run(mixer, 5)

    np.testing.assert_array_equal(out[: 40 * 48], 1.0)
    assert not out[50 * 48 :].any()
    end = ended(mixer)["a"]
    assert (end.outcome, end.played_ms, end.position_ms) == ("played", 50, 1050)


def test_a_replaced_end_that_has_passed_fades_out_now():
    mixer = Mixer("signal")
    mixer.start(cue(fade_out_ms=10), order(), ArrayFeed(np.ones(48_000)))
    run(mixer, 5)

    mixer.end_at("a", 20)
    out = run(mixer, 3, first=5)

    assert not out[480:].any()
    assert np.abs(np.diff(out)).max() < 0.004
    assert ended(mixer)["a"].played_ms == 110


def test_late_decoding_leaves_counted_silence_and_loses_no_sample():
    mixer = Mixer("signal")
    feed = ArrayFeed(np.full(1000, 0.5), finished=False)
    mixer.start(cue(), order(), feed)
    run(mixer, 3)

    feed.samples, feed.finished = np.full(500, 0.25, np.float32), True
    out = run(mixer, 2, first=3)

    np.testing.assert_array_equal(out[:500], np.float32(0.25))
    assert ended(mixer)["a"].starved_ms == round((3 * 960 - 1000) / 48)


def test_a_decoder_that_fails_midway_ends_the_cue_as_failed_after_what_was_decoded():
    mixer = Mixer("signal")
    mixer.start(cue(), order(), ArrayFeed(np.ones(1500), failure="content_undecodable"))

    out = run(mixer, 3)

    assert np.count_nonzero(out) == 1500
    assert (ended(mixer)["a"].outcome, ended(mixer)["a"].reason) == ("failed", "content_undecodable")


def test_a_hole_of_the_output_is_counted_for_the_cue_under_it():
    mixer = Mixer("device")
    mixer.start(cue(), order(), ArrayFeed(np.ones(3000)))
    run(mixer, 2)

    run(mixer, 3, first=4)

    assert ended(mixer)["a"].xruns == 1
    assert ended(mixer)["a"].evidence == "device"


def test_the_end_is_told_only_when_the_last_sample_has_left_the_converter():
    mixer = Mixer("signal")
    mixer.start(cue(), order(), ArrayFeed(np.ones(1500)))

    run(mixer, 3)

    report = next(r for r in mixer.reports if isinstance(r.event, Ended))
    assert report.due_ns == T0 + ns_of_frames(1500)
