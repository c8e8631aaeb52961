"""Talk for tests of sound: real sentences by espeak-ng, and recordings made of them with room, breath and clicks."""

import io
import subprocess
import wave
from functools import cache

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
RATE_HZ = 48_000
SENTENCES = (
    "Hôm nay trời mưa to.",
    "Phát thanh xã An Bình xin kính chào.",
    "Thưa bà con và các bạn.",
    "Khi có báo động, hãy ra khỏi nhà.",
    "Xin cảm ơn quý vị đã lắng nghe.",
    "Sáng mai, lúc bảy giờ, họp ở nhà văn hóa thôn.",
)
"""They begin with what is softest: breathed and hissed consonants; some end so."""
_AUDIBLE = 10 ** (-50 / 20)


@cache
def spoken(text: str) -> Sound:
    """A sentence at 48 kHz, peak 1, from its first audible sample to its last (within 50 dB of the peak)."""
    said = subprocess.run(["espeak-ng", "-v", "vi", "--stdout", text], capture_output=True, check=True, timeout=20)
    with wave.open(io.BytesIO(said.stdout)) as opened:
        plain = np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.float64)
        size = round(plain.size * RATE_HZ / opened.getframerate())
    raised = np.interp(np.linspace(0, plain.size - 1, size), np.arange(plain.size), plain) / np.abs(plain).max()
    audible = np.flatnonzero(np.abs(raised) > _AUDIBLE)
    return raised[audible[0] : audible[-1] + 1].astype(np.float32)


def recorded(parts: "list[Sound | float]", room_db: float, level: float = 0.3, seed: int = 1) -> Sound:
    """Sounds, and rests in seconds, one after another, in a room of so many dB below them."""
    whole = np.concatenate([np.zeros(round(one * RATE_HZ)) if isinstance(one, float) else one for one in parts])
    room = np.random.default_rng(seed).standard_normal(whole.size) * 10 ** (room_db / 20)
    return (level * (whole + room)).clip(-1, 1).astype(np.float32)


def breath(seconds: float, below_db: float, seed: int = 2) -> Sound:
    """Air before the first word: noise that swells and fades, its top so far below the talk's peak."""
    air = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    swell = np.sin(np.pi * np.arange(air.size) / air.size)
    return (air * swell * 10 ** (-below_db / 20) / 3).astype(np.float32)


def click() -> Sound:
    """A mouse button near the microphone: 15 ms, as loud as the talk."""
    fall = np.exp(-np.arange(720) / 100)
    return (np.random.default_rng(3).standard_normal(720) * fall / 2).clip(-1, 1).astype(np.float32)
