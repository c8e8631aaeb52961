"""The picture of a sound that people see: its wave and its loudness, small enough to be kept beside it. Pure.

It shows what devices play: the wave as it was prepared (gain and limiter reckoned in), the loudness as measured of the
encoded file. The drawing is one SVG without script, link or font of its own; nothing that a person wrote is in it.
"""

from dataclasses import dataclass
from typing import Any

COLUMNS = 300
LOUDNESS_COLUMNS = 150
"""So many at most, however long the sound is."""
QUIETEST_LUFS, LOUDEST_LUFS = -60.0, 0.0

_FULL = 100
_WIDTH, _HEIGHT = 900, 240
_WAVE_TOP, _WAVE_HEIGHT = 10, 130
_LOUD_TOP, _LOUD_HEIGHT = 150, 60
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Waveform:
    """`low`, `high`: whole percents of full scale, one pair a column; `lufs`: the loudest moment of each column."""

    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    lufs: tuple[float, ...] = ()

    def plausible(self) -> bool:
        """Whether this is a picture that intake draws: what a child says is checked."""
        return (
            len(self.low) == len(self.high) <= COLUMNS
            and len(self.lufs) <= LOUDNESS_COLUMNS
            and all(abs(value) <= _FULL for value in (*self.low, *self.high))
            and all(QUIETEST_LUFS <= value <= LOUDEST_LUFS for value in self.lufs)
        )

    def told(self) -> dict[str, Any]:
        """As plain data."""
        return {"low": list(self.low), "high": list(self.high), "lufs": list(self.lufs)}


NO_WAVEFORM = Waveform()


def understood(plain: dict[str, Any]) -> Waveform:
    """The picture again."""
    return Waveform(tuple(plain["low"]), tuple(plain["high"]), tuple(plain["lufs"]))


def svg(picture: Waveform, duration_ms: int, target_lufs: float) -> str:
    """The drawing: the wave above, the loudness below with its target as a dashed line, the time along the foot."""
    seconds = duration_ms / 1000
    ticks = "".join(_tick(n / _TICKS, seconds) for n in range(_TICKS + 1))
    at = _loud_y(target_lufs)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
        f"<title>Dạng sóng và độ to của âm thanh dài {seconds:.1f} giây</title>"
        f'<path d="{_wave(picture)}" fill="#1f6feb"/>'
        f'<path d="{_loudness(picture)}" fill="none" stroke="#8a4b00" stroke-width="2"/>'
        f'<path d="M0 {at}H{_WIDTH}" stroke="currentColor" stroke-dasharray="6 4"/>'
        f'<text x="4" y="{at - 4}">{target_lufs:.0f} LUFS</text>{ticks}</svg>'
    )


def _wave(picture: Waveform) -> str:
    """One closed outline; silence stays visible as a line."""
    if not picture.high:
        return ""
    upper = [f"{_x(n, len(picture.high))} {_wave_y(max(value, 1))}" for n, value in enumerate(picture.high)]
    lower = [f"{_x(n, len(picture.low))} {_wave_y(min(value, -1))}" for n, value in enumerate(picture.low)]
    return f"M{'L'.join(upper + lower[::-1])}Z"


def _loudness(picture: Waveform) -> str:
    points = [f"{_x(n, len(picture.lufs))} {_loud_y(value)}" for n, value in enumerate(picture.lufs)]
    return f"M{'L'.join(points)}" if points else ""


def _tick(share: float, seconds: float) -> str:
    whole = round(share * seconds)
    anchor = "start" if not share else "end" if share == 1 else "middle"
    x = round(share * _WIDTH)
    return f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{whole // 60}:{whole % 60:02}</text>'


def _x(number: int, columns: int) -> float:
    return round((number + 0.5) * _WIDTH / columns, 1)


def _wave_y(percent: int) -> float:
    return round(_WAVE_TOP + _WAVE_HEIGHT * (100 - percent) / 200, 1)


def _loud_y(lufs: float) -> float:
    return round(_LOUD_TOP + _LOUD_HEIGHT * (LOUDEST_LUFS - lufs) / (LOUDEST_LUFS - QUIETEST_LUFS), 1)
