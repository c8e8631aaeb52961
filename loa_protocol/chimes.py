"""Chimes made in code, so that a programme can open and close with a sound that needs no file and no licence. Pure.

Both programs make them by this recipe: a chime sounds alike whether a device strikes it or the controller joins it to
a clip. Needs numpy, which both sides have; nothing else of the protocol does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000
_PARTIALS = ((1.0, 1.0), (2.0, 0.35), (3.01, 0.12))
_PEAK = 0.35
_ATTACK_MS = 4
_RELEASE_MS = 100
_TAIL_DECAYS = 2.5


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


def struck(tones: tuple[Tone, ...]) -> npt.NDArray[np.float32]:
    """Samples of a chime, mono 48 kHz, full scale ±1, peak -9.1 dBFS, ending in silence."""
    length = max(_frames(tone.at_ms + _TAIL_DECAYS * tone.decay_ms) for tone in tones)
    mixed = np.zeros(length, np.float64)
    for tone in tones:
        begin = _frames(tone.at_ms)
        mixed[begin:] += _one(tone, length - begin)
    mixed *= _PEAK / np.max(np.abs(mixed))
    return (mixed * _rising(length, _frames(_RELEASE_MS))[::-1]).astype(np.float32)


def _one(tone: Tone, frames: int) -> npt.NDArray[np.float64]:
    time_s = np.arange(frames) / RATE_HZ
    wave = sum(weight * np.sin(2 * np.pi * tone.pitch_hz * ratio * time_s) for ratio, weight in _PARTIALS)
    envelope = np.exp(-time_s * 1000 / (tone.decay_ms / 2)) * _rising(frames, _frames(_ATTACK_MS))
    return np.asarray(wave * envelope, np.float64)


def _rising(frames: int, over: int) -> npt.NDArray[np.float32]:
    """Raised-cosine factors from 0 to 1 over so many frames, 1 from there on."""
    phase = np.clip((np.arange(frames) + 0.5) / over, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def _frames(ms: float) -> int:
    return round(ms * RATE_HZ / 1000)
