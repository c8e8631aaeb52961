"""The map of neighbouring horns as a drawing and as GeoJSON, from the API's answer. Pure.

The drawing shows horns, reaches and echoes, with a scale and north, and no outline of any land: whoever needs a
background puts the GeoJSON on a map of their own. A turn is told by its number, never by its colour alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from controller.devices.geo import Point, east_north_m

_WIDTH, _MARGIN, _HEAD = 1000, 40, 70
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a6761d", "#56b4e9", "#e6ab02", "#666666")


def geojson(found: Mapping[str, Any]) -> dict[str, Any]:
    """A FeatureCollection: a point for each horn, a line for each echo, in WGS 84 (RFC 7946)."""
    where = {horn["id"]: [horn["longitude"], horn["latitude"]] for horn in found["devices"]}
    horns = [
        {
            "type": "Feature",
            "id": horn["id"],
            "geometry": {"type": "Point", "coordinates": where[horn["id"]]},
            "properties": {name: value for name, value in horn.items() if name not in {"latitude", "longitude"}},
        }
        for horn in found["devices"]
    ]
    echoes = [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [where[echo["first"]], where[echo["second"]]]},
            "properties": dict(echo),
        }
        for echo in found["echoes"]
    ]
    return {"type": "FeatureCollection", "features": [*horns, *echoes]}


def svg(found: Mapping[str, Any]) -> str:
    """A drawing to look at in a browser or to print."""
    sheet = _Sheet(found["devices"])
    remedies = {cluster["number"]: cluster["remedy"] for cluster in found["clusters"]}
    parts = [sheet.reach(horn) for horn in found["devices"]]
    parts += [sheet.echo(echo) for echo in found["echoes"]]
    parts += [sheet.horn(horn, remedies.get(horn["cluster"], "")) for horn in found["devices"]]
    title = f"Loa nghe chồng nhau: {found['unit']}"
    return "\n".join([sheet.head(title, _summary(found)), *parts, sheet.scale(), "</svg>", ""])


def _summary(found: Mapping[str, Any]) -> str:
    kinds = [cluster["remedy"] for cluster in found["clusters"]]
    return (
        f"{len(found['devices'])} cụm loa, {len(found['echoes'])} cặp nghe vọng;"
        f" {kinds.count('turns')} nhóm phát lần lượt, {kinds.count('delays')} nhóm lệch giờ,"
        f" {kinds.count('too_dense')} nhóm quá dày;"
        f" {len(found['unplaced'])} cụm chưa biết vị trí"
    )


class _Sheet:
    """A flat map around the horns, as large as the sheet is wide."""

    def __init__(self, horns: Sequence[Mapping[str, Any]]) -> None:
        places = [Point(horn["latitude"], horn["longitude"]) for horn in horns] or [Point(0, 0)]
        self._origin = places[0]
        around = [(*self._flat(horn), horn["reach_m"]) for horn in horns] or [(0.0, 0.0, 500.0)]
        self._west, self._east = min(x - r for x, _, r in around), max(x + r for x, _, r in around)
        self._south, self._north = min(y - r for _, y, r in around), max(y + r for _, y, r in around)
        self._per_m = (_WIDTH - 2 * _MARGIN) / (self._east - self._west)
        self._height = (self._north - self._south) * self._per_m + 2 * _MARGIN + _HEAD
        self._at = {horn["id"]: self._xy(horn) for horn in horns}

    def _flat(self, horn: Mapping[str, Any]) -> tuple[float, float]:
        return east_north_m(self._origin, Point(horn["latitude"], horn["longitude"]))

    def _xy(self, horn: Mapping[str, Any]) -> tuple[float, float]:
        east, north = self._flat(horn)
        x = _MARGIN + (east - self._west) * self._per_m
        return x, _HEAD + _MARGIN + (self._north - north) * self._per_m

    def head(self, title: str, summary: str) -> str:
        size = f'width="{_WIDTH}" height="{self._height:.0f}" viewBox="0 0 {_WIDTH} {self._height:.0f}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n'
            f"<title>{_text(title)}</title>\n"
            '<rect width="100%" height="100%" fill="#ffffff"/>\n'
            f'<text x="{_MARGIN}" y="30" font-size="18">{_text(title)}</text>\n'
            f'<text x="{_MARGIN}" y="52">{_text(summary)}</text>\n'
            f'<text x="{_WIDTH - _MARGIN}" y="30" text-anchor="end">Bắc ↑</text>'
        )

    def reach(self, horn: Mapping[str, Any]) -> str:
        x, y = self._at[horn["id"]]
        dashes = ' stroke-dasharray="4 4"' if horn["reach_assumed"] else ""
        radius = horn["reach_m"] * self._per_m
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#00000008" stroke="#bbbbbb"{dashes}/>'

    def echo(self, echo: Mapping[str, Any]) -> str:
        (x1, y1), (x2, y2) = self._at[echo["first"]], self._at[echo["second"]]
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#888888" stroke-width="1.5"/>'

    def horn(self, horn: Mapping[str, Any], remedy: str) -> str:
        x, y = self._at[horn["id"]]
        label, fill = _label(horn, remedy)
        name = _text(f"{horn['id']} · {horn['name']}")
        return (
            f'<g><title>{name}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{fill}"/>'
            f'<text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle" fill="#ffffff">{label}</text>'
            f'<text x="{x:.1f}" y="{y + 26:.1f}" text-anchor="middle">{_text(horn["id"])}{_delay(horn)}</text></g>'
        )

    def scale(self) -> str:
        metres = 10 ** max(0, len(str(int((self._east - self._west) / 3))) - 1)
        end, y = _MARGIN + metres * self._per_m, self._height - 18
        return (
            f'<path d="M{_MARGIN} {y - 6:.1f}V{y:.1f}H{end:.1f}V{y - 6:.1f}" fill="none" stroke="#000000"/>'
            f'<text x="{end + 8:.1f}" y="{y:.1f}">{metres} m</text>'
        )


def _text(text: str) -> str:
    """As XML may hold it."""
    return escape("".join(letter for letter in text if letter.isprintable()))


def _label(horn: Mapping[str, Any], remedy: str) -> tuple[str, str]:
    if remedy == "too_dense":
        return "!", "#b00020"
    if remedy == "turns":
        return str(horn["wanted_turn"] + 1), _COLOURS[horn["wanted_turn"] % len(_COLOURS)]
    return "", "#444444"


def _delay(horn: Mapping[str, Any]) -> str:
    return f" +{horn['wanted_stagger_ms']} ms" if horn["wanted_stagger_ms"] else ""
