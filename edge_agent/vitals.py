"""Figures of the machine and of this process, read from /proc and /sys; missing ones are None. Blocks briefly."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: seconds of processor time used so far, resident bytes, degrees Celsius, free bytes of the disk."""

    cpu_s: float
    memory_bytes: int | None
    temperature_c: float | None
    free_bytes: int


def look(state_dir: Path) -> Vitals:
    """The figures now."""
    times = os.times()
    return Vitals(times.user + times.system, _memory(), _temperature(), shutil.disk_usage(state_dir).free)


def _memory() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _temperature() -> float | None:
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None
