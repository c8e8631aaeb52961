"""The player as the agent has it: a real process, real files, killed and starved."""

import asyncio
import json
import os
import signal
import sys
import time

import numpy as np
import pytest

from edge_agent.player.chimes import chime
from edge_agent.player.decoding import AudioFile
from edge_agent.player.errors import PrepareFailedError
from edge_agent.player.levels import gain_of_volume, rising
from edge_agent.player.supervisor import Player, PlayerSettings
from edge_agent.player.wire import (
    Chime,
    Content,
    Ended,
    Fault,
    FirstSample,
    Opened,
    Prepare,
    Progress,
    Silence,
    StartAt,
    encode,
)
from tests.fakes.player_events import Heard
from tests.fakes.player_sounds import read_wav, speechlike, write_encoded, write_wav

MS = 1_000_000


def soon(ms=300):
    return time.monotonic_ns() + ms * MS


def sidecar(folder):
    lines = []
    for path in sorted(folder.glob("*.jsonl")):
        lines += [{**json.loads(line), "wav": path.with_suffix(".wav")} for line in path.read_text().splitlines()]
    return lines


@pytest.fixture
async def rig(tmp_path):
    heard = Heard()
    async with Player(PlayerSettings(output="file", capture_dir=tmp_path / "capture"), heard) as player:
        await player.wait_open()
        yield player, heard, tmp_path / "capture"


async def test_the_capture_holds_the_programme_sample_by_sample_at_its_instant(rig, tmp_path):
    player, heard, folder = rig
    speech = write_encoded(tmp_path / "a.opus", speechlike(1.2), codec="libopus", container="ogg")
    sources = (Chime("attention"), Silence(400), Content(str(speech), duration_ms=1200))
    programme = np.concatenate((chime("attention"), np.zeros(19_200), *AudioFile(speech).blocks()))
    twice = np.concatenate((programme, programme)) * gain_of_volume(80)
    ramp = rising(0, twice.size, 480)
    expected = twice * ramp * ramp[::-1]

    ready = await player.prepare(Prepare(occurrence="b1", sources=sources, repeats=2))
    start_ns = soon()
    await player.start_at("b1", start_ns=start_ns, volume=80)
    end = await heard.wait(Ended, "b1")
    await player.close()

    marks = {line["event"]: line for line in sidecar(folder)}
    begin = marks["began"]["sample"]
    wav = read_wav(marks["began"]["wav"])
    assert abs(marks["began"]["monotonic_ns"] - start_ns) < 21_000
    assert marks["ended"]["sample"] - begin == twice.size
    np.testing.assert_allclose(wav[begin : begin + twice.size], expected, atol=1.1 / 32767)
    assert not wav[:begin].any()
    assert not wav[begin + twice.size :].any()
    assert ready.duration_ms == round(twice.size / 48)
    assert (end.outcome, end.frames, end.evidence, end.starved_ms, end.xruns) == ("played", twice.size, "signal", 0, 0)
    assert end.rms_dbfs == pytest.approx(10 * np.log10(np.mean(expected**2)), abs=0.1)
    assert heard.of(FirstSample, "b1")[0].skew_ms == end.skew_ms
    assert len(heard.of(Progress, "b1")) == twice.size // 12_000


async def test_an_instant_told_late_on_purpose_is_late_in_the_capture(tmp_path):
    heard = Heard()
    settings = PlayerSettings(output="file", capture_dir=tmp_path / "capture", extra_delay_ms=80)
    async with Player(settings, heard) as player:
        await player.wait_open()
        await player.prepare(Prepare(occurrence="b1", sources=(Chime("attention"),)))
        start_ns = soon()
        await player.start_at("b1", start_ns=start_ns)
        end = await heard.wait(Ended, "b1")

    began = next(line for line in sidecar(tmp_path / "capture") if line["event"] == "began")
    assert began["monotonic_ns"] - start_ns == pytest.approx(80 * MS, abs=MS)
    assert abs(end.skew_ms) < 1


async def test_an_emergency_cuts_in_and_the_rest_resumes_where_it_was_cut(rig, tmp_path):
    player, heard, folder = rig
    content = speechlike(4) + np.float32(0.05)
    speech = Content(str(write_wav(tmp_path / "a.wav", content)))
    rest = {"sources": (speech,), "fade_in_ms": 0, "fade_out_ms": 0}
    await player.prepare(Prepare(occurrence="b1", **rest))
    await player.prepare(Prepare(occurrence="alert", sources=(Chime("attention"),)))
    await player.start_at("b1", start_ns=soon())
    await heard.wait(Progress, "b1", count=2)

    cut_ns = soon(200)
    await player.start_at("alert", start_ns=cut_ns)
    cut = await heard.wait(Ended, "b1")
    await player.prepare(Prepare(occurrence="b1", offset_ms=cut.position_ms, **rest))
    await heard.wait(Ended, "alert")
    await player.start_at("b1", start_ns=soon(100))
    done = await heard.wait(Ended, "b1", count=2)
    await player.close()

    assert (cut.outcome, cut.reason) == ("stopped", "superseded")
    assert (done.outcome, done.position_ms) == ("played", 4000)
    begun = [line for line in sidecar(folder) if line["event"] == "began"]
    wav = read_wav(begun[0]["wav"])
    assert abs(begun[1]["monotonic_ns"] - cut_ns) < 21_000
    resumed = begun[2]["sample"]
    np.testing.assert_allclose(wav[resumed : resumed + done.frames], content[cut.position_ms * 48 :], atol=2.1 / 32767)


async def test_a_stop_is_told_and_silent_at_once(rig):
    player, heard, folder = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),), repeats=20))
    await player.start_at("b1", start_ns=soon())
    await heard.wait(Progress, "b1")

    asked_ns = time.monotonic_ns()
    await player.stop()
    end = await heard.wait(Ended, "b1")
    await player.close()

    stopped = next(line for line in sidecar(folder) if line["event"] == "ended")
    assert (end.outcome, end.reason) == ("stopped", "stopped")
    assert stopped["monotonic_ns"] - asked_ns < 250 * MS
    assert not read_wav(stopped["wav"])[stopped["sample"] :].any()


async def test_a_killed_player_interrupts_its_cue_restarts_and_keeps_what_waits(rig):
    player, heard, folder = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),), repeats=20))
    await player.prepare(Prepare(occurrence="b2", sources=(Chime("closing"),)))
    await player.start_at("b1", start_ns=soon())
    progress = await heard.wait(Progress, "b1", count=3)

    os.kill(player.opened.pid, signal.SIGKILL)
    end = await heard.wait(Ended, "b1")
    await heard.wait(Opened, count=2)
    await player.start_at("b2", start_ns=soon())
    second = await heard.wait(Ended, "b2")
    await player.close()

    assert (end.outcome, end.reason, end.played_ms) == ("interrupted", "player_died", progress.played_ms)
    assert second.outcome == "played"
    assert len(heard.of(Ended)) == 2
    wavs = sorted(folder.glob("*.wav"))
    began = [line for line in sidecar(folder) if line["event"] == "began"]
    assert [line["occurrence"] for line in began] == ["b1", "b2"]
    assert len(wavs) == 2
    assert read_wav(began[0]["wav"]).size > began[0]["sample"] + progress.frames


async def test_a_frozen_player_is_killed_and_its_cue_interrupted(rig):
    player, heard, _ = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),), repeats=20))
    await player.start_at("b1", start_ns=soon())
    await heard.wait(FirstSample, "b1")

    os.kill(player.opened.pid, signal.SIGSTOP)
    end = await heard.wait(Ended, "b1")
    await heard.wait(Opened, count=2)

    assert (end.outcome, end.reason) == ("interrupted", "player_died")
    assert player.lives == 2


async def test_a_start_without_a_process_ends_as_failed_and_is_never_made_up_for(rig):
    player, heard, folder = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),)))
    os.kill(player.opened.pid, signal.SIGKILL)
    await heard.wait(Fault)

    await player.start_at("b1", start_ns=soon())
    await player.start_at("b2", start_ns=soon())
    await heard.wait(Opened, count=2)

    told = [(e.occurrence, e.outcome, e.reason) for e in heard.of(Ended)]
    assert told == [("b1", "failed", "player_unavailable"), ("b2", "failed", "not_prepared")]
    assert not [line for line in sidecar(folder) if line["event"] == "began"]


async def test_a_device_that_is_not_there_is_told_and_tried_again():
    heard = Heard()
    async with Player(PlayerSettings(output="alsa", device="no such device"), heard) as player:
        await heard.wait(Fault, count=4)

        codes = [fault.code for fault in heard.of(Fault)]
        assert codes[:4] == ["output_unavailable", "player_died"] * 2
        assert player.opened is None


async def test_a_sound_library_that_aborts_takes_only_the_player_with_it():
    heard = Heard()
    environment = {"PATH": "/usr/bin", "ALSA_CONFIG_PATH": "/nonexistent"}
    async with Player(PlayerSettings(output="alsa", device="pulse"), heard, environment=environment) as player:
        await heard.wait(Fault, count=2)

        assert player.lives >= 2
        assert player.opened is None


@pytest.mark.parametrize("damage", ["empty", "garbage", "truncated", "missing"])
async def test_damaged_content_fails_with_a_code_and_the_player_plays_on(rig, tmp_path, damage):
    player, heard, _ = rig
    path = write_encoded(tmp_path / "a.opus", speechlike(3), codec="libopus", container="ogg")
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "garbage": bytes(200) + whole[:-1:7], "truncated": whole[: len(whole) // 2]}[damage]
        )
    pid = player.opened.pid

    with pytest.raises(PrepareFailedError) as refusal:
        await player.prepare(Prepare(occurrence="bad", sources=(Content(str(path), duration_ms=3000),)))
    await player.prepare(Prepare(occurrence="good", sources=(Silence(50), Chime("attention"))))
    await player.start_at("good", start_ns=soon(100))
    end = await heard.wait(Ended, "good")

    codes = {"missing": "content_missing", "truncated": "content_truncated"}
    assert refusal.value.reason == codes.get(damage, "content_undecodable")
    assert (end.outcome, player.opened.pid) == ("played", pid)


async def test_many_damaged_files_leave_room_for_a_good_one(rig):
    player, _, _ = rig
    for index in range(20):
        with pytest.raises(PrepareFailedError):
            await player.prepare(Prepare(occurrence=f"bad-{index}", sources=(Chime("gong"),)))

    ready = await player.prepare(Prepare(occurrence="good", sources=(Silence(500),)))

    assert ready.duration_ms == 500


async def test_more_cues_than_are_held_are_refused(rig):
    player, _, _ = rig
    for index in range(16):
        await player.prepare(Prepare(occurrence=f"b{index}", sources=(Silence(500),)))

    with pytest.raises(PrepareFailedError) as refusal:
        await player.prepare(Prepare(occurrence="b16", sources=(Silence(500),)))
    await player.stop("b3")
    ready = await player.prepare(Prepare(occurrence="b16", sources=(Silence(500),)))

    assert refusal.value.reason == "cue_refused"
    assert ready.duration_ms == 500


async def test_a_cue_too_late_makes_no_sound_and_says_so(rig):
    player, heard, folder = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),)))

    past_ns = time.monotonic_ns() - 5000 * MS
    await player.start_at("b1", start_ns=past_ns, latest_ns=past_ns + 1000 * MS)
    end = await heard.wait(Ended, "b1")

    assert (end.outcome, end.reason, end.played_ms) == ("failed", "too_late", 0)
    assert not [line for line in sidecar(folder) if line["event"] == "began"]


async def test_closing_ramps_down_and_tells_the_end(rig):
    player, heard, folder = rig
    await player.prepare(Prepare(occurrence="b1", sources=(Chime("opening"),), repeats=20))
    await player.start_at("b1", start_ns=soon())
    await heard.wait(Progress, "b1")

    await player.close()

    assert heard.of(Ended, "b1")[0].outcome == "stopped"
    marks = {line["event"]: line for line in sidecar(folder)}
    assert not read_wav(marks["ended"]["wav"])[marks["ended"]["sample"] :].any()


AGENT = """
import subprocess, sys, time
player = subprocess.Popen([sys.executable, "-m", "edge_agent.player", "--output=file", "--capture-dir=" + sys.argv[1]],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
player.stdout.readline()
player.stdin.write(bytes.fromhex(sys.argv[2])); player.stdin.flush()
while b"ready" not in player.stdout.readline(): pass
player.stdin.write(b'{"do":"start_at","occurrence":"b1","start_ns":0}\\n'); player.stdin.flush()
while b"progress" not in player.stdout.readline(): pass
print(player.pid, flush=True)
time.sleep(60)
"""


async def test_a_killed_agent_leaves_silence_within_a_tenth_of_a_second(tmp_path):
    prepare = encode(Prepare(occurrence="b1", sources=(Chime("opening"),), repeats=60))
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, str(tmp_path), prepare.hex(), stdout=asyncio.subprocess.PIPE
    )
    pid = int(await asyncio.wait_for(agent.stdout.readline(), 20))

    agent.kill()
    killed_ns = time.monotonic_ns()
    await agent.wait()
    gone_ns = await asyncio.to_thread(_wait_gone, pid)

    marks = {line["event"]: line for line in sidecar(tmp_path)}
    silence_after_ms = (marks["ended"]["monotonic_ns"] - killed_ns) / MS
    print(f"process gone {(gone_ns - killed_ns) / MS:.0f} ms, last sample {silence_after_ms:.0f} ms after the kill")
    assert silence_after_ms < 150
    assert gone_ns - killed_ns < 250 * MS
    assert not read_wav(marks["ended"]["wav"])[marks["ended"]["sample"] :].any()


def _wait_gone(pid):
    deadline_ns = time.monotonic_ns() + 10_000 * MS
    while time.monotonic_ns() < deadline_ns:
        try:
            with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return time.monotonic_ns()
        except (FileNotFoundError, ProcessLookupError):
            return time.monotonic_ns()
    raise AssertionError("the player outlived its agent")


async def test_an_hour_plays_in_bounded_memory(rig, tmp_path):
    player, heard, _ = rig
    path = tmp_path / "hour.wav"
    write_wav(path, np.zeros(48_000, np.float32))
    with path.open("r+b") as file:
        size = 3600 * 96_000
        file.truncate(44 + size)
        for place, value in ((4, 36 + size), (40, size)):
            file.seek(place)
            file.write(value.to_bytes(4, "little"))
    before_kib = _rss_kib(player.opened.pid)

    ready = await player.prepare(
        Prepare(occurrence="b1", sources=(Content(str(path)),), offset_ms=3_598_000), timeout_s=60
    )
    await player.start_at("b1", start_ns=soon())
    end = await heard.wait(Ended, "b1")

    grown_kib = _rss_kib(player.opened.pid) - before_kib
    print(f"an hour prepared and played to its end: {grown_kib} KiB more")
    assert (ready.duration_ms, end.position_ms, end.played_ms) == (3_600_000, 3_600_000, 2000)
    assert grown_kib < 40 * 1024


def _rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def test_start_at_is_one_line_of_json():
    assert encode(StartAt(occurrence="a", start_ns=5)).count(b"\n") == 1
