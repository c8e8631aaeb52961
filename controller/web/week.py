"""“Lịch phát tuần”: one unit's week by days and sessions, and moving or skipping a session, once or from then on.

Where it is: in the address (`?unit=&week=2026-W47`, and `day=` for the phone, which shows one day at a time).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import moments
from controller.web.backend import Refused
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

WEEK = "/week"
SHORT_DAYS = (
    marked("Thứ Hai"),
    marked("Thứ Ba"),
    marked("Thứ Tư"),
    marked("Thứ Năm"),
    marked("Thứ Sáu"),
    marked("Thứ Bảy"),
    marked("Chủ nhật"),
)
LETTERS = (marked("T2"), marked("T3"), marked("T4"), marked("T5"), marked("T6"), marked("T7"), marked("CN"))
HOLIDAYS: Mapping[str, str] = {
    "new_year": marked("Tết Dương lịch"),
    "tet": marked("Tết Nguyên đán"),
    "hung_kings": marked("Giỗ Tổ Hùng Vương"),
    "reunification": marked("Ngày Giải phóng miền Nam"),
    "labour": marked("Ngày Quốc tế Lao động"),
    "national": marked("Quốc khánh"),
    "local": marked("Ngày nghỉ theo chương trình"),
}
SOURCES: Mapping[str, str] = {
    "relay": marked("tiếp sóng"),
    "bulletins": marked("bản tin"),
    "own": marked("tự sản xuất"),
}
MOONS = {1: marked("tháng Giêng"), 12: marked("tháng Chạp")}
_FULL_MOON = 15
_AHEAD_DAYS = 14


async def show(visit: Visit) -> Response:
    """The week."""
    query = visit.request.query_params
    unit = query.get("unit") or _own_unit(visit)
    if not unit:
        return visit.page("week_nowhere.html")
    told = await visit.api.get(f"/units/{unit}/week", week=query.get("week") or None)
    days = [
        {**one, "short": SHORT_DAYS[number], "letters": LETTERS[number], "moon": _moon(one, visit)}
        for number, one in enumerate(told["days"])
    ]
    day = _chosen(query.get("day"), told)
    entries = [{**one, "where": address("/week/session", told, one["day"], _named(one))} for one in told["entries"]]
    return visit.page(
        "week.html",
        plan=told,
        days=days,
        chosen=day,
        rows=_rows(entries, days, day),
        nothing=not entries,
        silent_day=not any(one["day"] == day for one in entries),
        address=lambda **more: address(WEEK, {**told, **more}, more.get("day", "")),
        holidays=HOLIDAYS,
        sources=SOURCES,
        movable=any(one["may_change"] for one in entries),
    )


def _own_unit(visit: Visit) -> str:
    """Where one works: the narrowest thing that one's permissions say about it."""
    for permission in (Permission.PLACE, Permission.SEE, Permission.KNOW):
        if visit.reach.get(str(permission)):
            return visit.reach[str(permission)][0]
    return ""


def _chosen(given: str | None, told: Mapping[str, Any]) -> str:
    """The day that a phone shows: the one that is asked for, else today, else Monday."""
    dates = [one["date"] for one in told["days"]]
    return next((str(one) for one in (given, told["today"]) if one in dates), str(dates[0]))


def address(path: str, told: Mapping[str, Any], day: str, more: Mapping[str, Any] | None = None) -> str:
    """Of a page of this week."""
    unit = told["unit"]["id"] if isinstance(told["unit"], Mapping) else told["unit"]
    named = {"unit": unit, "week": told["week"], "day": day, **(more or {})}
    return f"{path}?{urlencode({name: value for name, value in named.items() if value})}"


def _named(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("programme", "session", "original")}


def _rows(entries: list[dict[str, Any]], days: list[dict[str, Any]], chosen: str) -> list[dict[str, Any]]:
    """Times of the week, the earliest first, each with what begins then on every day."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for one in entries:
        found.setdefault(one["at"], {}).setdefault(one["day"], []).append(one)
    return [
        {
            "at": at,
            "cells": [{"date": day["date"], "entries": by_day.get(day["date"], [])} for day in days],
            "chosen": chosen in by_day,
        }
        for at, by_day in sorted(found.items())
    ]


def _moon(one: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    """The lunar date in words, and whether it is one that people live by."""
    number, month = one["lunar_day"], one["lunar_month"]
    if number == 1 and month in MOONS:
        text = visit.tongue.say(marked("mùng 1 %(month)s âm"), month=visit.tongue.say(MOONS[month]))
    elif one["leap"]:
        text = visit.tongue.say(marked("%(day)s/%(month)s nhuận âm"), day=number, month=month)
    else:
        text = visit.tongue.say(marked("%(day)s/%(month)s âm"), day=number, month=month)
    special = ""
    if number == _FULL_MOON:
        special = visit.tongue.say(marked("rằm"))
    elif number == 1 and month not in MOONS:
        special = visit.tongue.say(marked("mùng một"))
    return {"text": text, "special": special, "marked": number in {1, _FULL_MOON}}


async def show_session(visit: Visit) -> Response:
    """One session of the week: what is in it, and what can be done with it."""
    found = await _found(visit, visit.request.query_params)
    if isinstance(found, Response):
        return found
    return visit.page("week_session.html", **found)


async def move(visit: Visit) -> Response:
    """To another day or time, once or from then on."""
    form = visit.form
    start = f"{form.get('day')}T{form.get('at')[:5]}"
    body = {
        **form.given("session", "original"),
        "start": start,
        "following": form.get("following") == "1",
        "expected_revision": _number(form.get("revision")),
    }
    body["occurrence"] = body.pop("original", "")
    try:
        await visit.api.send("POST", f"/programmes/{form.get('programme')}/moves", body, visit.once)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.go(_back(visit, form.get("day")), told="session-moved")


async def skip(visit: Visit) -> Response:
    """Not this once."""
    return await _change(visit, {"cancel": True, **visit.form.given("note")}, told="session-skipped")


async def restore(visit: Visit) -> Response:
    """As its rule has it again."""
    return await _change(visit, {}, told="session-restored")


async def _change(visit: Visit, said: dict[str, Any], *, told: str) -> Response:
    form = visit.form
    change = {"session": form.get("session"), "occurrence": form.get("original"), **said}
    body = {"change": change, "expected_revision": _number(form.get("revision"))}
    try:
        await visit.api.send("POST", f"/programmes/{form.get('programme')}/changes", body, visit.once)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.go(_back(visit, form.get("original")[:10]), told=told)


async def _again(visit: Visit, refused: Refused) -> Response:
    """The session's page with what was typed and every reason; where it is no more, only why."""
    if refused.status in {401, 404} or refused.code in {"proof_needed", "csrf_refused"}:
        raise refused
    found = await _found(visit, visit.form.values)
    if isinstance(found, Response):
        return found
    visit.form.refuse(refused, visit.tongue)
    faults = [str(one.get(str(visit.tongue.language), "")) for one in refused.details.get("faults") or ()]
    if faults:
        visit.form.errors[""] = ". ".join(f"{text[:1].upper()}{text[1:]}" for text in faults if text) + "."
    return visit.page("week_session.html", refused.status, **found)


async def _found(visit: Visit, named: Mapping[str, str]) -> dict[str, Any] | Response:
    """The session that an address or a form names, in its week."""
    unit = named.get("unit") or _own_unit(visit)
    told = await visit.api.get(f"/units/{unit}/week", week=named.get("week") or None)
    wanted = {name: named.get(name) for name in ("programme", "session", "original")}
    one = next((entry for entry in told["entries"] if {name: entry[name] for name in wanted} == wanted), None)
    if one is None:
        return visit.go(address(WEEK, told, named.get("day") or ""), told="session-gone")
    today = date.fromisoformat(told["today"])
    first = min(today, date.fromisoformat(one["day"]))
    days = [
        today + timedelta(days=number) for number in range((date.fromisoformat(one["day"]) - first).days + _AHEAD_DAYS)
    ]
    return {
        "plan": told,
        "one": one,
        "back": address(WEEK, told, one["day"]),
        "days": [(on.isoformat(), moments.day(on, visit.tongue, today)) for on in days],
        "times": sorted({entry["at"] for entry in told["entries"]}),
        "sources": SOURCES,
        "weekday": SHORT_DAYS[date.fromisoformat(one["original"][:10]).weekday()],
    }


def _back(visit: Visit, day: str) -> str:
    """The week that a day is in, of the unit that was looked at."""
    try:
        year, number, _ = date.fromisoformat(day).isocalendar()
        week = f"{year}-W{number:02}"
    except ValueError:
        week = visit.form.get("week")
    return address(WEEK, {"unit": visit.form.get("unit"), "week": week}, day)


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0  # noqa: PLR2004


routes = [
    Route(WEEK, signed_page(show, Permission.KNOW), methods=["GET"]),
    Route(f"{WEEK}/session", signed_page(show_session, Permission.KNOW), methods=["GET"]),
    Route(f"{WEEK}/move", signed_page(move, Permission.PLACE), methods=["POST"]),
    Route(f"{WEEK}/skip", signed_page(skip, Permission.PLACE), methods=["POST"]),
    Route(f"{WEEK}/restore", signed_page(restore, Permission.PLACE), methods=["POST"]),
]
