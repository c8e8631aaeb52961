"""Writes the results into `benchmarks/README.md`, between its two markers, from what is kept: the page cannot lie.

What a benchmark proves is the docstring of its module.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results: begin (written by `python -m benchmarks --readme`) -->", "<!-- results: end -->"
_WORDS = {True: "met", False: "**missed**", None: "open"}


def rewrite(names: Iterable[str], kept: Mapping[str, Mapping[str, Any]], page: Path = PAGE) -> None:
    """Replace what stands between the markers.

    Raises:
        ValueError: the page has lost a marker.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} needs the lines {BEGIN} and {END}; put them back")
    body = "\n".join(line for name in names for line in _section(name, kept.get(name)))
    page.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{after}")


def _section(name: str, result: Mapping[str, Any] | None) -> Iterator[str]:
    yield from (f"### {name}", "", _purpose(name), "")
    if result is None:
        yield from ("No result is kept yet.", "")
        return
    yield from (_circumstances(name, result), "")
    yield from (
        "| what | N | ours | raw | unit | ours / raw | goal |",
        "| --- | ---: | ---: | ---: | --- | ---: | --- |",
    )
    yield from (_row(figure) for figure in result["figures"])
    yield ""
    for note in result["notes"]:
        yield f"- {_cell(note)}"
    if result["notes"]:
        yield ""
    for drawing, growth in zip(result["drawings"], result["growths"], strict=True):
        yield from (f"![{growth['title']}, {growth['unit']} over N](results/{drawing})", "")


def _circumstances(name: str, result: Mapping[str, Any]) -> str:
    on = result["machine"]
    quick = ", `--quick`: small sizes, not to be cited" if result["quick"] else ""
    return (
        f"{on['date']}, {on['cores']} × {on['cpu']}, {on['memory_gib']} GiB, Python {on['python']}, "
        f"load {on['load_average']} at the start{quick} ([JSON](results/{name}.json))"
    )


def _row(figure: Mapping[str, Any]) -> str:
    goal = "" if figure["goal"] is None else f"{figure['goal']}: {_WORDS[figure['met']]}"
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
    size = "" if figure["n"] is None else f"{figure['n']:,}"
    cells = (figure["what"], size, _number(figure["ours"]), _number(figure["raw"]), figure["unit"], ratio, goal)
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _number(value: float | None) -> str:
    """Three figures that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _purpose(name: str) -> str:
    source = Path(__file__).with_name(f"{name}.py").read_text()
    return ast.get_docstring(ast.parse(source)) or ""
