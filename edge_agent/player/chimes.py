"""Chimes made in code, so that a programme can open and close with a sound that needs no file and no licence."""

from dataclasses import dataclass

import numpy as np

from edge_agent.player.errors import UnknownChimeError
from edge_agent.player.levels import RATE_HZ, Samples, frames_of_ms, rising

_PARTIALS = ((1.0, 1.0), (2.0, 0.35), (3.01, 0.12))
_PEAK = 0.35
_ATTACK_MS = 4


@dataclass(frozen=True, slots=True)
class Tone:
    """One struck tone: pitch, when it is struck, how fast it dies away."""

    pitch_hz: float
    at_ms: int
    decay_ms: int


# Two falling tones announce; the same two rising close; one calls attention.
CHIMES: dict[str, tuple[Tone, ...]] = {
    "opening": (Tone(659.26, 0, 450), Tone(523.25, 600, 650)),
    "closing": (Tone(523.25, 0, 450), Tone(659.26, 600, 650)),
    "attention": (Tone(880.0, 0, 350),),
}
_TAIL_DECAYS = 2.5


def chime(name: str) -> Samples:
    """Samples of a named chime, mono 48 kHz, peak -9.1 dBFS, ending in silence.

    Raises:
        UnknownChimeError: no chime has this name.
    """
    if name not in CHIMES:
        raise UnknownChimeError(f"no chime is called {name!r}; known are {', '.join(sorted(CHIMES))}")
    tones = CHIMES[name]
    length = max(frames_of_ms(tone.at_ms + _TAIL_DECAYS * tone.decay_ms) for tone in tones)
    mixed = np.zeros(length, np.float64)
    for tone in tones:
        begin = frames_of_ms(tone.at_ms)
        mixed[begin:] += _struck(tone, length - begin)
    mixed *= _PEAK / np.max(np.abs(mixed))
    return (mixed * rising(0, length, frames_of_ms(100))[::-1]).astype(np.float32)


def _struck(tone: Tone, frames: int) -> np.typing.NDArray[np.float64]:
    time_s = np.arange(frames) / RATE_HZ
    wave = sum(weight * np.sin(2 * np.pi * tone.pitch_hz * ratio * time_s) for ratio, weight in _PARTIALS)
    envelope = np.exp(-time_s * 1000 / (tone.decay_ms / 2)) * rising(0, frames, frames_of_ms(_ATTACK_MS))
    return np.asarray(wave * envelope, np.float64)
