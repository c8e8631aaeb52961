"""One relay against a station that does anything: the right source, no gap, exactly the planned time, true figures."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.player.relaying import LEAD_FRAMES, Change, Fallback, Ledger, Relaying
from edge_agent.relay.framing import Status
from edge_agent.relay.rules import RelayRules
from tests.fakes.player_sounds import write_wav

RATE = 48_000
RULES = RelayRules(silence_s=1.0, buffer_s=1.0, crossfade_ms=100)
STREAM, STAND_IN = 0.5, 0.25


@dataclass
class FakeStation:
    """A station under a test's thumb, of constant samples; `held` frames wait."""

    held: int = 0
    state: str = "live"
    back: bool = False
    why: Status = field(default_factory=lambda: Status(code="relay_stalled", message="stalled"))
    quiet_frames: int = 0
    joined: bool = False
    tended: int = 0

    def tend(self):
        self.tended += 1

    def available(self):
        return self.held

    def take(self, frames):
        taken = min(frames, self.held)
        self.held -= taken
        return np.full(taken, STREAM, np.float32)

    def join(self):
        self.joined, self.quiet_frames = True, 0

    def part(self):
        self.joined, self.held = False, 0


class Stage:
    """The ring and its listener: what is beyond the lead is heard at once, and waiting lets time pass.

    `meanwhile` is told how many frames were heard.
    """

    def __init__(self, station, fallback, meanwhile=lambda _: None):
        self.ledger, self.changes = Ledger(), []
        self.ahead, self.missed, self.waited, self.meanwhile = 0, 0, 0.0, meanwhile
        self.relaying = Relaying(
            station,
            fallback,
            RULES,
            ahead=lambda: self.ahead,
            missed=lambda: self.missed,
            pause=self.pause,
            told=self.changed,
        )

    def changed(self, change):
        self.changes.append(change)
        self.ledger.note(change)

    def pause(self, seconds):
        self.waited += seconds
        self.hear(round(seconds * RATE))
        return False

    def hear(self, frames):
        assert frames <= self.ahead, "a gap was heard"
        self.ahead -= frames
        self.meanwhile(frames)

    def play(self, frames):
        pieces = []
        for piece in self.relaying.blocks(frames, 0):
            pieces.append(piece)
            self.ahead += piece.size
            if self.ahead > LEAD_FRAMES:
                self.hear(self.ahead - LEAD_FRAMES)
        return np.concatenate(pieces)


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("relay") / "f.wav", np.full(4800, STAND_IN, np.float32))


def steps(changes):
    return [(change.sounds, change.why.code if change.why else None) for change in changes[1:-1]]


def test_a_station_that_gives_is_heard_from_the_first_sample_to_the_last():
    station = FakeStation(held=4 * RATE)

    samples = Stage(station, Fallback(None)).play(2 * RATE)

    assert samples.size == 2 * RATE
    np.testing.assert_allclose(samples[RATE // 5 : -RATE // 50], STREAM)


def test_a_station_that_runs_dry_is_left_before_a_gap_is_heard(stand_in):
    station = FakeStation(held=2 * RATE)
    stage = Stage(station, Fallback(stand_in))

    samples = stage.play(4 * RATE)

    assert steps(stage.changes) == [("stream", None), ("fallback", "relay_stalled")]
    assert samples.size == 4 * RATE
    assert samples[RATE // 5 : -RATE // 50].min() >= STAND_IN - 1e-3
    assert not station.joined


def test_it_waits_for_a_stumbling_line_as_long_as_nobody_hears_it(stand_in):
    station = FakeStation(held=RATE)

    def come(frames):
        arrived[0] += frames
        if arrived[0] % RATE > RATE // 2:  # nothing for half a second, then what it owes
            station.held += arrived[0] - given[0]
            given[0] = arrived[0]

    arrived, given = [0], [0]
    stage = Stage(station, Fallback(stand_in), come)

    stage.play(6 * RATE)

    assert steps(stage.changes) == [("stream", None)]
    assert stage.waited > 0


def test_silence_for_too_long_is_left_and_the_station_is_taken_back_when_it_sounds(stand_in):
    station = FakeStation(held=60 * RATE)
    stage = Stage(station, Fallback(stand_in))
    spoken = iter(range(10_000))

    def tend():
        turn = next(spoken)
        if turn == 100:
            station.quiet_frames = RATE
        if turn == 200:
            station.back, station.held = True, 60 * RATE

    station.tend = tend

    stage.play(8 * RATE)

    assert steps(stage.changes) == [("stream", None), ("fallback", "relay_silent"), ("stream", None)]


def test_a_station_that_cannot_be_opened_gives_way_at_once_and_one_that_hesitates_within_2_s(stand_in):
    down = Stage(FakeStation(state="down"), Fallback(stand_in)).play(RATE)
    heard = Stage(FakeStation(state="opening"), Fallback(stand_in)).play(4 * RATE)

    assert down[RATE // 10] == pytest.approx(STAND_IN, abs=1e-4)
    assert np.flatnonzero(heard > 0.1)[0] / RATE < 2
    assert heard.size == 4 * RATE


def test_a_fallback_that_is_gone_or_broken_is_silence_and_said_to_be(tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF" + b"x" * 100)
    for path in (tmp_path / "none.wav", broken):
        stage = Stage(FakeStation(state="down"), Fallback(path))

        assert not stage.play(RATE).any()

        heard = stage.ledger.heard(RATE)
        assert heard is not None
        assert heard.silence_ms >= 980
        assert heard.reasons == ("relay_stalled",)


def test_a_short_fallback_is_repeated_without_a_gap(stand_in):
    fallback = Fallback(stand_in)

    taken = np.concatenate([fallback.take(960) for _ in range(50)])

    np.testing.assert_allclose(taken, STAND_IN, atol=1e-4)
    assert fallback.usable


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5 * RATE),
    st.lists(
        st.tuples(st.integers(0, 40_000), st.sampled_from(["opening", "live", "down"]), st.booleans(), st.booleans()),
        min_size=1,
        max_size=40,
    ),
)
def test_whatever_a_station_does_the_time_is_kept_and_every_frame_is_accounted_for(stand_in, frames, behaviour):
    station = FakeStation(state="opening")
    turns = [0]

    def come(_frames):
        turns[0] += 1
        arrived, station.state, station.back, quiet = behaviour[turns[0] // 5 % len(behaviour)]
        station.held = min(station.held + arrived, 2 * RATE)
        station.quiet_frames = 2 * RATE if quiet else 0

    stage = Stage(station, Fallback(stand_in), come)

    samples = stage.play(frames)

    assert samples.size == frames
    assert samples.min() >= 0
    assert samples.max() <= STREAM + 1e-6
    heard = stage.ledger.heard(frames)
    assert heard is not None
    assert math.isclose(heard.stream_ms + heard.fallback_ms + heard.silence_ms, frames / 48, abs_tol=2)
    if not heard.stream_ms:
        assert samples.max() <= STAND_IN + 1e-3


def test_what_came_too_late_to_be_heard_is_left_out_so_that_the_end_stays(stand_in):
    def meanwhile(_frames):
        stage.missed = 7000

    stage = Stage(FakeStation(held=60 * RATE), Fallback(stand_in), meanwhile)

    samples = stage.play(3 * RATE)

    assert samples.size == 3 * RATE - 7000
    assert abs(samples[-1]) < 0.01
    assert stage.changes[-1] == Change(samples.size, None)


def test_the_ledger_counts_only_what_was_heard():
    ledger = Ledger()
    why = Status(code="relay_ended")
    for change in (
        Change(100, "silence"),
        Change(580, "stream"),
        Change(48_580, "fallback", why),
        Change(96_580, "stream"),
        Change(144_580, None),
    ):
        ledger.note(change)

    assert ledger.heard(100) is None
    assert ledger.heard(340) is not None
    before = ledger.heard(48_580)
    assert (before.stream_ms, before.fallback_ms, before.reasons) == (1000, 0, ())
    assert ledger.heard(72_580).fallback_ms == 500
    whole = ledger.heard(500_000)
    assert (whole.stream_ms, whole.fallback_ms, whole.silence_ms, whole.reasons) == (2000, 1000, 10, ("relay_ended",))
