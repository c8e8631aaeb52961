"""A relay as the player has it: a real process, a real station on loopback; the tone tells which source is heard."""

import asyncio
import json
import time

import numpy as np
import pytest

from edge_agent.player.supervisor import Player, PlayerSettings
from edge_agent.player.wire import Chime, Content, Ended, Prepare, Relay, RelayChanged
from edge_agent.relay.rules import RelayRules
from tests.fakes.player_events import Heard
from tests.fakes.player_sounds import read_wav, write_wav
from tests.fakes.radio import Radio

MS = 1_000_000
LOOPBACK = ("127.0.0.1/32",)
QUICK = RelayRules(silence_s=1.0, retry_s=0.6, back_s=0.8, buffer_s=1.0, crossfade_ms=100)
STATION_HZ, FALLBACK_HZ, BULLETIN_HZ = 1000.0, 400.0, 2000.0


def tone(hz, seconds, level=0.2):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * 48_000)) / 48_000)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    fallback = write_wav(folder / "fallback.wav", tone(FALLBACK_HZ, 0.7))
    bulletin = write_wav(folder / "bulletin.wav", tone(BULLETIN_HZ, 0.5))
    return Content(str(fallback)), Content(str(bulletin), 500)


class Rig:
    """A player into a capture, with quick relay rules."""

    def __init__(self, folder, rules=QUICK, allow=LOOPBACK):
        self.heard = Heard()
        self.folder = folder
        settings = PlayerSettings(output="file", capture_dir=folder, relay=rules, relay_allow=allow)
        self.player = Player(settings, self.heard)

    async def sound(self, *sources, ahead_s=1.5, **cue):
        """Prepare, start `ahead_s` later."""
        await self.player.prepare(Prepare(occurrence="b", sources=sources, **cue))
        start_ns = time.monotonic_ns() + round(ahead_s * 1e9)
        await asyncio.sleep(ahead_s - 0.3)
        await self.player.start_at("b", start_ns=start_ns)
        return start_ns

    async def changed(self, sounds, count=1):
        async with asyncio.timeout(10):
            while len([e for e in self.heard.of(RelayChanged) if e.sounds == sounds]) < count:
                await self.heard.wait(RelayChanged, count=len(self.heard.of(RelayChanged)) + 1)

    async def over(self):
        ended = await self.heard.wait(Ended, "b")
        await self.player.close()
        return ended

    def captured(self):
        """What was heard from the cue's begin to its end, and the instants of both."""
        log = next(self.folder.glob("*.jsonl"))
        marks = {line["event"]: line for line in map(json.loads, log.read_text().splitlines())}
        wav = read_wav(log.with_suffix(".wav"))
        begin, end = marks["began"], marks["ended"]
        return wav[begin["sample"] : end["sample"]], begin["monotonic_ns"], end["monotonic_ns"]


@pytest.fixture
async def rig(tmp_path):
    rig = Rig(tmp_path / "capture")
    async with rig.player:
        await rig.player.wait_open()
        yield rig


def spans(samples, window_s=0.05):
    """[(hz, begin_s, end_s)]: which tone is heard when; 0 is silence, -1 a mixture."""
    size = round(window_s * 48_000)
    heard = []
    for place in range(0, samples.size - size + 1, size):
        window = samples[place : place + size]
        spectrum = np.abs(np.fft.rfft(window * np.hanning(size), 48_000))
        known = {hz: spectrum[int(hz) - 30 : int(hz) + 31].max() for hz in (STATION_HZ, FALLBACK_HZ, BULLETIN_HZ)}
        best = max(known, key=known.get)
        loud = np.sqrt(np.mean(window**2)) > 0.003
        clear = known[best] > 5 * max(v for hz, v in known.items() if hz != best)
        hz = 0 if not loud else best if clear else -1
        at = place / 48_000
        if heard and heard[-1][0] == hz:
            heard[-1] = (hz, heard[-1][1], at + window_s)
        else:
            heard.append((hz, at, at + window_s))
    return heard


def order(samples):
    return [hz for hz, begin, end in spans(samples) if hz > 0 and end - begin > 0.06]


def largest_step(samples):
    return float(np.abs(np.diff(samples)).max())


@pytest.mark.parametrize("sort", ["mp3", "aac", "vorbis", "opus"])
async def test_a_station_is_heard_between_chime_and_bulletin_for_exactly_its_time(rig, files, sort, tell):
    _, bulletin = files
    with Radio(sort, hz=STATION_HZ, metadata=sort == "mp3") as radio:
        start_ns = await rig.sound(Chime("attention"), Relay(radio.url, 2000), bulletin)
        ended = await rig.over()

    samples, begin_ns, end_ns = rig.captured()
    tell(f"{sort}: ended {(end_ns - start_ns) / MS - 875 - 2500:+.3f} ms from its instant")
    assert abs(begin_ns - start_ns) < 21_000
    assert abs(end_ns - start_ns - (875 + 2500) * MS) < 42_000
    assert (ended.outcome, ended.relayed_ms, ended.fallback_ms, ended.starved_ms) == ("played", 2000, 0, 0)
    relay = samples[42_000 : 42_000 + 96_000]
    assert order(relay) == [STATION_HZ]
    assert spans(samples[42_000 + 96_000 :])[0][0] == BULLETIN_HZ
    assert largest_step(relay) < 0.2 * 2 * np.pi * STATION_HZ / 48_000 * 1.6


async def test_a_stream_that_is_cut_gives_way_to_the_fallback_and_is_taken_back(rig, files):
    fallback, bulletin = files
    with Radio(hz=STATION_HZ) as radio:
        start_ns = await rig.sound(Relay(radio.url, 8000, fallback), bulletin)
        await rig.changed("stream")
        await asyncio.sleep(0.7)
        radio.behaviour = "cut"
        cut_ns = time.monotonic_ns()
        await rig.changed("fallback")
        radio.behaviour = "sound"
        await rig.changed("stream", 2)
        ended = await rig.over()

    samples, _, end_ns = rig.captured()
    heard = spans(samples)
    print(heard, ended, (cut_ns - start_ns) / 1e9, rig.heard.of(RelayChanged))
    assert order(samples) == [STATION_HZ, FALLBACK_HZ, STATION_HZ, BULLETIN_HZ]
    assert abs(end_ns - start_ns - 8500 * MS) < 42_000
    assert ended.relayed_ms + ended.fallback_ms + ended.relay_silence_ms == 8000
    assert ended.relay_silence_ms <= 100
