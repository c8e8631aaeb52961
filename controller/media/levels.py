"""What is measured of a sound, in the units of broadcasting. Pure."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.media.contour import Contour

RATE_HZ = 48_000
"""The rate of everything behind the decoder."""
UNMEASURABLE_LUFS = -70.0
"""What R128 gives when nothing passed its absolute gate."""
_BUTTERWORTH_Q = (0.5412, 1.3066)
_PRESENCE_HZ = 3000


def db(ratio: float) -> float:
    """20 log10, never below -120 dB."""
    return 20 * math.log10(max(ratio, 1e-6))


def duration_ms(samples: int) -> int:
    """Whole milliseconds of so many samples at 48 kHz, rounded."""
    return round(1000 * samples / RATE_HZ)


def horn_filters(high_pass_hz: int, presence_db: float) -> tuple[tuple[str, str], ...]:
    """For talk over horn loudspeakers: a fourth-order Butterworth high-pass, a broad lift at 3 kHz (libavfilter)."""
    high_pass = tuple(("highpass", f"f={high_pass_hz}:t=q:w={q}") for q in _BUTTERWORTH_Q)
    return (*high_pass, ("equalizer", f"f={_PRESENCE_HZ}:t=q:w=0.9:g={presence_db:g}"))


def limiter_options(ceiling_dbfs: float) -> str:
    """A look-ahead limiter that takes its own delay out again and gives no gain of its own (libavfilter's alimiter)."""
    return f"limit={10 ** (ceiling_dbfs / 20):.6f}:attack=5:release=50:level=false:latency=true"


@dataclass(frozen=True, slots=True)
class Survey:
    """Plain facts of a mono sound at 48 kHz: offset as a fraction of full scale, samples at full scale."""

    samples: int
    sample_peak_dbfs: float
    dc_offset: float
    full_scale_samples: int
    contour: "Contour"


@dataclass(frozen=True, slots=True)
class Outline:
    """Silence at both ends and the longest inside, in ms; how far the sound stands out of its background, in dB."""

    silent_start_ms: int
    silent_end_ms: int
    longest_pause_ms: int
    above_background_db: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What a rendition measures when it is decoded again; LUFS as dual mono, dBTP, LUFS of every tenth of a second."""

    samples: int
    lufs: float
    true_peak_dbtp: float
    momentary_lufs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to the mono sound, in this order; `ceiling_dbfs` None means that no limiter runs."""

    dc_offset: float
    gain_db: float
    ceiling_dbfs: float | None
    makeup_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a long sound that stands for the whole: `take_s` seconds out of every `every_s`."""

    every_s: int
    take_s: int
