"""“Đơn vị”: the tree of units, one place at a time: counted, added, renamed, moved, closed, opened again."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web.backend import Refused
from controller.web.visits import Visit, signed_page

UNITS = "/units"
_TOPS = 100
_BELOW = {"country": "province", "province": "commune", "region": "commune", "commune": "village"}


async def show_all(visit: Visit) -> Response:
    """The topmost that one administers; straight to it where it is the only one."""
    found = [branch["own"] for branch in await tops(visit)]
    if len(found) == 1:
        return visit.go(f"{UNITS}/{found[0]['id']}")
    return visit.page("units.html", tops=found)


async def tops(visit: Visit) -> list[dict[str, Any]]:
    """The branches of the topmost units that one administers; those that are closed are offered nowhere."""
    found = []
    for one in visit.reach.get(Permission.ADMINISTER, [])[:_TOPS]:
        try:
            found.append(await visit.api.get(f"{UNITS}/{one}/branch"))
        except Refused as refused:
            if refused.code != "unit_unknown":
                raise
    return found


async def show(visit: Visit) -> Response:
    """One of them with what is right below it."""
    return visit.page("unit.html", **await _everything(visit))


async def add(visit: Visit) -> Response:
    """A unit below; its id is made of its name."""
    body = {**visit.form.given("name", "kind"), "parent_id": _key(visit)}
    return await _done(visit, "POST", UNITS, body, told="unit-added")


async def rename(visit: Visit) -> Response:
    """Another name."""
    return await _done(visit, "PATCH", _at(visit), {"name": visit.form.get("new_name")}, told="unit-renamed")


async def move(visit: Visit) -> Response:
    """Below another unit, with all below it."""
    return await _done(visit, "PATCH", _at(visit), visit.form.given("parent_id"), told="unit-moved")


async def close(visit: Visit) -> Response:
    """It is no more."""
    above = (await visit.api.get(f"{_at(visit)}/branch"))["path"]
    where = f"{UNITS}/{above[-1]['id']}" if above else UNITS
    return await _done(visit, "POST", f"{_at(visit)}/closing", {}, told="unit-closed", where=where)


async def reopen(visit: Visit) -> Response:
    """One of those that were closed below stands again."""
    path = f"{UNITS}/{visit.form.get('unit')}/opening"
    return await _done(visit, "POST", path, {}, told="unit-opened")


async def _done(
    visit: Visit, method: str, path: str, body: dict[str, Any], *, told: str, where: str | None = None
) -> Response:
    try:
        await visit.api.send(method, path, body, visit.once)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again("unit.html", refused, **await _everything(visit))
    return visit.go(where or _at(visit), told=told)


async def _everything(visit: Visit) -> dict[str, Any]:
    branch = await visit.api.get(f"{_at(visit)}/branch")
    return {
        "branch": branch,
        "own": branch["own"],
        "linked": _within(visit, branch["path"]),
        "below_kind": _BELOW.get(branch["own"]["kind"], "village"),
        "beside": await _places(visit, branch),
        "closed": await visit.api.get(f"{_at(visit)}/closed"),
        "is_root": branch["own"]["id"] in visit.reach.get(Permission.ADMINISTER, []),
    }


def _within(visit: Visit, path: list[dict[str, Any]]) -> list[str]:
    """Those of the units above that one administers: from one's own unit on."""
    roots = visit.reach.get(Permission.ADMINISTER, [])
    known = [str(one["id"]) for one in path]
    return known[next((number for number, one in enumerate(known) if one in roots), len(known)) :]


async def _places(visit: Visit, branch: dict[str, Any]) -> list[tuple[str, str]]:
    """Where it may be moved to: what stands beside the unit above it, and that one above, where one administers it."""
    if len(within := _within(visit, branch["path"])) < 2:  # noqa: PLR2004 - the unit above, and the one above that
        return []
    above = await visit.api.get(f"{UNITS}/{within[-2]}/branch")
    found = [(one["id"], one["name"]) for one in (above["own"], *above["below"])]
    return [one for one in found if one[0] != branch["own"]["id"]]


def _key(visit: Visit) -> str:
    return str(visit.request.path_params["unit"])


def _at(visit: Visit) -> str:
    return f"{UNITS}/{_key(visit)}"


_ONE = f"{UNITS}/{{unit}}"
routes = [
    Route(UNITS, signed_page(show_all, Permission.ADMINISTER), methods=["GET"]),
    Route(_ONE, signed_page(show, Permission.ADMINISTER), methods=["GET"]),
    Route(f"{_ONE}/below", signed_page(add, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/name", signed_page(rename, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/place", signed_page(move, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/opening", signed_page(reopen, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/closing", signed_page(close, Permission.ADMINISTER), methods=["POST"]),
]
