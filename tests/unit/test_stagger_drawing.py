"""The map as a drawing and as GeoJSON: every horn at its place, nothing told by colour alone, names kept harmless."""

import io
import math
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from controller.devices.geo import EARTH_RADIUS_M
from loa_cli import staggering
from loa_cli.stagger_drawing import geojson, svg

SVG = "{http://www.w3.org/2000/svg}"
DEGREE_M = math.radians(EARTH_RADIUS_M)


def horn(key: str, north_m: float, east_m: float, cluster: int | None, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": f"Thôn {key}",
        "latitude": 21 + north_m / DEGREE_M,
        "longitude": 105 + east_m / (DEGREE_M * math.cos(math.radians(21))),
        "reach_m": 400.0,
        "reach_assumed": True,
        "cluster": cluster,
        "stagger_ms": 0,
        "turn": 0,
        "wanted_stagger_ms": 0,
        "wanted_turn": 0,
        **more,
    }


def cluster(number: int, remedy: str, reason: str, *names: str) -> dict[str, Any]:
    figures = {"turns": 2, "at_least": 2, "at_most": 3, "apart_ms": 793.2, "left_ms": 31.0}
    return {"number": number, "remedy": remedy, "reason": reason, "devices": list(names), **figures}


FOUND: dict[str, Any] = {
    "unit": "xa",
    "devices": [
        horn("a", 0, 0, 1),
        horn("b", 300, 0, 1, wanted_turn=1, name="Thôn <B> & \x01C"),
        horn("c", 0, 2000, 2, wanted_stagger_ms=1165, reach_m=200.0, reach_assumed=False),
        horn("d", 0, 2790, 2, reach_m=600.0),
        horn("e", 0, 6000, 3),
        horn("f", 0, 6050, 3),
        horn("g", 4000, 0, None),
    ],
    "clusters": [
        cluster(1, "turns", "too_wide", "a", "b"),
        cluster(2, "delays", "delays_suffice", "c", "d"),
        cluster(3, "too_dense", "not_all_at_once", "e", "f"),
    ],
    "echoes": [{"first": "a", "second": "b", "distance_m": 300.0, "least_ms": -793.2, "most_ms": 793.2}],
    "unplaced": [{"id": "x", "name": "X", "stagger_ms": 0, "turn": 0}],
    "collisions": [{"earlier": "p-1", "later": "p-2", "over_s": 53.0, "devices": 2}],
}


def labels(drawing: ET.Element) -> dict[str, tuple[float, float, str]]:
    """Horn → x, y and what is written on it."""
    found = {}
    for group in drawing.iter(f"{SVG}g"):
        dot, (mark, name) = group.find(f"{SVG}circle"), group.findall(f"{SVG}text")
        assert dot is not None
        found[str(name.text).split(" ")[0]] = (float(dot.attrib["cx"]), float(dot.attrib["cy"]), mark.text or "")
    return found


def test_a_drawing_puts_horns_to_scale_and_writes_their_turns() -> None:
    drawing = ET.fromstring(svg(FOUND))  # noqa: S314 - our own

    found = labels(drawing)
    reaches = [float(one.attrib["r"]) for one in drawing.findall(f"{SVG}circle")]
    per_m = reaches[0] / 400
    assert {name: mark for name, (_, _, mark) in found.items()} == {
        "a": "1",
        "b": "2",
        "e": "!",
        "f": "!",
        **dict.fromkeys("cdg", ""),
    }
    (ax, ay, _), (bx, by, _), (cx, cy, _) = found["a"], found["b"], found["c"]
    assert (bx - ax, ay - by) == pytest.approx((0, 300 * per_m), abs=0.2)  # north is up
    assert (cx - ax, cy - ay) == pytest.approx((2000 * per_m, 0), abs=0.2)
    assert reaches == pytest.approx([one["reach_m"] * per_m for one in FOUND["devices"]], abs=0.1)
    assert len(drawing.findall(f"{SVG}line")) == 1
    assert "Thôn <B> & C" in "".join(drawing.itertext())
    assert "c +1165 ms" in "".join(drawing.itertext())
    width, height = float(drawing.attrib["width"]), float(drawing.attrib["height"])
    assert all(0 < x < width and 0 < y < height for x, y, _ in found.values())


def test_the_scale_is_as_long_as_it_says() -> None:
    drawing = ET.fromstring(svg(FOUND))  # noqa: S314 - our own
    (path,) = drawing.findall(f"{SVG}path")
    metres = float(str(drawing.findall(f"{SVG}text")[-1].text).removesuffix(" m"))

    begin, rest = path.attrib["d"].removeprefix("M").split(" ", 1)
    length = float(rest.split("H")[1].split("V")[0]) - float(begin)

    per_m = float(drawing.findall(f"{SVG}circle")[0].attrib["r"]) / 400
    assert length == pytest.approx(metres * per_m, abs=0.1)
    assert metres in {100, 1000}


def test_a_map_without_horns_can_still_be_drawn() -> None:
    empty = {**FOUND, "devices": [], "clusters": [], "echoes": []}

    assert ET.fromstring(svg(empty)).tag == f"{SVG}svg"  # noqa: S314 - our own
    assert geojson(empty) == {"type": "FeatureCollection", "features": []}


def test_geojson_has_longitude_first_and_a_line_for_each_echo() -> None:
    found = geojson(FOUND)["features"]

    first, last = found[0], found[-1]
    assert first["geometry"] == {"type": "Point", "coordinates": [105, 21]}
    assert "latitude" not in first["properties"]
    assert (first["id"], first["properties"]["cluster"]) == ("a", 1)
    assert last["geometry"]["type"] == "LineString"
    assert last["geometry"]["coordinates"][0] == [105, 21]
    assert [one["geometry"]["type"] for one in found].count("Point") == 7


def test_the_table_says_what_is_done_with_whom_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Console(file=io.StringIO(), width=250)
    monkeypatch.setattr(staggering, "console", shown)

    staggering._tables(FOUND)

    assert isinstance(shown.file, io.StringIO)
    text = shown.file.getvalue()
    for words in (
        "phát lần lượt: 2 lượt (ít nhất 2, nhiều nhất 3)",
        "lượt 1: a",
        "lượt 2: b",
        "c +1165 ms, d +0 ms",
        "793 → 31 ms",
        "quá dày",
        "Chưa biết vị trí (loa device set … --at): x",
        "Lượt cuối của p-1 còn phát 53 giây khi p-2 bắt đầu (2 thiết bị)",
    ):
        assert words in text


def test_every_remedy_and_reason_has_its_words() -> None:
    from controller.stagger.rules import Reason, Remedy

    assert set(staggering.REMEDIES) == set(Remedy)
    assert set(staggering.REASONS) == set(Reason)
