"""“Hôm nay”: what sounds and a way to stop it, what comes next, how the last one went, what waits for approval."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import moments
from controller.web.outcome_words import strip
from controller.web.visits import HOME, Visit, signed_page

_WAITING = 50


async def show(visit: Visit) -> Response:
    """The page."""
    return visit.page("today.html", **await _found(visit))


async def show_part(visit: Visit) -> Response:
    """What changes of it, for a page that is open."""
    return visit.page("today_part.html", **await _found(visit))


async def stop(visit: Visit) -> Response:
    """Silence a broadcast, at once and without a question."""
    body = {"broadcast": visit.form.get("broadcast"), "reason": "Dừng phát"}
    await visit.api.send("POST", "/stops", body, visit.once)
    return visit.go(HOME, told="stopped")


async def _found(visit: Visit) -> dict[str, Any]:
    told = await visit.api.get("/today") if visit.may(Permission.KNOW) else None
    waiting: list[dict[str, Any]] = []
    if visit.may(Permission.SEE):
        waiting = await visit.api.get("/bulletins", state="in_review", limit=_WAITING)
    last = None if told is None else told["last"]
    return {
        "today_told": told,
        "strip": None if last is None else strip(last),
        "waiting": waiting,
        "seconds_left": None if told is None or not told["next"] else _until(visit, told["next"][0]["start"]),
    }


def _until(visit: Visit, start: str) -> int:
    return max(0, round((moments.instant(start) - visit.now).total_seconds()))


routes = [
    Route(HOME, signed_page(show), methods=["GET"]),
    Route("/today/part", signed_page(show_part), methods=["GET"]),
    Route("/stop", signed_page(stop), methods=["POST"]),
]
