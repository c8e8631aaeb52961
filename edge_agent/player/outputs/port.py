"""The port between the mixer and whatever takes its samples away."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent.player.engine import Mark
from edge_agent.player.levels import Samples
from edge_agent.player.wire import Evidence


class Renderer(Protocol):
    """What an output needs of the mixer; only the output's audio thread calls it."""

    marks: list[Mark]

    def render(self, frames: int, dac_ns: int) -> Samples:
        """The next block, first frame at the converter at `dac_ns`."""

    def note_xrun(self) -> None:
        """The output had a hole."""


class Output(Protocol):
    """A running or startable sink of sound."""

    evidence: Evidence

    def start(self, renderer: Renderer) -> None:
        """Begin to ask for blocks; returns when the timing has settled.

        Raises:
            OutputUnavailableError: it cannot be opened.
        """

    def stop(self) -> None:
        """End; nothing is asked for afterwards."""

    @property
    def capture(self) -> Path | None:
        """The file that is being written, if it is one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Corrections of the converter instant, in milliseconds.

    `latency_ms` is calibrated: how much later the sound is heard than the device says. `extra_delay_ms` is never told
    to the mixer: it makes a device late on purpose, for the test that must notice.
    """

    latency_ms: float = 0.0
    extra_delay_ms: float = 0.0

    @property
    def shift_ns(self) -> int:
        """What to add to the device's own converter instant before the mixer sees it."""
        return round((self.latency_ms - self.extra_delay_ms) * 1_000_000)
