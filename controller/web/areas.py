"""Where in the tree of units a list is, and where it can go on: what a choice of units needs."""

from typing import Any

from controller.access.rules import Permission
from controller.web.visits import Visit

_ROOTS = 50


async def area(visit: Visit, unit: str) -> dict[str, Any]:
    """`path`: from one's highest unit to the chosen one; `below`: what is right below it, or one's own units."""
    roots = visit.reach.get(Permission.SEE, [])
    if not unit and len(roots) != 1:
        return {"path": [], "below": [(await _branch(visit, one))["own"] for one in roots[:_ROOTS]]}
    branch = await _branch(visit, unit or roots[0])
    known = [one["id"] for one in branch["path"]]
    top = next((known.index(one) for one in known if one in roots), len(known))
    path = [*branch["path"][top:], branch["own"]]
    return {"path": path if unit else path[:1], "below": branch["below"]}


async def _branch(visit: Visit, unit: str) -> Any:
    return await visit.api.get(f"/units/{unit}/branch", counted="false")
