"""The relay's child process against servers that want to harm it, and the player's side against a child gone wrong."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.relay import framing
from edge_agent.relay.rules import RelayRules
from edge_agent.relay.station import Station
from tests.acceptance.rig import wait_for
from tests.fakes.radio import Encoder
from tests.fakes.rough_server import RoughServer, floods, head, says

ALLOW = ("127.0.0.1/32",)
AUDIO = head("Content-Type: audio/mpeg")
OGG = head("Content-Type: application/ogg")
MOST_KIB = 420 * 1024
ID3_BOMB = b"ID3\x04\0\0" + b"\x7f\x7f\x7f\x7f" + b"APIC" + b"\x7f\x7f\x7f\x00\0\0" + b"\0image/png\0\3\0"
OGG_BEGIN = b"OggS\0\2" + b"\0" * 8 + b"abcd" + b"\0" * 4 + b"\0" * 4
OGG_ENDLESS = b"OggS\0\1" + b"\xff" * 8 + b"abcd" + b"\0" * 8 + bytes([255]) + b"\xff" * 255 + b"x" * 255 * 255


def peak_kib(pid):
    """The most memory a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


class Child:
    """The real child; `attempt` gives its last word about one address."""

    def __init__(self):
        command = [sys.executable, "-m", "edge_agent.relay"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def attempt(self, url, *, blocks=0, allow=ALLOW):
        """(status, blocks of sound before it); leaves after so many blocks."""
        order = framing.Order(url=url, allow=allow, stall_s=0.5)
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()
        heard = 0
        while (answer := framing.read(self.process.stdout)) is not None:
            if isinstance(answer, framing.Sound):
                heard += 1
                if blocks and heard >= blocks:
                    return None, heard
            elif answer.code:
                return answer, heard
        return None, heard

    def until_status(self):
        """Read on until the stream is over."""
        while isinstance(framing.read(self.process.stdout), framing.Sound):
            pass

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def child():
    child = Child()
    yield child
    child.close()


def encoded(sort, seconds):
    encoder = Encoder(sort)
    tone = (0.2 * np.sin(np.arange(48_000) / 8)).astype(np.float32)
    return b"".join(encoder.push(tone) for _ in range(seconds))


HOSTILE = {
    "a page": (says(head("Content-Type: text/html"), b"<html>" * 50), "relay_not_a_stream"),
    "hls": (
        says(head("Content-Type: application/vnd.apple.mpegurl"), b"#EXTM3U\n#EXT-X-VERSION:3\n"),
        "relay_not_a_stream",
    ),
    "a playlist of itself": (
        says(head("Content-Type: audio/x-scpls"), b"[playlist]\nFile1=loop\n"),
        "relay_not_a_stream",
    ),
    "noise": (floods(AUDIO, np.random.default_rng(3).bytes(65_536)), None),
    "zeros": (floods(AUDIO, bytes(65_536)), None),
    "a tag of 250 MB": (floods(AUDIO + ID3_BOMB, bytes(65_536)), None),
    "an ogg page that never ends": (floods(OGG + OGG_BEGIN + OGG_ENDLESS, OGG_ENDLESS), None),
}


FLOODED_S = 1.5


@pytest.fixture(scope="module")
def endured():
    """Every hostile server at once, a child for each: (last word or None, most memory in KiB)."""

    def meet(what):
        child, found = Child(), []
        with RoughServer(loop=HOSTILE[what][0]) as server:
            attempt = threading.Thread(target=lambda: found.append(child.attempt(server.url("loop"))), daemon=True)
            attempt.start()
            wait_for(lambda: server.asked, "the child asks", 20)
            attempt.join(10 if HOSTILE[what][1] else FLOODED_S)
            most = peak_kib(child.process.pid) if child.process.poll() is None else 0
        child.process.kill()
        attempt.join(5)
        child.close()
        return (found[0][0] if found else None), most

    with ThreadPoolExecutor(len(HOSTILE)) as pool:
        return dict(zip(HOSTILE, pool.map(meet, HOSTILE), strict=True))


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_stream_is_refused_or_costs_a_bounded_amount_of_memory(endured, what, tell):
    said, most = endured[what]

    tell(f"relay child, {what}: {most >> 10} MiB at most")
    assert most < MOST_KIB
    code = HOSTILE[what][1]
    assert code is None or said.code == code


def test_a_child_goes_on_after_a_stream_that_failed_and_tells_each_end(child):
    stream = encoded("mp3", 3)
    with RoughServer(good=says(AUDIO, stream), bad=says(head(status="HTTP/1.1 500 No"))) as server:
        assert child.attempt(server.url("bad"))[0].code == "relay_unreachable"

        status, heard = child.attempt(server.url("good"))

    assert status.code == "relay_ended"
    assert 27 <= heard <= 30


def test_nothing_is_asked_of_a_server_that_the_profile_does_not_allow(child):
    with RoughServer(good=says(AUDIO, b"")) as server:
        status, _ = child.attempt(server.url("good"), allow=())

        assert status.code == "relay_address_refused"
        assert server.asked == []


def test_a_stream_that_begins_in_the_middle_and_has_damaged_parts_is_still_heard(child):
    stream = bytearray(encoded("mp3", 6))[777:]
    for place in range(20_000, len(stream) - 1000, 20_000):
        stream[place : place + 300] = bytes(300)
    with RoughServer(good=says(AUDIO, bytes(stream))) as server:
        status, heard = child.attempt(server.url("good"))

    assert status.code == "relay_ended"
    assert heard > 45


def test_a_station_that_changes_its_ogg_stream_in_the_middle_is_heard_on(child):
    chained = encoded("opus", 3) + encoded("opus", 3)
    with RoughServer(good=says(OGG, chained)) as server:
        _, heard = child.attempt(server.url("good"))

    assert heard > 45


def test_an_endless_stream_takes_no_more_memory_after_a_minute_than_after_a_second(child, tell):
    with RoughServer(on=floods(AUDIO, encoded("mp3", 10))) as server:
        child.attempt(server.url("on"), blocks=10)
        early = peak_kib(child.process.pid)
        for _ in range(600):
            assert isinstance(framing.read(child.process.stdout), framing.Sound)
        late = peak_kib(child.process.pid)
    child.until_status()

    tell(f"relay child after 1 s and after 61 s of MP3: {early >> 10} and {late >> 10} MiB")
    assert late - early < 16 * 1024


def test_the_child_cannot_take_more_memory_than_its_limit():
    greedy = "from edge_agent.relay.__main__ import MEMORY_BYTES, _limit; _limit(); bytearray(MEMORY_BYTES + (1 << 20))"

    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, check=False)

    assert b"MemoryError" in done.stderr


FAST = """
import sys, numpy as np
from edge_agent.relay import framing
out = sys.stdout.buffer
sys.stdin.readline()
framing.write_status(out, framing.Status())
while True:
    framing.write_sound(out, framing.Sound(np.full(4800, 0.1, np.float32), -20.0))
"""
NONSENSE = (
    "import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'X' * 100_000); sys.stdout.flush(); sys.stdin.read()"
)
DEAD = "import os, sys; sys.stdin.readline(); os.abort()"


MUTE = "import sys; sys.stdin.read()"


class Clock:
    """Monotonic time under a test's thumb."""

    now_ns = 1_000_000_000

    def __call__(self):
        return self.now_ns

    def pass_s(self, seconds):
        self.now_ns += round(seconds * 1e9)


def station_of(script, now_ns=time.monotonic_ns, **rules):
    command = (sys.executable, "-c", script)
    return Station("http://radio.example/", RelayRules(**rules), (), command=command, now_ns=now_ns)


def test_a_child_that_gets_nowhere_is_replaced_after_10_s_and_not_before():
    clock = Clock()
    station = station_of(MUTE, clock, retry_s=1.0)
    station.tend()
    wait_for(lambda: station._child.pid, "there is a child")
    first = station._child.pid

    clock.pass_s(9.5)
    station.tend()
    kept = station._child.pid
    clock.pass_s(1)
    station.tend()

    assert kept == first
    assert station.why.code == "relay_stalled"
    wait_for(lambda: station._child.pid not in {None, first}, "there is another")
    station.close()


def test_a_station_is_back_only_after_it_has_sounded_for_a_while_however_much_came_at_once():
    clock = Clock()
    station = station_of(FAST, clock, back_s=3.0, buffer_s=4.0)
    station.tend()
    wait_for(lambda: station.available() >= 4 * 48_000, "much has come")

    seen = [station.back]
    for _ in range(7):
        clock.pass_s(0.5)
        wait_for(lambda: station._heard_ns == clock.now_ns, "it sounds still")
        seen.append(station.back)

    assert seen == [False] * 6 + [True] * 2
    station.part()
    assert not station.back
    station.close()


def test_however_fast_sound_comes_no_more_is_kept_than_the_buffer_and_nothing_is_lost_once_joined():
    station = station_of(FAST, buffer_s=2.0)
    station.tend()
    wait_for(lambda: station.available() >= 2 * 48_000, "it is full", 10)

    assert station.available() < 2.2 * 48_000
    station.join()
    wait_for(lambda: station.available() > 3 * 48_000, "it is fuller", 10)
    time.sleep(0.2)
    assert station.available() < 3.2 * 48_000
    assert station.take(200_000).size == pytest.approx(3 * 48_000, abs=9600)
    wait_for(lambda: station.available() > 3 * 48_000, "it fills again", 10)
    station.close()


@pytest.mark.parametrize("script", [NONSENSE, DEAD])
def test_a_child_that_dies_or_talks_nonsense_is_replaced(script):
    station = station_of(script, retry_s=0.5)
    station.tend()
    wait_for(lambda: station.state == "down", "it is noticed", 10)
    first = station._child.pid

    assert station.why.code == "relay_undecodable"
    wait_for(lambda: station.tend() or station._child.pid not in {None, first}, "there is another", 10)
    station.close()


def test_the_child_ends_when_nobody_listens_any_more():
    child = Child()
    with RoughServer(on=floods(OGG, encoded("opus", 20))) as server:
        child.attempt(server.url("on"), blocks=3)
        child.process.stdin.close()

        assert child.process.wait(3) == 0
    child.process.stdout.close()
