"""“Nhóm thiết bị”: groups that are spoken to together, each with its devices: made, filled, emptied, retired."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web.backend import Refused
from controller.web.units import tops
from controller.web.visits import Visit, signed_page

GROUPS = "/groups"
_PAGE = 50
_FEW = 12
"""So many are offered before something is looked for: the button stays near."""
_TICK = "d-"


async def show_all(visit: Visit) -> Response:
    """Groups of devices, and quiet zones."""
    return visit.page("groups.html", **await _all(visit))


async def make(visit: Visit) -> Response:
    """A group with nothing in it yet; its id is made of its name."""
    try:
        made = await visit.api.send("POST", GROUPS, visit.form.given("name", "unit_id"), visit.once)
    except Refused as refused:
        _elsewhere(refused)
        return visit.again("groups.html", refused, **await _all(visit))
    return visit.go(f"{GROUPS}/{made['id']}", told="group-made")


async def show(visit: Visit) -> Response:
    """One of them with what is in it."""
    return visit.page("group.html", **await _everything(visit))


async def rename(visit: Visit) -> Response:
    """Another name."""
    return await _done(visit, {"name": visit.form.get("new_name")}, told="unit-renamed")


async def put_in(visit: Visit) -> Response:
    """What was ticked comes in; or it is only looked for more, and what is ticked stays so."""
    ticked = _ticked(visit)
    if visit.form.get("do") == "search":
        return visit.page("group.html", **await _everything(visit))
    if not ticked:
        return visit.go(f"{_at(visit)}#others", told="group-none-chosen")
    return await _done(visit, {"add": ticked}, told="group-changed")


async def take_out(visit: Visit) -> Response:
    """What was ticked goes."""
    ticked = _ticked(visit)
    if not ticked:
        return visit.go(_at(visit), told="group-none-chosen")
    return await _done(visit, {"remove": ticked}, told="group-changed")


async def retire(visit: Visit) -> Response:
    """It is no more."""
    try:
        await visit.api.send("DELETE", _at(visit), None, visit.once)
    except Refused as refused:
        _elsewhere(refused)
        return visit.again("group.html", refused, **await _everything(visit))
    return visit.go(GROUPS, told="group-retired")


async def _done(visit: Visit, body: dict[str, Any], *, told: str) -> Response:
    try:
        await visit.api.send("PATCH", _at(visit), body, visit.once)
    except Refused as refused:
        _elsewhere(refused)
        return visit.again("group.html", refused, **await _everything(visit))
    return visit.go(_at(visit), told=told)


def _elsewhere(refused: Refused) -> None:
    """What these pages have no answer of their own for."""
    if refused.status in {401, 404} or refused.code == "proof_needed":
        raise refused


async def _all(visit: Visit) -> dict[str, Any]:
    return {"groups": await visit.api.get(GROUPS), "owners": await _owners(visit)}


async def _owners(visit: Visit) -> list[tuple[str, str]]:
    """Whose a group may be: the topmost units that one administers, and what is right below them."""
    branches = await tops(visit)
    return [(one["id"], one["name"]) for branch in branches for one in (branch["own"], *branch["below"])]


async def _everything(visit: Visit) -> dict[str, Any]:
    group = await visit.api.get(_at(visit))
    query: Mapping[str, str] = visit.request.query_params
    sought = visit.form.get("q")
    more = {"after": query["after"]} if "after" in query else {}
    inside = await visit.api.get(f"{_at(visit)}/devices", limit=str(_PAGE), **more)
    others: dict[str, Any] = {"items": [], "total": 0}
    mine = await _may_change(visit, group)
    if mine:
        others = await visit.api.get(
            f"{_at(visit)}/devices", of="others", q=sought, limit=str(_PAGE if sought else _FEW)
        )
    ticked = _ticked(visit)
    shown = {one["id"] for one in others["items"]}
    return {
        "group": group,
        "mine": mine,
        "inside": inside,
        "first": not more,
        "others": others,
        "sought": sought,
        "ticked": set(ticked),
        "kept": [one for one in ticked if one not in shown] if mine else [],
    }


async def _may_change(visit: Visit, group: Mapping[str, Any]) -> bool:
    """Whether it stands at a unit that one administers, or below; zones follow their circle."""
    roots = set(visit.reach.get(Permission.TEND, []))
    if group["zone"] or not roots:
        return False
    branch = await visit.api.get(f"/units/{group['unit_id']}/branch", counted="false")
    return not roots.isdisjoint({branch["own"]["id"], *(one["id"] for one in branch["path"])})


def _ticked(visit: Visit) -> list[str]:
    """The devices whose boxes came ticked."""
    return [name.removeprefix(_TICK) for name in visit.form.values if name.startswith(_TICK)]


def _at(visit: Visit) -> str:
    return f"{GROUPS}/{visit.request.path_params['group']}"


_ONE = f"{GROUPS}/{{group}}"
routes = [
    Route(GROUPS, signed_page(show_all, Permission.ADMINISTER), methods=["GET"]),
    Route(GROUPS, signed_page(make, Permission.ADMINISTER), methods=["POST"]),
    Route(_ONE, signed_page(show, Permission.ADMINISTER), methods=["GET"]),
    Route(f"{_ONE}/name", signed_page(rename, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/others", signed_page(put_in, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/devices", signed_page(take_out, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/end", signed_page(retire, Permission.ADMINISTER), methods=["POST"]),
]
