"""What is measured of a sound, in the units of broadcasting. Pure."""

import math
from dataclasses import dataclass

RATE_HZ = 48_000
"""The rate of everything behind the decoder."""
UNMEASURABLE_LUFS = -70.0
"""What R128 gives when nothing passed its absolute gate."""


def db(ratio: float) -> float:
    """20 log10, never below -120 dB."""
    return 20 * math.log10(max(ratio, 1e-6))


def duration_ms(samples: int) -> int:
    """Whole milliseconds of so many samples at 48 kHz, rounded."""
    return round(1000 * samples / RATE_HZ)


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


@dataclass(frozen=True, slots=True)
class Heard:
    """What a rendition measures when it is decoded again; LUFS as dual mono, dBTP."""

    samples: int
    lufs: float
    true_peak_dbtp: float


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
