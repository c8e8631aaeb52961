"""“Bản tin”: those of one's units by state, and one of them with what it says, where it went and who did what."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import compose_words
from controller.web.account import unit_names
from controller.web.backend import Refused
from controller.web.compose import AT as COMPOSE
from controller.web.compose import variant_of
from controller.web.compose_where import STANDING, heard
from controller.web.moments import instant
from controller.web.outcome_words import Strip, strip
from controller.web.tables import ROWS
from controller.web.visits import Visit, signed_page

AT = "/bulletins"
_SMALL = frozenset({"placed", "unplaced"})
"""Steps that composing takes by itself again and again."""


async def show_all(visit: Visit) -> Response:
    """A page of them, the last changed first."""
    query = visit.request.query_params
    mine = query.get("whose", "mine" if visit.may(Permission.WRITE) else "all") == "mine"
    state = query.get("state", "")
    asked = {
        "state": state if state in compose_words.STATES else None,
        "q": query.get("q", "").strip()[:200] or None,
        "mine": "true" if mine else None,
        "before": _instant(query.get("before")),
    }
    rows = await visit.api.get(AT, limit=ROWS, **asked)
    return visit.page(
        "bulletins.html",
        rows=rows,
        mine=mine,
        state=asked["state"] or "",
        sought=asked["q"] or "",
        first=asked["before"] is None,
        following=rows[-1]["changed_at"] if len(rows) == ROWS else None,
        units=await unit_names(visit, [one["unit_id"] for one in rows]),
        words_of=compose_words,
    )


async def show(visit: Visit) -> Response:
    """One of them."""
    return visit.page("bulletin.html", **await _around(visit))


async def withdraw(visit: Visit) -> Response:
    """Take it off the air at once."""
    at = f"{AT}/{visit.request.path_params['bulletin']}"
    try:
        await visit.api.send("POST", f"{at}/withdraw", {"why": visit.form.get("why")}, visit.once)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again("bulletin.html", refused, **await _around(visit))
    return visit.go(at, told="bulletin-withdrawn")


async def _around(visit: Visit) -> dict[str, Any]:
    at = f"{AT}/{visit.request.path_params['bulletin']}"
    row = await visit.api.get(at)
    history = await visit.api.get(f"{at}/history")
    outcomes = {one["placement_id"]: one for one in await visit.api.get(f"{at}/outcomes")}
    withdrawal = await visit.api.get(f"{at}/withdrawal")
    times = await _slot_times(visit, row)
    alive = row["state"] in {"draft", "in_review", "approved"}
    own = row["author_id"] is not None
    writes = visit.may(Permission.WRITE) and own
    takes_back = visit.may(Permission.STOP) or (writes and row["approved_revision"] is None)
    return {
        "bulletin": row,
        "variant": variant_of(row["document"]),
        "heard": await heard(visit, row),
        "asked_for": [
            {**one, "told": outcomes.get(one["id"]), "strip": _strip(outcomes.get(one["id"]))} for one in _shown(row)
        ],
        "slot_starts": times,
        "steps": [one for one in reversed(history["steps"]) if one["step"] not in _SMALL],
        "returned": _returned(history["steps"]),
        "withdrawal": withdrawal,
        "writes": writes,
        "may_withdraw": alive and own and takes_back,
        "next_step": f"{COMPOSE}/{row['id']}{_next_step(row)}",
        "units": await unit_names(visit, [row["unit_id"], *(one["slot_unit_id"] for one in row["placements"])]),
        "words_of": compose_words,
    }


async def _slot_times(visit: Visit, row: dict[str, Any]) -> list[str]:
    """The sessions ahead in which it comes, the next first."""
    units = {one["slot_unit_id"] for one in row["placements"] if one["slot_unit_id"] and one["state"] in STANDING}
    begin, end = (None if row[name] is None else instant(row[name]) for name in ("valid_from", "valid_until"))
    found: list[str] = []
    for unit in sorted(units):
        for one in await visit.api.get(f"/units/{unit}/slot-times"):
            start = instant(one["start"])
            if (begin is None or start >= begin) and (end is None or start < end):
                found.append(one["start"])
    return found


def _shown(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Where it goes or went; what was only tried while it was written is nobody's business any more."""
    places: list[dict[str, Any]] = row["placements"]
    found = [one for one in places if one["state"] != "withdrawn" or one["revision"] is not None]
    return found or (places[-1:] if row["state"] == "withdrawn" else [])


def _strip(told: dict[str, Any] | None) -> Strip | None:
    return None if told is None or not told["expected"] else strip(told)


def _returned(steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Why it came back, where that was the last thing that was decided."""
    decided = [one for one in steps if one["step"] in {"submitted", "returned", "approved", "withdrawn", "expired"}]
    return decided[-1] if decided and decided[-1]["step"] == "returned" else None


def _next_step(row: dict[str, Any]) -> str:
    """Where to go on with a draft."""
    if variant_of(row["document"]).get("audio") is None:
        return ""
    return "/when" if any(one["state"] in STANDING for one in row["placements"]) else "/where"


def _instant(text: str | None) -> str | None:
    try:
        return None if not text else instant(text).isoformat()
    except ValueError:
        return None


routes = [
    Route(AT, signed_page(show_all, Permission.SEE), methods=["GET"]),
    Route(f"{AT}/{{bulletin}}", signed_page(show, Permission.SEE), methods=["GET"]),
    Route(f"{AT}/{{bulletin}}/withdraw", signed_page(withdraw, Permission.SEE), methods=["POST"]),
]
