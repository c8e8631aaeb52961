"""Keeps the last result of each benchmark: `<name>.json`, and `<name>.svg` for how it grows.

The machine is described by what figures depend on, never by its name or its paths.
"""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.drawing import draw
from benchmarks.measuring import Report

FOLDER = Path(__file__).with_name("results")
_GIB = 1024**3
_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """When and on what: taken before the run, so that its own load is not told as another's."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),  # noqa: TID251 - this is the adapter
        "cores": os.cpu_count(),
        "cpu": _cpu_model(_CPUINFO.read_text()),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 1),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def keep(report: Report, where: dict[str, Any], *, quick: bool, folder: Path = FOLDER) -> Path:
    """Write a result over the last one of its name; gives the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{report.name}*.svg"):
        if old.stem.removeprefix(report.name).lstrip("-").isdecimal() or old.stem == report.name:
            old.unlink()
    drawings = []
    for number, growth in enumerate(report.growths, 1):
        drawing = folder / (f"{report.name}.svg" if number == 1 else f"{report.name}-{number}.svg")
        draw(growth, drawing)
        drawings.append(drawing.name)
    path = folder / f"{report.name}.json"
    said = {"machine": where, "quick": quick, **report.as_dict(), "drawings": drawings}
    path.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    return path


def kept(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """All that are kept, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def _cpu_model(cpuinfo: str) -> str:
    """The processor's name as the kernel tells it; the architecture where it does not."""
    for line in cpuinfo.splitlines():
        field, _, value = line.partition(":")
        if field.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.machine()
