"""Draws growth over N as SVG.

The same figures give the same bytes. It is read on light and on dark pages: nothing behind it, text and lines of middle
brightness. Raw baselines are dashed with hollow marks, so that colour alone tells nothing.
"""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.measuring import Growth

mpl.use("Agg")

from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import FuncFormatter, NullFormatter

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "loa",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.0,
}
_GREY = "#7a7f87"
_COLOURS = ("#3a86d4", "#d1732b", "#3f9b5c", "#b05594", "#8a7f2f", "#4f8f96")
_MARKS = ("o", "s", "^", "D", "v", "P")
_SIZE_INCHES = (7.2, 3.8)
_WIDE = 10.0


def draw(growth: Growth, path: Path) -> None:
    """Write one drawing; each axis is logarithmic where its values are positive and spread over a decade."""
    with mpl.rc_context(_STYLE):
        sheet = Sheet(figsize=_SIZE_INCHES, layout="constrained")
        axes = sheet.add_subplot()
        marks = cycle(zip(_COLOURS, _MARKS, strict=True))
        for name, row in growth.series.items():
            colour, mark = next(marks)
            bare = is_raw(name)
            axes.plot(
                [n for n, _ in row],
                [value for _, value in row],
                label=name,
                color=colour,
                marker=mark,
                linestyle="--" if bare else "-",
                markerfacecolor="none" if bare else colour,
            )
        points = [point for row in growth.series.values() for point in row]
        if spread(n for n, _ in points):
            axes.set_xscale("log")
        if spread(value for _, value in points):
            axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_title(growth.title, color=_GREY)
        axes.set_xlabel("N", color=_GREY)
        axes.set_ylabel(growth.unit, color=_GREY)
        axes.tick_params(which="both", colors=_GREY)
        axes.grid(visible=True, which="major", color=_GREY, alpha=0.3)
        axes.patch.set_alpha(0)
        for spine in axes.spines.values():
            spine.set_color(_GREY)
        axes.legend(frameon=False, labelcolor=_GREY)
        sheet.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def is_raw(name: str) -> bool:
    """Whether a series is a baseline, by its name."""
    return not {"raw", "bare"}.isdisjoint(name.lower().split())


def spread(values: Iterable[float]) -> bool:
    """Whether positive values reach over a decade."""
    held = list(values)
    return bool(held) and min(held) > 0 and max(held) / min(held) >= _WIDE
