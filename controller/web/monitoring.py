"""“Giám sát”: what there is and how it is, on a map or as a table with the same filters; who has not broadcast today.

One address says it all: `view` (devices, communes, map), `unit`, `state`, `kind`, `q`, `heard`, `after`; `wall=1` is
for a screen on the wall. What needs somebody stands first in each table, and in its file. Without scripts there is no
map, and the table that stands below it anyway.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import device_words, exports, moments, monitoring_words, outcome_words
from controller.web.areas import area
from controller.web.exports import Sheet
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

MONITORING = "/monitoring"
VIEWS: Mapping[str, str] = {
    "devices": marked("Các cụm"),
    "map": marked("Bản đồ"),
    "communes": marked("Các xã"),
}
FILTERS: Mapping[str, tuple[str, ...]] = {
    "devices": ("unit", "state", "kind", "q"),
    "map": ("unit", "state", "kind", "q"),
    "communes": ("unit", "heard", "q"),
}
_VALUES: Mapping[str, frozenset[str]] = {
    "state": frozenset(device_words.STATES),
    "kind": frozenset(device_words.KINDS),
    "heard": frozenset({"yes", "no"}),
}
_URGENT = {"order": "urgency", "counted": "false"}
_ON_PAGE = 25
_AT_ONCE = 200
_MOST_LINES = 20_000
_ON_WALL = 24


async def show(visit: Visit) -> Response:
    """The page, or the wall."""
    if visit.request.query_params.get("wall") == "1":
        return visit.page("monitoring_wall.html", **await _wall(visit))
    return visit.page("monitoring.html", **await _found(visit))


async def show_part(visit: Visit) -> Response:
    """What changes of it, for a page that is open."""
    if visit.request.query_params.get("wall") == "1":
        return visit.page("monitoring_wall_part.html", **await _wall(visit))
    if visit.request.query_params.get("counts") == "1":
        return visit.page("monitoring_counts.html", **await _counts(visit))
    return visit.page("monitoring_part.html", **await _found(visit))


async def export(visit: Visit) -> Response:
    """What is shown as a file, with the same filter."""
    kind = visit.request.path_params["kind"]
    if kind not in exports.TYPES:
        raise HTTPException(404)
    view, asked = _asked(visit)
    sheet = await (_communes_sheet(visit, asked) if view == "communes" else _devices_sheet(visit, asked))
    return exports.file_answer(sheet, kind, "cac-xa" if view == "communes" else "cac-cum")


async def _found(visit: Visit) -> dict[str, Any]:
    view, asked = _asked(visit)
    unit = asked.get("unit")
    after = visit.request.query_params.get("after")
    found: dict[str, Any] = {"communes": None, "devices": None}
    if view == "communes":
        found["communes"] = await _communes(visit, asked, after)
        following = found["communes"]["after"]
    else:
        found["devices"] = await visit.api.get("/device-search", **asked, **_URGENT, after=after, limit=_ON_PAGE)
        following = found["devices"]["after"]
    here = {"view": view, **asked}
    settings = visit.request.app.state.controller.settings
    return {
        **found,
        **({} if _is_part(visit) else await _counts(visit)),
        "view": view,
        "views": VIEWS,
        "chosen": _chosen(asked),
        "narrowed": bool(asked),
        "place": await area(visit, unit or ""),
        "first": after is None,
        "following": None if following is None else _address(MONITORING, here, after=following),
        "address": lambda **other: _address(MONITORING, here, **other),
        "of_view": lambda name: _address(MONITORING, {"view": name, **_kept(asked, name)}),
        "export": lambda kind: _address(f"{MONITORING}/export.{kind}", here),
        "part": _address(f"{MONITORING}/part", here, after=after),
        "map_source": _address("/api/v1/monitoring/map", _kept(asked, "map")),
        "tiles": settings.map_tiles or "",
        "attribution": settings.map_attribution,
        "dw": device_words,
        "mw": monitoring_words,
    }


async def _counts(visit: Visit) -> dict[str, Any]:
    asked = _asked(visit)[1]
    overview = await visit.api.get("/monitoring", unit=asked.get("unit"))
    return {"overview": overview, "chosen": _chosen(asked), "dw": device_words, "ow": outcome_words}


def _chosen(asked: Mapping[str, str]) -> dict[str, str]:
    return {**dict.fromkeys(("unit", "state", "kind", "q", "heard"), ""), **asked}


def _is_part(visit: Visit) -> bool:
    return visit.request.url.path == f"{MONITORING}/part"


async def _communes(visit: Visit, asked: Mapping[str, str], after: str | None) -> dict[str, Any]:
    found: dict[str, Any] = await visit.api.get("/monitoring/communes", **_of_api(asked), after=after)
    first = moments.instant(found["since"]).astimezone(moments.ZONE).date()
    for one in found["items"]:
        one["strip"] = monitoring_words.strip(one["week"], first, visit.tongue)
        one["today"] = monitoring_words.today(one["week"], moments.today_of(visit.now), heard=one["heard"])
    return {**found, "first_day": first, "last_day": first + timedelta(days=monitoring_words.DAYS - 1)}


async def _wall(visit: Visit) -> dict[str, Any]:
    unit = _asked(visit)[1].get("unit")
    silent = await visit.api.get("/monitoring/communes", unit=unit, heard="false", limit=_ON_WALL + 1)
    today = await visit.api.get("/today") if visit.may(Permission.KNOW) else {"on_air": []}
    return {
        "overview": await visit.api.get("/monitoring", unit=unit),
        "silent": silent["items"],
        "shown": _ON_WALL,
        "on_air": today["on_air"],
        "back": _address(MONITORING, {"unit": unit} if unit else {}),
        "part": _address(f"{MONITORING}/part", {"wall": "1", **({"unit": unit} if unit else {})}),
        "dw": device_words,
        "ow": outcome_words,
    }


async def _devices_sheet(visit: Visit, asked: Mapping[str, str]) -> Sheet:
    say, rows = visit.tongue.say, await _all(visit, "/device-search", {**asked, **_URGENT})
    heads = [say(one) for one in _DEVICE_HEADS]
    lines: list[list[exports.Cell]] = [
        [
            one["name"],
            one["id"],
            one["unit_name"],
            say(device_words.KINDS.get(one["kind"], one["kind"])),
            say(device_words.STATES[one["state"]][1]),
            "; ".join(say(device_words.ALARMS[name][0]) for name in one["alarms"] if name in device_words.ALARMS),
            None if one["seen_at"] is None else moments.instant(one["seen_at"]),
            None if one["last"] is None else moments.instant(one["last"]["at"]),
            one["last"]["title"] if one["last"] else "",
        ]
        for one in rows
    ]
    return Sheet(say(marked("Các cụm")), heads, lines)


async def _communes_sheet(visit: Visit, asked: Mapping[str, str]) -> Sheet:
    say, rows = visit.tongue.say, await _all(visit, "/monitoring/communes", _of_api(asked))
    heads = [say(one) for one in _COMMUNE_HEADS]
    lines: list[list[exports.Cell]] = [
        [
            one["name"],
            one["above"] or "",
            say(marked("rồi")) if one["heard"] else say(marked("chưa")),
            len(one["week"]),
            *(one["devices"].get(name, 0) for name in device_words.STATES),
        ]
        for one in rows
    ]
    return Sheet(say(marked("Các xã")), [*heads, *(say(words) for _, words in device_words.STATES.values())], lines)


_DEVICE_HEADS = (
    marked("Cụm"),
    marked("Mã thiết bị"),
    marked("Đơn vị"),
    marked("Loại"),
    marked("Tình trạng"),
    marked("Lỗi"),
    marked("Kết nối lần cuối"),
    marked("Phát gần nhất lúc"),
    marked("Phát gần nhất"),
)
_COMMUNE_HEADS = (
    marked("Xã"),
    marked("Thuộc"),
    marked("Đã phát hôm nay"),
    marked("Lượt phát trong 7 ngày"),
)


async def _all(visit: Visit, path: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: str | None = None
    while len(rows) < _MOST_LINES:
        page = await visit.api.get(path, **asked, after=after, limit=_AT_ONCE)
        rows += page["items"]
        after = page["after"]
        if after is None:
            break
    return rows


def _asked(visit: Visit) -> tuple[str, dict[str, str]]:
    """The view and its filters; what makes no sense is as if it were not there."""
    query = visit.request.query_params
    view = query.get("view", "")
    view = view if view in VIEWS else "devices"
    given = {name: query.get(name, "").strip() for name in FILTERS[view]}
    return view, {
        name: value for name, value in given.items() if value and (name not in _VALUES or value in _VALUES[name])
    }


def _kept(asked: Mapping[str, str], view: str) -> dict[str, str]:
    """Those filters that another view has, too."""
    return {name: value for name, value in asked.items() if name in FILTERS[view]}


def _of_api(asked: Mapping[str, str]) -> dict[str, str]:
    given = {name: value for name, value in asked.items() if name != "heard"}
    return {**given, "heard": "true" if asked["heard"] == "yes" else "false"} if "heard" in asked else given


def _address(path: str, asked: Mapping[str, str], **other: str | None) -> str:
    wanted = {name: value for name, value in {**asked, **other}.items() if value}
    if wanted.get("view") == "devices":
        del wanted["view"]
    return f"{path}?{urlencode(wanted)}" if wanted else path


routes = [
    Route(MONITORING, signed_page(show, Permission.SEE), methods=["GET"]),
    Route(f"{MONITORING}/part", signed_page(show_part, Permission.SEE), methods=["GET"]),
    Route(f"{MONITORING}/export.{{kind}}", signed_page(export, Permission.SEE), methods=["GET"]),
]
