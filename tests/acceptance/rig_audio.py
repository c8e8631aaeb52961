"""A loudspeaker with a listener beside it, without hardware: a private PulseAudio null sink and a recorder.

The recorder is a process of its own that reads the sink's monitor and stamps each block's arrival with CLOCK_MONOTONIC.
It knows no plan. `calibrate` tells how much later a known click is heard than the player was told to sound it.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from edge_agent.player.supervisor import Player, PlayerSettings
from edge_agent.player.wire import Content, Ended, Prepare
from tests.fakes.player_sounds import write_wav

Signal = npt.NDArray[np.float64]

RATE_HZ = 48_000
ALSA_DEVICE = "loa_rig"
_ASOUND = """</usr/share/alsa/alsa.conf>
pcm.{device} {{ type pulse }}
ctl.{device} {{ type pulse }}
"""
_RECORDER = Path(__file__).with_name("rig_recorder.py")
_NEIGHBOURHOOD_S = 1.0
_EARLY_SHARE = 0.1


class RigError(AssertionError):
    """The rig itself does not work here: a package is missing, or a process ended."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was heard: samples, and for each block its last sample's number and instant of arrival."""

    samples: Signal
    block_ends: npt.NDArray[np.int64]
    arrivals_ns: npt.NDArray[np.int64]

    def instant_ns(self, sample: int) -> int:
        """When a sample arrived; the early tenth of the blocks around it sets the grid, late wake-ups do not count."""
        near = np.abs(self.block_ends - sample) < _NEIGHBOURHOOD_S * RATE_HZ
        if not near.any():
            raise RigError(f"no block was recorded near sample {sample}")
        grid = self.arrivals_ns[near] - self.block_ends[near] * 1e9 / RATE_HZ
        return round(float(np.quantile(grid, _EARLY_SHARE)) + sample * 1e9 / RATE_HZ)

    def sample_at(self, instant_ns: int) -> int:
        """Number of the first sample whose block arrived at or after an instant."""
        index = int(np.searchsorted(self.arrivals_ns, instant_ns))
        return int(self.block_ends[index - 1]) if index else 0

    def measure_onset(self, after_ns: int = 0, *, threshold: float = 0.01) -> int | None:
        """Arrival (ns) of the first sample above the threshold after an instant; None when all is quiet."""
        first = self.sample_at(after_ns)
        loud = np.flatnonzero(np.abs(self.samples[first:]) > threshold)
        return self.instant_ns(first + int(loud[0])) if loud.size else None

    def measure_end(self, after_ns: int = 0, *, threshold: float = 0.01) -> int | None:
        """Arrival (ns) of the last sample above the threshold; None when all is quiet after the instant."""
        first = self.sample_at(after_ns)
        loud = np.flatnonzero(np.abs(self.samples[first:]) > threshold)
        return self.instant_ns(first + int(loud[-1])) if loud.size else None

    def locate(self, reference: npt.ArrayLike, after_ns: int = 0) -> tuple[int, float]:
        """Where a known signal was heard: arrival (ns) of its first sample, and the correlation (0..1) there."""
        first = self.sample_at(after_ns)
        heard, known = self.samples[first:], np.asarray(reference, np.float64)
        if heard.size < known.size:
            raise RigError("the recording is shorter than what should be in it")
        size = 1 << (heard.size + known.size - 1).bit_length()
        products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(known, size)), size)
        products = products[: heard.size - known.size + 1]
        energy = np.concatenate(([0.0], np.cumsum(heard**2)))
        energy = energy[known.size :] - energy[: -known.size]
        floor = 1e-6 * known.size
        likeness = products / np.sqrt(np.maximum(energy, floor) * np.sum(known**2))
        best = int(np.argmax(likeness))
        return self.instant_ns(first + best), float(likeness[best])


class PulseRig:
    """A private PulseAudio daemon with one null sink and its recorder; use as a context manager."""

    def __init__(self, folder: Path, *, sink: str = "loa") -> None:
        self._folder = folder
        self._sink = sink
        self._server = f"unix:{folder / 'native'}"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._recorder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start daemon and recorder, and wait until blocks arrive.

        Raises:
            RigError: a package is missing or PulseAudio does not start; the message holds its log.
        """
        for tool in ("pulseaudio", "pactl", "parec"):
            if shutil.which(tool) is None:
                raise RigError(f"{tool} is missing: apt install pulseaudio pulseaudio-utils libasound2-plugins")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        (self._folder / "asound.conf").write_text(_ASOUND.format(device=ALSA_DEVICE))
        with (self._folder / "pulseaudio.log").open("wb") as log:
            self._daemon = subprocess.Popen(self._daemon_command(), env=self.environment(), stdout=log, stderr=log)
        self._await(self._answers, "PulseAudio does not answer")
        self._recorder = subprocess.Popen(
            [sys.executable, str(_RECORDER), f"{self._sink}.monitor", str(self._raw), str(self._stamps)],
            env=self.environment(),
        )
        self._await(lambda: self._stamps.is_file() and self._stamps.stat().st_size > 0, "the recorder hears nothing")

    def stop(self) -> None:
        """End recorder and daemon."""
        for process in (self._recorder, self._daemon):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def environment(self) -> dict[str, str]:
        """Environment for a player (or for an agent that starts one): its ALSA device is `ALSA_DEVICE`."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "XDG_RUNTIME_DIR": str(self._folder),
            "PULSE_SERVER": self._server,
            "PULSE_SINK": self._sink,
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
        }

    def recording(self) -> Recording:
        """Everything heard so far."""
        stamps = [json.loads(line) for line in self._stamps.read_text().splitlines()]
        ends = np.array([end for end, _ in stamps], np.int64)
        samples = np.fromfile(self._raw, "<i2", count=int(ends[-1])) / 32768
        return Recording(samples, ends, np.array([arrival for _, arrival in stamps], np.int64))

    async def calibrate(self, folder: Path, *, clicks: int = 5) -> float:
        """Play known clicks through a player; the median lateness in ms is its `latency_ms`.

        Raises:
            RigError: a click was not heard.
        """
        click = known_click()
        path = write_wav(folder / "click.wav", click.astype(np.float32))
        late_ms = []
        ended: list[Ended] = []
        settings = PlayerSettings(output="alsa", device=ALSA_DEVICE)
        async with Player(
            settings, lambda e: ended.append(e) if isinstance(e, Ended) else None, environment=self.environment()
        ) as player:
            await player.wait_open()
            for index in range(clicks):
                asked_ns = await sound(player, f"click-{index}", path)
                self.hear_until(asked_ns + 700_000_000)
                heard_ns, likeness = self.recording().locate(click, asked_ns - 100_000_000)
                if likeness < 0.9:
                    raise RigError(f"calibration click {index} was not heard (likeness {likeness:.2f})")
                late_ms.append((heard_ns - asked_ns) / 1e6)
        return float(np.median(late_ms))

    def hear_until(self, instant_ns: int, *, timeout_s: float = 10.0) -> None:
        """Wait until the recorder has stamped a block that arrived after an instant."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic_ns() < instant_ns or self.recording().arrivals_ns[-1] < instant_ns:
            if time.monotonic() > deadline + max(0.0, (instant_ns - time.monotonic_ns()) / 1e9):
                raise RigError("the recorder fell silent")
            time.sleep(0.02)

    @property
    def _raw(self) -> Path:
        return self._folder / "heard.s16"

    @property
    def _stamps(self) -> Path:
        return self._folder / "heard.jsonl"

    def _daemon_command(self) -> list[str]:
        sink = f"module-null-sink sink_name={self._sink} rate={RATE_HZ} channels=1 format=s16le"
        socket = f"module-native-protocol-unix socket={self._folder / 'native'} auth-anonymous=1"
        return [
            "pulseaudio",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "-n",
            "-L",
            sink,
            "-L",
            socket,
        ]

    def _answers(self) -> bool:
        asked = subprocess.run(
            ["pactl", "list", "short", "sinks"], env=self.environment(), capture_output=True, timeout=5, check=False
        )
        return self._sink.encode() in asked.stdout

    def _await(self, true: Callable[[], bool], complaint: str, *, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > deadline or (self._daemon is not None and self._daemon.poll() is not None):
                log = (self._folder / "pulseaudio.log").read_text()
                self.stop()
                raise RigError(f"{complaint}; its log:\n{log}")
            time.sleep(0.05)


def known_click() -> Signal:
    """A 30 ms burst that correlates with itself at one place only: noise, faded at both ends."""
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, RATE_HZ * 30 // 1000)
    return noise * np.hanning(noise.size)


async def sound(player: Player, occurrence: str, path: Path, *, lead_ms: int = 300) -> int:
    """Have a player sound a file unshaped, `lead_ms` from now; returns the instant (ns)."""
    cue = Prepare(occurrence=occurrence, sources=(Content(str(path)),), fade_in_ms=0, fade_out_ms=0)
    await player.prepare(cue)
    start_ns = time.monotonic_ns() + lead_ms * 1_000_000
    await player.start_at(occurrence, start_ns=start_ns)
    return start_ns
