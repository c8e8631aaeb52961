"""The right sound at the right second: real controller, real broker, real agents, and a recorder that knows no plan.

One agent plays through ALSA into a PulseAudio null sink; a separate process records it and stamps arrivals. Two more
write files, which show content, order and gaps sample by sample.
"""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge_agent.player.levels import gain_of_volume
from tests.acceptance.rig import COMMUNE, System, read_wav, running
from tests.acceptance.rig_audio import ALSA_DEVICE, PulseRig
from tests.fakes.stalls import Stalls

pytestmark = [pytest.mark.broker, pytest.mark.audio]

SPEECH = Path(str(resources.files("loa_cli") / "demo_media" / "ban_tin_mau.ogg"))
RATE = 48_000
LATE_MAX_MS = 50.0
ATTEMPTS = 4
STALL_MAX_MS = 50.0
"""A run in which the sound server starved says nothing; it is made again, at most this often."""
TARGET_LUFS = -16.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseRig]:
    with PulseRig(tmp_path_factory.mktemp("pulse")) as listening:
        yield listening


@pytest.fixture(scope="module")
def latency_ms(rig: PulseRig, tmp_path_factory: pytest.TempPathFactory) -> float:
    return asyncio.run(rig.calibrate(tmp_path_factory.mktemp("calibration")))


def _alsa(latency_ms: float, **more: float) -> dict[str, Any]:
    return {"kind": "alsa", "device": ALSA_DEVICE, "latency_ms": latency_ms, **more}


def _play(system: System, asset: str, at: datetime, **more: object) -> str:
    body = {"title": "Bản tin", "to": [f"u-{COMMUNE}"], "asset_id": asset, "at": at.isoformat(), "volume": 100, **more}
    return str(system.client.post("/broadcasts", body)["id"])


def _monotonic_ns(instant: datetime) -> int:
    """An instant of the wall clock on this machine's CLOCK_MONOTONIC."""
    ahead = instant - datetime.now(UTC)
    return time.monotonic_ns() + int(ahead / timedelta(microseconds=1)) * 1000


def _rendition(system: System) -> np.ndarray:
    """What a correct decoder makes of the stored Opus file."""
    stored = [path for path in (system.data_dir / "objects").rglob("*") if path.is_file()]
    opus = next(path for path in stored if path.read_bytes()[:4] == b"OggS")
    with av.open(str(opus)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)


def _loudness(path: Path) -> float:
    """Integrated loudness by the ffmpeg program, mono taken as dual mono."""
    command = ["ffmpeg", "-hide_banner", "-i", str(path), "-af", "ebur128=dualmono=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


def test_the_right_sound_is_heard_at_the_right_second(
    rig: PulseRig, latency_ms: float, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with running(tmp_path, "mosquitto") as system:
        system.add_agent("loa-1", output=_alsa(latency_ms), **rig.environment())
        system.add_agent("loa-2")
        system.add_agent("loa-3")
        system.wait_ready()
        asset = system.client.upload(SPEECH, "Bản tin")
        known = _rendition(system)
        for _ in range(ATTEMPTS):
            with Stalls() as machine:
                starts, views = _play_twice(system, asset)
            if machine.longest_ms <= STALL_MAX_MS and not any(_xruns(view) for view in views):
                break
        else:
            pytest.skip(f"this machine did not keep up in any of {ATTEMPTS} attempts")

        assert [view["outcomes"] for view in views] == [{"played": 3}] * 2, json.dumps(views, indent=1)
        due_ns = [_monotonic_ns(at) for at in starts]
        rig.hear_until(due_ns[1] + int(asset["duration_ms"] * 1e6))
        errors_ms = [_start_error_ms(rig, known, due) for due in due_ns]
        tell(f"start error by the recorder: {', '.join(f'{error:+.2f} ms' for error in errors_ms)}")
        assert max(abs(error) for error in errors_ms) <= LATE_MAX_MS
        for device in ("loa-2", "loa-3"):
            _assert_file_is_exact(system.capture(device), known, gap_s=(starts[1] - starts[0]).total_seconds())


def _play_twice(system: System, asset: dict[str, Any]) -> tuple[list[datetime], list[dict[str, Any]]]:
    """The bulletin at a full second, and again two seconds after its end; gives starts and closed ledgers."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    starts = [first, first + timedelta(milliseconds=asset["duration_ms"]) + timedelta(seconds=2)]
    broadcasts = [_play(system, asset["id"], at) for at in starts]
    return starts, [system.wait_closed(broadcast, limit_s=90) for broadcast in broadcasts]


def _xruns(view: dict[str, Any]) -> int:
    """Gaps that the sound server reported: the machine did not keep up, and nothing can be said of the agent."""
    return sum((row["receipt"] or {}).get("xruns", 0) for row in view["rows"])


def _start_error_ms(rig: PulseRig, known: np.ndarray, due_ns: int) -> float:
    heard_ns, likeness = rig.recording().locate(known[: 3 * RATE], due_ns - 500_000_000)
    assert likeness > 0.95
    return (heard_ns - due_ns) / 1e6


def _assert_file_is_exact(folder: Path, known: np.ndarray, *, gap_s: float) -> None:
    """Content, order and gaps of a capture, and its loudness."""
    path = next(iter(sorted(folder.rglob("*.wav"))))
    _, samples = read_wav(path)
    events = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    begun = [event["sample"] for event in events if event.get("event", event.get("type")) == "began"]
    begun = begun[-2:]
    assert (begun[1] - begun[0]) / RATE == pytest.approx(gap_s, abs=0.005)
    expected = known * gain_of_volume(100)
    fade = RATE // 50
    for begin in begun:
        heard = samples[begin : begin + expected.size]
        assert np.abs(heard[fade:-fade] - expected[fade:-fade]).max() < 2 / 32768
        assert np.abs(heard[:fade]).max() <= np.abs(expected[:fade]).max() + 2 / 32768
    between = samples[begun[0] + expected.size : begun[1]]
    assert np.abs(between).max() == 0
    assert _loudness(path) == pytest.approx(TARGET_LUFS, abs=1.0)


def test_an_agent_80_ms_late_on_purpose_does_not_pass(
    rig: PulseRig, latency_ms: float, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with running(tmp_path) as system:
        system.add_agent("loa-1", output=_alsa(latency_ms, extra_delay_ms=80.0), **rig.environment())
        system.wait_ready()
        asset = system.client.upload(SPEECH, "Bản tin")
        known = _rendition(system)
        for _ in range(ATTEMPTS):
            start = datetime.now(UTC) + timedelta(seconds=4)
            with Stalls() as machine:
                view = system.wait_closed(_play(system, asset["id"], start))
            if machine.longest_ms <= STALL_MAX_MS and not _xruns(view):
                break
        else:
            pytest.skip(f"this machine did not keep up in any of {ATTEMPTS} attempts")
        due_ns = _monotonic_ns(start)

        error_ms = _start_error_ms(rig, known, due_ns)

        tell(f"start error of the late agent by the recorder: {error_ms:+.2f} ms")
        assert LATE_MAX_MS < error_ms < 80 + LATE_MAX_MS
