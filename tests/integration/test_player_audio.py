"""Through ALSA into PulseAudio, heard by a recorder that knows no plan: the right sound at the right instant."""

import asyncio
import statistics
import time

import numpy as np
import pytest

from edge_agent.player.supervisor import Player, PlayerSettings
from edge_agent.player.wire import Chime, Content, Ended, FirstSample, Opened, Prepare, Progress
from tests.acceptance.rig_audio import ALSA_DEVICE, PulseRig, known_click, sound
from tests.fakes.player_events import Heard
from tests.fakes.player_sounds import speechlike, write_wav
from tests.fakes.stalls import Stalls

pytestmark = pytest.mark.audio

MS = 1_000_000
LATE_MAX_MS = 50
STALL_MAX_MS = 20


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with PulseRig(tmp_path_factory.mktemp("pulse")) as rig:
        yield rig


@pytest.fixture(scope="module")
def latency_ms(rig, tmp_path_factory):
    return asyncio.run(rig.calibrate(tmp_path_factory.mktemp("calibration")))


def player_on(rig, heard, **settings):
    return Player(PlayerSettings(output="alsa", device=ALSA_DEVICE, **settings), heard, environment=rig.environment())


async def test_speech_is_heard_within_50_ms_of_its_instant(rig, latency_ms, tmp_path, request):
    wanted = 8 if request.config.getoption("--long") else 4
    errors_ms, skews_ms = [], []
    heard = Heard()
    async with player_on(rig, heard, latency_ms=latency_ms) as player:
        await player.wait_open()
        for index in range(4 * wanted):
            speech = speechlike(0.8, seed=index)
            with Stalls() as machine:
                start_ns = await sound(
                    player, f"b{index}", write_wav(tmp_path / f"{index}.wav", speech), lead_ms=250 + 7 * index
                )
                end = await heard.wait(Ended, f"b{index}")
                rig.hear_until(start_ns + 1200 * MS)
            if machine.longest_ms > STALL_MAX_MS:
                continue  # no program keeps an instant on a machine that stands still
            heard_ns, likeness = rig.recording().locate(speech, start_ns - 100 * MS)

            assert likeness > 0.98
            assert (end.outcome, end.evidence, end.starved_ms) == ("played", "device", 0)
            errors_ms.append((heard_ns - start_ns) / MS)
            skews_ms.append(end.skew_ms)
            if len(errors_ms) == wanted:
                break
    if not errors_ms:
        pytest.skip(f"this machine stood still for more than {STALL_MAX_MS} ms during each of {4 * wanted} rounds")
    print(
        f"\ncalibrated latency {latency_ms:.2f} ms; start error by the recorder: "
        f"median {statistics.median(errors_ms):+.2f}, largest {max(errors_ms, key=abs):+.2f} ms; "
        f"skew at the mixer: largest {max(skews_ms, key=abs):+.3f} ms"
    )
    assert max(abs(error) for error in errors_ms) <= LATE_MAX_MS


async def test_a_device_80_ms_late_on_purpose_is_caught(rig, latency_ms, tmp_path):
    heard = Heard()
    speech = speechlike(0.8, seed=3)
    async with player_on(rig, heard, latency_ms=latency_ms, extra_delay_ms=80) as player:
        await player.wait_open()
        start_ns = await sound(player, "b", write_wav(tmp_path / "a.wav", speech))
        await heard.wait(Ended, "b")
    rig.hear_until(start_ns + 1200 * MS)

    heard_ns, likeness = rig.recording().locate(speech, start_ns - 100 * MS)

    assert likeness > 0.98
    assert LATE_MAX_MS < (heard_ns - start_ns) / MS < 110


async def test_the_report_tells_the_level_that_was_heard(rig, latency_ms, tmp_path):
    heard = Heard()
    tone = (0.4 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)).astype(np.float32)
    async with player_on(rig, heard, latency_ms=latency_ms) as player:
        await player.wait_open()
        path = write_wav(tmp_path / "tone.wav", tone)
        await player.prepare(Prepare(occurrence="b", sources=(Content(str(path)),), fade_in_ms=0, fade_out_ms=0))
        start_ns = time.monotonic_ns() + 300 * MS
        await player.start_at("b", start_ns=start_ns, volume=75)
        end = await heard.wait(Ended, "b")
    rig.hear_until(start_ns + 1300 * MS)

    recording = rig.recording()
    middle = recording.sample_at(start_ns + 500 * MS)
    heard = recording.samples[middle : middle + 19_200]
    assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(end.peak_dbfs, abs=0.1)
    assert 10 * np.log10(np.mean(heard**2)) == pytest.approx(end.rms_dbfs, abs=0.1)
    assert end.peak_dbfs == pytest.approx(20 * np.log10(0.4) - 10, abs=0.1)


async def test_an_interrupting_alert_is_heard_soon_and_a_stop_is_silence(rig, latency_ms, tmp_path):
    heard = Heard()
    click = known_click()
    path = write_wav(tmp_path / "click.wav", click.astype(np.float32))
    async with player_on(rig, heard, latency_ms=latency_ms) as player:
        await player.wait_open()
        await player.prepare(Prepare(occurrence="long", sources=(Chime("opening"),), repeats=30))
        alert = (Content(str(path)), *[Chime("opening")] * 5)
        await player.prepare(Prepare(occurrence="alert", sources=alert, fade_in_ms=0))
        await player.start_at("long", start_ns=time.monotonic_ns() + 300 * MS)
        await heard.wait(Progress, "long")
        now_ns = time.monotonic_ns()
        await player.start_at("alert", start_ns=now_ns)
        await heard.wait(FirstSample, "alert")
        await asyncio.to_thread(rig.hear_until, now_ns + 1500 * MS)
        stop_ns = time.monotonic_ns()
        await player.stop()
        await heard.wait(Ended, "alert")
        await asyncio.to_thread(rig.hear_until, stop_ns + 1000 * MS)

    recording = rig.recording()
    alert_ns, likeness = recording.locate(click, now_ns - 50 * MS)
    silent_ns = recording.measure_end(stop_ns - 500 * MS)
    print(
        f"\nalert heard {(alert_ns - now_ns) / MS:.0f} ms, silence {(silent_ns - stop_ns) / MS:.0f} ms after the order"
    )
    assert likeness > 0.9
    assert (alert_ns - now_ns) / MS < 250
    assert (silent_ns - stop_ns) / MS < 300


async def test_a_sound_server_that_dies_ends_the_cue_and_the_player_comes_back_with_it(tmp_path):
    heard = Heard()
    with PulseRig(tmp_path / "first") as rig:
        async with player_on(rig, heard) as player:
            await player.wait_open()
            await player.prepare(Prepare(occurrence="b", sources=(Chime("opening"),), repeats=30))
            await player.start_at("b", start_ns=time.monotonic_ns() + 100 * MS)
            await heard.wait(Progress, "b")

            rig.stop()
            end = await heard.wait(Ended, "b")
            rig.start()
            await heard.wait(Opened, count=2, timeout_s=40)

            assert end.outcome in {"failed", "interrupted"}
            assert end.played_ms >= 250
            assert len(heard.of(Ended)) == 1
