"""Relays as the player has them: real processes, real stations on loopback; the tone tells which source is heard when.

All performances run side by side, once; each test looks at one of them.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge_agent.player.supervisor import Player, PlayerSettings
from edge_agent.player.wire import Chime, Content, Ended, Prepare, Progress, Relay, RelayChanged
from edge_agent.relay.rules import RelayRules
from tests.acceptance.rig import wait_for
from tests.fakes.player_events import Heard
from tests.fakes.player_sounds import read_wav, write_wav
from tests.fakes.radio import Radio
from tests.fakes.tones import order, spans

pytestmark = pytest.mark.alone

MS = 1_000_000
BLOCK_NS = 21 * MS
LOOPBACK = ("127.0.0.1/32",)
QUICK = RelayRules(silence_s=1.0, retry_s=0.6, back_s=0.8, buffer_s=1.0, crossfade_ms=100)
STATION_HZ, FALLBACK_HZ, BULLETIN_HZ = 1000, 400, 2000
FORMATS = {"mp3": 700, "aac": 1000, "vorbis": 1300, "opus": 1600}
APART_S = 0.4  # processes load one after the other
TONES = (STATION_HZ, FALLBACK_HZ, BULLETIN_HZ)


@dataclass
class Performed:
    """What became of one cue: the end that was told, the changes, the samples from its begin on, instants."""

    ended: Ended
    changes: list[RelayChanged]
    samples: np.ndarray
    asked_ns: int
    begin_ns: int
    end_ns: int
    helpers_left: int = 0

    @property
    def late_ms(self):
        return (self.begin_ns - self.asked_ns) / MS

    @property
    def lasted_ms(self):
        return (self.end_ns - self.begin_ns) / MS


class Rig:
    """A player of its own into a capture."""

    def __init__(self, folder, allow=LOOPBACK):
        self.heard = Heard()
        self.folder = folder
        settings = PlayerSettings(output="file", capture_dir=folder, relay=QUICK, relay_allow=allow)
        self.player = Player(settings, self.heard)
        self.asked_ns = 0

    async def begin(self, *sources, when=lambda: True, **cue):
        """Prepare, and start a little after `when` has become true."""
        await self.player.wait_open()
        await self.player.prepare(Prepare(occurrence="b", sources=sources, **cue))
        await asyncio.to_thread(wait_for, when, "the stations were asked")
        await asyncio.sleep(0.5)
        self.asked_ns = time.monotonic_ns() + 300 * MS
        await self.player.start_at("b", start_ns=self.asked_ns)

    async def changed(self, sounds, count=1):
        async with asyncio.timeout(20):
            while len([e for e in self.heard.of(RelayChanged) if e.sounds == sounds]) < count:
                await self.heard.wait(RelayChanged, count=len(self.heard.of(RelayChanged)) + 1)

    async def end(self):
        ended = await self.heard.wait(Ended, "b", timeout_s=40)
        await asyncio.sleep(0.3)
        opened = self.player.opened
        left = len(psutil.Process(opened.pid).children()) if opened is not None else 0
        await self.player.close()
        log = next(self.folder.glob("*.jsonl"))
        marks = {line["event"]: line for line in map(json.loads, log.read_text().splitlines())}
        begin, end = marks["began"], marks["ended"]
        samples = read_wav(log.with_suffix(".wav"))[begin["sample"] : end["sample"]]
        return Performed(
            ended,
            self.heard.of(RelayChanged),
            samples,
            self.asked_ns,
            begin["monotonic_ns"],
            end["monotonic_ns"],
            left,
        )


class Sounds:
    """The files of all performances."""

    def __init__(self, folder: Path) -> None:
        def tone(name, hz, seconds):
            at = np.arange(round(seconds * 48_000)) / 48_000
            return write_wav(folder / name, (0.2 * np.sin(2 * np.pi * hz * at)).astype(np.float32))

        self.fallback = Content(str(tone("fallback.wav", FALLBACK_HZ, 0.7)))
        self.bulletin = Content(str(tone("bulletin.wav", BULLETIN_HZ, 0.5)), 500)


async def all_formats(rig, sounds):
    radios = [Radio(sort, hz=hz, metadata=sort == "mp3") for sort, hz in FORMATS.items()]
    for radio in radios:
        radio.__enter__()
    await rig.begin(
        Chime("attention"),
        *[Relay(radio.url, 1000) for radio in radios],
        sounds.bulletin,
        when=lambda: all(radio.sent_s > 2.5 for radio in radios),
    )
    performed = await rig.end()
    for radio in radios:
        radio.__exit__()
    return performed


async def cut(rig, sounds):
    with Radio(hz=STATION_HZ) as radio:
        await rig.begin(Relay(radio.url, 5000, sounds.fallback), sounds.bulletin, when=lambda: radio.sent_s > 2.5)
        await rig.changed("stream")
        radio.behaviour = "cut"
        await rig.changed("fallback")
        radio.behaviour = "sound"
        return await rig.end()


async def stalled_and_silent(rig, sounds):
    with Radio("aac", hz=STATION_HZ) as radio:
        await rig.begin(Relay(radio.url, 7000, sounds.fallback), when=lambda: radio.sent_s > 2.5)
        await rig.changed("stream")
        radio.behaviour = "stall"
        await rig.changed("fallback")
        radio.behaviour = "sound"
        await rig.changed("stream", 2)
        radio.behaviour = "silence"
        return await rig.end()


async def closed_at_first(rig, _):
    with Radio(hz=STATION_HZ) as radio:
        radio.behaviour = "cut"
        await rig.begin(Relay(radio.url.replace("/live", "/list.pls"), 5000), when=lambda: radio.refused)
        await rig.changed("silence")
        radio.behaviour = "sound"
        return await rig.end()


async def inside(rig, sounds):
    """The rest of a relay of a station on a network that the profile does not name."""
    with Radio(hz=STATION_HZ) as radio:
        await rig.begin(Relay(radio.url, 60_000, sounds.fallback), offset_ms=57_500)
        done = await rig.end()
        assert radio.connections == 0
        return done


async def stopped(rig, sounds):
    with Radio("opus", hz=STATION_HZ) as radio:
        await rig.begin(
            Relay(radio.url.replace("/live", "/moved"), 60_000, sounds.fallback), when=lambda: radio.sent_s > 2.5
        )
        await rig.heard.wait(Progress, "b", count=3)
        await rig.player.volume(50, "b")
        await rig.heard.wait(Progress, "b", count=6)
        await rig.player.stop("b")
        return await rig.end()


async def ended_early(rig, sounds):
    with Radio(hz=STATION_HZ) as radio:
        await rig.begin(Relay(radio.url, 60_000, sounds.fallback), end_ms=30_000, when=lambda: radio.sent_s > 2.5)
        await rig.heard.wait(Progress, "b", count=2)
        await rig.player.end_at("b", 1500)
        return await rig.end()


SCENARIOS = (all_formats, cut, stalled_and_silent, closed_at_first, inside, stopped, ended_early)


@pytest.fixture(scope="module")
def performed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relays")
    sounds = Sounds(folder)

    async def one(scenario):
        await asyncio.sleep(APART_S * SCENARIOS.index(scenario))
        rig = Rig(folder / scenario.__name__, () if scenario is inside else LOOPBACK)
        async with rig.player:
            return await scenario(rig, sounds)

    async def everything():
        return await asyncio.gather(*(one(scenario) for scenario in SCENARIOS))

    return dict(zip(SCENARIOS, asyncio.run(everything()), strict=True))


def test_stations_of_every_format_are_heard_for_exactly_their_time(performed, tell):
    done = performed[all_formats]

    tell(f"relay: begun {done.late_ms:+.3f} ms, ended {done.lasted_ms - 5375:+.3f} ms from the planned instants")
    assert abs(done.begin_ns - done.asked_ns) < BLOCK_NS
    assert done.lasted_ms == pytest.approx(5375, abs=0.05)
    assert (done.ended.outcome, done.ended.relayed_ms, done.ended.relay_silence_ms) == ("played", 4000, 0)
    assert done.ended.starved_ms == 0
    relays = done.samples[42_000:]
    for number, hz in enumerate(FORMATS.values()):
        part = relays[number * 48_000 : (number + 1) * 48_000]
        assert order(part, tuple(FORMATS.values())) == [hz]
    assert order(relays[4 * 48_000 :], TONES) == [BULLETIN_HZ]


def test_no_click_where_a_relay_joins_its_neighbours(performed):
    relays = performed[all_formats].samples[42_000:]

    steepest = 0.2 * 2 * np.pi * max(FORMATS.values()) / 48_000
    for joint in range(48_000, 4 * 48_000, 48_000):
        assert np.abs(np.diff(relays[joint - 2400 : joint + 2400])).max() < 1.1 * steepest
        assert np.abs(relays[joint - 24 : joint + 24]).max() < 0.01


def test_a_stream_that_is_cut_gives_way_to_the_fallback_and_is_taken_back(performed, tell):
    done = performed[cut]

    heard = spans(done.samples, TONES)
    tell(f"relay cut: {[(hz, round(end - begin, 2)) for hz, begin, end in heard if hz > 0]}")
    assert order(done.samples, TONES) == [STATION_HZ, FALLBACK_HZ, STATION_HZ, BULLETIN_HZ]
    assert not [span for span in heard if span[0] == 0]
    assert done.lasted_ms == pytest.approx(5500, abs=0.05)
    assert done.ended.relayed_ms + done.ended.fallback_ms == 5000
    assert done.ended.relay_reasons == ("relay_ended",)
    fallback_s = sum(end - begin for hz, begin, end in heard if hz == FALLBACK_HZ)
    assert done.ended.fallback_ms / 1000 == pytest.approx(fallback_s, abs=0.25)


def test_a_stream_that_stalls_or_falls_silent_gives_way_to_the_fallback(performed, tell):
    done = performed[stalled_and_silent]

    heard = spans(done.samples, TONES)
    tell(f"relay stalled, then silent: {[(hz, round(end - begin, 2)) for hz, begin, end in heard if hz >= 0]}")
    assert order(done.samples, TONES) == [STATION_HZ, FALLBACK_HZ, STATION_HZ, FALLBACK_HZ]
    silences = [end - begin for hz, begin, end in heard if hz == 0]
    assert len(silences) == 1
    assert silences[0] == pytest.approx(QUICK.silence_s, abs=0.2)
    assert done.lasted_ms == pytest.approx(7000, abs=0.05)
    assert done.ended.relay_reasons == ("relay_stalled", "relay_silent")


def test_without_a_fallback_there_is_silence_until_the_station_that_a_playlist_names_answers(performed):
    done = performed[closed_at_first]

    assert order(done.samples, TONES) == [STATION_HZ]
    assert [change.sounds for change in done.changes] == ["silence", "stream"]
    assert done.changes[0].code == "relay_unreachable"
    assert done.ended.relay_silence_ms > 500
    assert done.ended.relayed_ms + done.ended.relay_silence_ms == 5000
    assert done.lasted_ms == pytest.approx(5000, abs=0.05)


def test_nothing_is_fetched_from_the_devices_own_network_and_the_fallback_sounds_within_2_s(performed):
    done = performed[inside]

    assert order(done.samples, TONES) == [FALLBACK_HZ]
    first_heard_s = np.flatnonzero(np.abs(done.samples) > 0.01)[0] / 48_000
    assert first_heard_s < 2.0
    assert done.changes[0].code in {"relay_address_refused", "relay_stalled"}
    assert done.ended.relayed_ms == 0
    assert done.lasted_ms == pytest.approx(2500, abs=0.05)


def test_volume_and_stop_work_on_a_relay_and_leave_no_helper_behind(performed):
    done = performed[stopped]

    assert (done.ended.outcome, done.ended.reason) == ("stopped", "stopped")
    assert abs(done.ended.relayed_ms + done.ended.relay_silence_ms - done.ended.played_ms) <= 20
    loud, quiet = done.samples[24_000:28_800], done.samples[-9600:-4800]
    assert 20 * np.log10(np.abs(loud).max() / np.abs(quiet).max()) == pytest.approx(20, abs=1)
    assert done.helpers_left == 0


def test_an_end_that_moves_ends_a_relay(performed):
    done = performed[ended_early]

    assert (done.ended.outcome, done.ended.relayed_ms) == ("played", 1500)
    assert done.lasted_ms == pytest.approx(1500, abs=0.05)
    assert done.helpers_left == 0
