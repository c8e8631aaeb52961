"""“Kết quả phát”: past broadcasts day by day, each on its devices with what to do, another try, why, and as files."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import device_words, exports, moments, outcome_words, words
from controller.web.areas import area
from controller.web.backend import Refused
from controller.web.exports import Sheet
from controller.web.outcome_words import strip
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

RESULTS = "/results"
LIST_FILTERS = ("day", "unit", "kind")
FILTERS = ("kind", "q", "unit")
_AT_ONCE = 500
_MOST_LINES = 5_000
_KINDS = frozenset(outcome_words.KINDS)
_SOON = timedelta(minutes=2)


async def show_all(visit: Visit) -> Response:
    """The list, by days."""
    return visit.page("results.html", **await _listed(visit))


async def show_all_part(visit: Visit) -> Response:
    """What changes of it, for a page that is open."""
    return visit.page("results_part.html", **await _listed(visit))


async def show(visit: Visit) -> Response:
    """One broadcast on its devices."""
    return visit.page("result.html", **await _one(visit))


async def show_part(visit: Visit) -> Response:
    """What changes of it, for a page that is open."""
    return visit.page("result_part.html", **await _one(visit))


async def retry(visit: Visit) -> Response:
    """Play it again to those devices that failed; goes on to that try."""
    key = visit.request.path_params["id"]
    try:
        made = await visit.api.send("POST", f"/broadcasts/{key}/retry", {}, visit.once)
    except Refused as refused:
        return visit.again("result.html", refused, **await _one(visit))
    return visit.go(f"{RESULTS}/{made['id']}", told="retried")


async def why(visit: Visit) -> Response:
    """Why a device did what it did then: the rule that decided, and what was in its way."""
    key, device = visit.request.path_params["id"], visit.request.path_params["device"]
    told = await visit.api.get(f"/broadcasts/{key}/results", limit=1)
    explained = await visit.api.get("/explain", device=device, at=told["start"])
    entries = [*filter(None, [explained["playing"]]), *explained["others"]]
    mine = next((one for one in entries if one["broadcast"] == key), None)
    rest = [one for one in entries if one is not mine]
    found = next(iter((await visit.api.get(f"/broadcasts/{key}/results", device=device, limit=1))["devices"]), None)
    return visit.page(
        "result_why.html",
        one=told,
        device=found,
        alarms=[] if found is None else (await visit.api.get(f"/devices/{device}"))["alarms"],
        dw=device_words,
        entry=mine,
        rest=rest,
        following=explained["following"],
        ow=outcome_words,
    )


async def export_all(visit: Visit) -> Response:
    """The list as a file, with the same filter."""
    kind = _file_kind(visit)
    asked = _asked(visit, LIST_FILTERS)
    rows: list[Mapping[str, Any]] = []
    more: dict[str, Any] = {}
    while len(rows) < _MOST_LINES:
        page = await visit.api.get(RESULTS, **asked, **more, limit=_AT_ONCE)
        rows += page["items"]
        if page["before"] is None:
            break
        more = {"before": page["before"], "before_id": page["before_id"]}
    say = visit.tongue.say
    heads = [
        say(marked("Bắt đầu")),
        say(marked("Lượt phát")),
        say(marked("Loại bản tin")),
        say(marked("Số cụm")),
        *(say(name) for _, name in outcome_words.KINDS.values()),
        *(say(name) for _, name in outcome_words.OUTCOMES.values()),
    ]
    lines = [_line(visit, one) for one in rows]
    return exports.file_answer(Sheet(say(marked("Kết quả phát")), heads, lines), kind, "ket-qua-phat")


def _line(visit: Visit, one: Mapping[str, Any]) -> list[exports.Cell]:
    counted = strip(one)
    kinds = {"wrong": counted.bad, "unsure": counted.unsure, "waiting": counted.waiting, "good": counted.good}
    return [
        moments.instant(one["start"]),
        one["title"],
        visit.tongue.say(words.LEVELS.get(one["level"], one["level"])),
        one["expected"],
        *(kinds[name] for name in outcome_words.KINDS),
        *((one["outcomes"].get(name, 0) if name else one["waiting"]) for name in outcome_words.OUTCOMES),
    ]


async def export(visit: Visit) -> Response:
    """The devices of one broadcast as a file, with the same filter."""
    kind, key = _file_kind(visit), visit.request.path_params["id"]
    asked = _asked(visit, FILTERS)
    rows: list[Mapping[str, Any]] = []
    after: str | None = None
    while True:
        page = await visit.api.get(f"/broadcasts/{key}/results", **asked, after=after, limit=_AT_ONCE)
        rows += page["devices"]
        after = page["after"]
        if after is None:
            break
    say = visit.tongue.say
    heads = [say(one) for one in _DEVICE_HEADS]
    lines = [_device_line(visit, one) for one in rows]
    start = moments.instant(page["start"]).astimezone(moments.ZONE)
    return exports.file_answer(Sheet(say(marked("Kết quả")), heads, lines), kind, f"ket-qua-{start:%Y-%m-%d-%H%M}")


_DEVICE_HEADS = (
    marked("Cụm"),
    marked("Mã thiết bị"),
    marked("Đơn vị"),
    marked("Kết quả"),
    marked("Lý do"),
    marked("Nên làm"),
    marked("Bắt đầu"),
    marked("Đã phát (giây)"),
    marked("Mức đo được (dB)"),
    marked("Âm lượng"),
    marked("Trả lời lúc"),
    marked("Chi tiết"),
)


def _device_line(visit: Visit, one: Mapping[str, Any]) -> list[exports.Cell]:
    say = visit.tongue.say
    what, then = outcome_words.what_and_next(one["outcome"], one["reason"])
    return [
        one["name"],
        one["device_id"],
        ", ".join(one["place"]),
        say(outcome_words.OUTCOMES[one["outcome"]][1]) if one["outcome"] in outcome_words.OUTCOMES else one["outcome"],
        say(what) if what else "",
        say(then) if then else "",
        None if one["started"] is None else moments.instant(one["started"]),
        None if one["played_ms"] is None else round(one["played_ms"] / 1000, 1),
        one["rms_dbfs"],
        one["volume"],
        None if one["answered_at"] is None else moments.instant(one["answered_at"]),
        one["detail"],
    ]


async def _listed(visit: Visit) -> dict[str, Any]:
    asked = _asked(visit, LIST_FILTERS)
    query = visit.request.query_params
    more = {name: query[name] for name in ("before", "before_id") if query.get(name)}
    found = await visit.api.get(RESULTS, **asked, **more)
    days = [
        (day, [(one, strip(one)) for one in items])
        for day, items in groupby(
            found["items"], lambda one: moments.instant(one["start"]).astimezone(moments.ZONE).date()
        )
    ]
    following = None
    if found["before"] is not None:
        following = _address(RESULTS, asked, before=found["before"], before_id=found["before_id"])
    return {
        "days": days,
        "chosen": {**dict.fromkeys(LIST_FILTERS, ""), **asked},
        "narrowed": bool(asked),
        "place": await area(visit, asked.get("unit", "")),
        "first": not more,
        "following": following,
        "address": lambda **other: _address(RESULTS, asked, **other),
        "export": lambda kind: _address(f"{RESULTS}/export.{kind}", asked),
        "part": _address(f"{RESULTS}/part", {**asked, **more}),
        "ow": outcome_words,
    }


async def _one(visit: Visit) -> dict[str, Any]:
    key = visit.request.path_params["id"]
    asked = _asked(visit, FILTERS)
    after = visit.request.query_params.get("after")
    found = await visit.api.get(f"/broadcasts/{key}/results", **asked, after=after)
    here = f"{RESULTS}/{key}"
    return {
        "one": found,
        "strip": strip(found),
        "again": [(one, strip(one), _is_sent(one, visit.now)) for one in found["again"]],
        "sending": _is_sent(found, visit.now),
        "chosen": {**dict.fromkeys(FILTERS, ""), **asked},
        "first": after is None,
        "here": here,
        "following": None if found["after"] is None else _address(here, asked, after=found["after"]),
        "address": lambda **other: _address(here, asked, **other),
        "export": lambda kind: _address(f"{here}/export.{kind}", asked),
        "part": _address(f"{here}/part", {**asked, **({"after": after} if after else {})}),
        "ow": outcome_words,
    }


def _is_sent(one: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is on its way just now, so that which devices it is for will show presently."""
    if one["expected"] or one["closed"] or one["cancelled"]:
        return False
    return moments.instant(one["start"]) - _SOON <= now < moments.instant(one["ends"])


def _asked(visit: Visit, names: Sequence[str]) -> dict[str, str]:
    """What the address asks for; what makes no sense is as if it were not there."""
    query = visit.request.query_params
    found = {name: query[name].strip() for name in names if query.get(name, "").strip()}
    if found.get("kind") not in _KINDS:
        found.pop("kind", None)
    if not _is_day(found.get("day", "")):
        found.pop("day", None)
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _address(path: str, asked: Mapping[str, str], **other: str | None) -> str:
    """With other filters."""
    wanted = {name: value for name, value in {**asked, **other}.items() if value}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def _file_kind(visit: Visit) -> str:
    kind: str = visit.request.path_params["kind"]
    if kind not in exports.TYPES:
        raise HTTPException(404)
    return kind


routes = [
    Route(RESULTS, signed_page(show_all, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/part", signed_page(show_all_part, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/export.{{kind}}", signed_page(export_all, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/{{id}}", signed_page(show, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/{{id}}/part", signed_page(show_part, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/{{id}}/export.{{kind}}", signed_page(export, Permission.SEE), methods=["GET"]),
    Route(f"{RESULTS}/{{id}}/retry", signed_page(retry, Permission.PLACE), methods=["POST"]),
    Route(f"{RESULTS}/{{id}}/why/{{device}}", signed_page(why, Permission.SEE), methods=["GET"]),
]
