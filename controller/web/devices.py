"""“Thiết bị”: which there are and how they are; one of them: how it was, what it plays, how loud, what it shall do."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import device_words, moments
from controller.web.areas import area
from controller.web.backend import Refused
from controller.web.visits import Visit, signed_page

DEVICES = "/devices"
FILTERS = ("q", "unit", "kind", "state")
_AHEAD, _BACK = timedelta(days=2), timedelta(days=3)
_SHOWN = 6
_DAYS = {"1": 1, "7": 7}
_NOTED = 12
_LOGGED = 50
_SHOW_LOG = "show-log"
_LAST_MS = int(moments.instant("9999-12-31T00:00:00Z").timestamp() * 1000)


async def show_all(visit: Visit) -> Response:
    """A list of them, narrowed by what stands in the address."""
    query = visit.request.query_params
    chosen = {name: query.get(name, "").strip() for name in FILTERS}
    asked = {name: value for name, value in chosen.items() if value}
    after = query.get("after")
    found = await visit.api.get("/device-search", **asked, after=after)
    return visit.page(
        "devices.html",
        found=found,
        chosen=chosen,
        place=await area(visit, chosen["unit"]),
        total=sum(found["states"].values()),
        first=not after,
        address=lambda **other: _address(asked, other),
        dw=device_words,
    )


def _address(asked: Mapping[str, str], other: Mapping[str, str | None]) -> str:
    """The list with other filters."""
    wanted = {name: value for name, value in {**asked, **other}.items() if value}
    return f"{DEVICES}?{urlencode(wanted)}" if wanted else DEVICES


async def show(visit: Visit) -> Response:
    """One of them."""
    return visit.page("device.html", **await _everything(visit))


async def show_state(visit: Visit) -> Response:
    """How it is now, for a page that is open."""
    return visit.page("device_state.html", **await _state(visit))


async def show_volume(visit: Visit) -> Response:
    """Whether it has its volume, for a page that is open."""
    return visit.page("device_volume.html", volume=await visit.api.get(f"{_at(visit)}/volume"))


async def show_answers(visit: Visit) -> Response:
    """What it answered and wrote down, for a page that is open."""
    return visit.page("device_answers.html", **await _answers(visit))


async def show_log(visit: Visit) -> Response:
    """What its program wrote down, for a page that is open."""
    return visit.page("device_log.html", log=await _log(visit), dw=device_words)


async def set_volume(visit: Visit) -> Response:
    """The loudest that it may be; nothing: as its units say."""
    text = visit.form.get("most")
    body = {"most": int(text) if text.isascii() and text.isdigit() and len(text) < 4 else (text or None)}  # noqa: PLR2004
    return await _done(visit, "PUT", "/volume", body, told="volume-set")


async def command(visit: Visit) -> Response:
    """Ask it to do something."""
    order = visit.form.get("order")
    anchor = "#log" if order == _SHOW_LOG else "#answers"
    return await _done(visit, "POST", "/commands", {"name": order}, told="device-asked", anchor=anchor)


async def change(visit: Visit) -> Response:
    """Its name, and where it stands."""
    return await _done(visit, "PATCH", "", visit.form.given("name", "unit_id"), told="device-changed")


async def _done(visit: Visit, method: str, path: str, body: dict[str, Any], *, told: str, anchor: str = "") -> Response:
    try:
        await visit.api.send(method, f"{_at(visit)}{path}", body, visit.once)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again("device.html", refused, **await _everything(visit))
    return visit.go(f"{_at(visit)}{anchor}", told=told)


async def _everything(visit: Visit) -> dict[str, Any]:
    state = await _state(visit)
    at = _at(visit)
    return {
        **state,
        **await _answers(visit),
        **await _airing(visit),
        "volume": await visit.api.get(f"{at}/volume"),
        "log": await _log(visit) if visit.may(Permission.TEND) else None,
        "why": await _why(visit),
        "units": await _units(visit, state["device"]),
        "commands": device_words.ORDERS[state["device"]["kind"]],
    }


async def _state(visit: Visit) -> dict[str, Any]:
    at, days = _at(visit), _DAYS.get(visit.request.query_params.get("days", "1"), 1)
    device = await visit.api.get(at)
    beats = await visit.api.get(f"{at}/beats", days=days)
    return {
        "device": device,
        "at": at,
        "days": days,
        "beats": beats,
        "bars": bars(beats),
        "gaps": [one for one in reversed(beats["stretches"]) if one["state"] == "silent"][:_SHOWN],
        "signal": _signal(device["health"].get("signal")),
        "held": [{**one, "at": _signed(one["held"])} for one in device["documents"]],
        "dw": device_words,
    }


def _signal(told: Mapping[str, Any] | None) -> dict[str, str] | None:
    """How a mobile signal reads: a sign, a word for how strong it is, and its figures."""
    if told is None:
        return None
    sign, word = next((sign, word) for below, sign, word in device_words.SIGNALS if told["percent"] < below)
    figures = [f"{told['percent']} %", told.get("technology", "").upper(), told.get("operator", "")]
    return {"sign": sign, "word": word, "figures": " · ".join(one for one in figures if one)}


def bars(beats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Stretches as bars of a strip that is 1000 wide."""
    begin, end = moments.instant(beats["begin"]), moments.instant(beats["end"])
    whole = (end - begin).total_seconds()
    return [
        {
            "state": one["state"],
            "x": round((moments.instant(one["begin"]) - begin).total_seconds() / whole * 1000, 1),
            "width": round(
                (moments.instant(one["end"]) - moments.instant(one["begin"])).total_seconds() / whole * 1000, 1
            ),
        }
        for one in beats["stretches"]
    ]


def _signed(version: int | None) -> datetime | None:
    """When a document was signed: versions are milliseconds since 1970; a device may claim to hold any."""
    if version is None:
        return None
    return datetime.fromtimestamp(min(max(version, 0), _LAST_MS) / 1000, moments.ZONE)


async def _answers(visit: Visit) -> dict[str, Any]:
    at = _at(visit)
    return {
        "asked": await visit.api.get(f"{at}/commands"),
        "lines": await visit.api.get(f"{at}/journal", limit=_NOTED),
        "dw": device_words,
    }


async def _log(visit: Visit) -> list[dict[str, Any]] | None:
    """The newest of what its program wrote down; None where somebody else looks after it."""
    try:
        found: list[dict[str, Any]] = await visit.api.get(f"{_at(visit)}/log", limit=_LOGGED)
    except Refused as refused:
        if refused.status != HTTPStatus.FORBIDDEN:
            raise
        return None
    return found


async def _airing(visit: Visit) -> dict[str, Any]:
    """What it plays next, and what it played last."""
    begin, end = visit.now - _BACK, visit.now + _AHEAD
    told = await visit.api.get("/timeline", device=_key(visit), **{"from": begin.isoformat(), "to": end.isoformat()})
    entries = told["entries"]
    coming = [one for one in entries if moments.instant(one["planned"]) > visit.now]
    past = [one for one in entries if moments.instant(one["planned"]) <= visit.now]
    return {"coming": coming[:_SHOWN], "past": past[: -_SHOWN - 1 : -1]}


async def _why(visit: Visit) -> dict[str, Any] | None:
    """Why it played or plays what it does at an instant that was asked for."""
    text = visit.request.query_params.get("at", "")
    try:
        asked = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = asked if asked.tzinfo is not None else asked.replace(tzinfo=moments.ZONE)
    found: dict[str, Any] = await visit.api.get("/explain", device=_key(visit), at=at.isoformat())
    return found


async def _units(visit: Visit, device: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where it may be moved: within the commune that it stands in, as far as one looks after devices there."""
    if not visit.may(Permission.TEND):
        return []
    own = await visit.api.get(f"/units/{device['unit_id']}/branch")
    above = own["path"][-1]["id"] if own["path"] and not own["below"] else device["unit_id"]
    branch = own if above == device["unit_id"] else await visit.api.get(f"/units/{above}/branch")
    found = [(one["id"], one["name"]) for one in (branch["own"], *branch["below"])]
    known = {key for key, _ in found}
    return found if device["unit_id"] in known else [(device["unit_id"], device["unit_name"]), *found]


def _key(visit: Visit) -> str:
    return str(visit.request.path_params["device"])


def _at(visit: Visit) -> str:
    return f"{DEVICES}/{_key(visit)}"


_ONE = f"{DEVICES}/{{device}}"
routes = [
    Route(DEVICES, signed_page(show_all, Permission.SEE), methods=["GET"]),
    Route(_ONE, signed_page(show, Permission.SEE), methods=["GET"]),
    Route(_ONE, signed_page(change, Permission.TEND), methods=["POST"]),
    Route(f"{_ONE}/state", signed_page(show_state, Permission.SEE), methods=["GET"]),
    Route(f"{_ONE}/volume", signed_page(show_volume, Permission.SEE), methods=["GET"]),
    Route(f"{_ONE}/volume", signed_page(set_volume, Permission.TEND), methods=["POST"]),
    Route(f"{_ONE}/answers", signed_page(show_answers, Permission.SEE), methods=["GET"]),
    Route(f"{_ONE}/log", signed_page(show_log, Permission.TEND), methods=["GET"]),
    Route(f"{_ONE}/commands", signed_page(command, Permission.TEND), methods=["POST"]),
]
