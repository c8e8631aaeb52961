"""“Quy định giờ phát”: which rules bind which unit, whose they are, who made them when; changed by a form in words."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import policy_words
from controller.web.backend import Refused
from controller.web.units import tops
from controller.web.visits import Visit, signed_page

POLICIES = "/policies"
_SILENCED = 10


async def show_all(visit: Visit) -> Response:
    """Whose rules there are; devices have theirs on their own pages."""
    rules = await visit.api.get(POLICIES, of="units")
    told = [{**one, "says": policy_words.sentences(one["document"], visit.tongue)} for one in rules]
    own = [branch["own"] for branch in await tops(visit)]
    return visit.page("policies.html", rules=told, tops=own, names=await _people(visit))


async def show(visit: Visit) -> Response:
    """The rules of one scope, and those above it that bind, too."""
    return visit.page("policy.html", **await _everything(visit))


async def change(visit: Visit) -> Response:
    """Make what was filled in the rules, and tell what of the planned they silence."""
    before = await _own(visit)
    expected = None if before is None else before["revision"]
    given = policy_words.document(visit.form.values, {} if before is None else before["document"])
    wanted = visit.form.get("revision")
    body = {"document": given, "expected_revision": int(wanted) if wanted.isdigit() else None}
    try:
        saved = await visit.api.send("PUT", _at(visit), body, visit.once)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        _tell_faults(refused)
        return visit.again("policy.html", refused, **{**await _everything(visit), "shown": given, "revision": expected})
    if saved["silenced"]:
        visit.form.values.clear()
        more = {"silenced": saved["silenced"][:_SILENCED], "left": max(0, len(saved["silenced"]) - _SILENCED)}
        return visit.page("policy.html", **{**await _everything(visit), **more})
    return visit.go(_at(visit), told="policy-saved")


def _tell_faults(refused: Refused) -> None:
    """Every fault in the reader's language, over the form."""
    faults = refused.details.get("faults")
    if isinstance(faults, list):
        refused.details = {**refused.details, "vi": "; ".join(str(one["vi"]) for one in faults)}
        refused.detail = "; ".join(str(one["en"]) for one in faults)


async def lift(visit: Visit) -> Response:
    """No rules of its own any more."""
    revision = visit.form.get("revision")
    try:
        await visit.api.send("DELETE", _at(visit), None, visit.once, expected_revision=revision)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again("policy.html", refused, **await _everything(visit))
    return visit.go(_at(visit), told="policy-lifted")


async def _everything(visit: Visit) -> dict[str, Any]:
    scope, own = _scope(visit), await _own(visit)
    document = {} if own is None else own["document"]
    names = await _people(visit)
    history = await visit.api.get(f"{_at(visit)}/history")
    place = await _place(visit, scope)
    return {
        "scope": scope,
        "place": place,
        "own": own,
        "says": policy_words.sentences(document, visit.tongue),
        "above": [one for one in [await _told(visit, f"u-{unit['id']}", unit) for unit in place["path"]] if one],
        "shown": document,
        "revision": None if own is None else own["revision"],
        "pw": policy_words,
        "names": names,
        "history": [
            {**one, "says": policy_words.sentences(one["document"], visit.tongue)} for one in history if one["revision"]
        ],
        "silenced": [],
        "left": 0,
    }


async def _place(visit: Visit, scope: str) -> dict[str, Any]:
    """What the scope is called, and what stands above it, the widest first."""
    kind, key = scope[:1], scope[2:]
    if kind == "u":
        branch = await visit.api.get(f"/units/{key}/branch")
        return {"name": branch["own"]["name"], "path": branch["path"], "back": f"/units/{key}"}
    if kind == "d":
        device = await visit.api.get(f"/devices/{key}")
        branch = await visit.api.get(f"/units/{device['unit_id']}/branch")
        return {"name": device["name"], "path": [*branch["path"], branch["own"]], "back": f"/devices/{key}"}
    group = next((one for one in await visit.api.get("/groups") if one["id"] == key), None)
    if group is None:
        raise Refused(404, {"code": "policy_scope_unknown"})
    branch = await visit.api.get(f"/units/{group['unit_id']}/branch")
    return {"name": group["name"], "path": [*branch["path"], branch["own"]], "back": "/groups"}


async def _told(visit: Visit, scope: str, unit: dict[str, Any]) -> dict[str, Any] | None:
    """The rules of a unit above, in words, if it has any."""
    try:
        found = await visit.api.get(f"{POLICIES}/{scope}")
    except Refused as refused:
        if refused.code == "policy_unknown":
            return None
        raise
    return {"scope": scope, "name": unit["name"], "says": policy_words.sentences(found["document"], visit.tongue)}


async def _own(visit: Visit) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await visit.api.get(_at(visit))
    except Refused as refused:
        if refused.code == "policy_unknown":
            return None
        raise
    return found


async def _people(visit: Visit) -> dict[str, str]:
    if not visit.may(Permission.PEOPLE):
        return {}
    return {one["id"]: one["name"] for one in await visit.api.get("/people", left="true")}


def _scope(visit: Visit) -> str:
    return str(visit.request.path_params["scope"])


def _at(visit: Visit) -> str:
    return f"{POLICIES}/{_scope(visit)}"


_ONE = f"{POLICIES}/{{scope}}"
routes = [
    Route(POLICIES, signed_page(show_all, Permission.ADMINISTER), methods=["GET"]),
    Route(_ONE, signed_page(show, Permission.ADMINISTER), methods=["GET"]),
    Route(_ONE, signed_page(change, Permission.ADMINISTER), methods=["POST"]),
    Route(f"{_ONE}/end", signed_page(lift, Permission.ADMINISTER), methods=["POST"]),
]
