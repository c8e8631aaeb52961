"""“Người dùng”: who works here, what they may do, their invitations and leaves; for who looks after people."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.people.rules import Role
from controller.web import words
from controller.web.account import by_name, unit_names
from controller.web.backend import Refused
from controller.web.second_factors import qr
from controller.web.tables import Table
from controller.web.visits import Visit, signed_page

PEOPLE = "/people"


async def show_all(visit: Visit) -> Response:
    """A table of them."""
    query = visit.request.query_params
    left = query.get("left") == "1"
    rows = await visit.api.get("/people", left=str(left).lower())
    table = Table.of(rows, query, by=("name", "email", "unit_id"))
    return visit.page(
        "people.html", table=table, units=await unit_names(visit, [one["unit_id"] for one in rows]), left=left
    )


async def show_new(visit: Visit) -> Response:
    """The form."""
    return visit.page("person_new.html", offered=await _offered(visit))


async def create(visit: Visit) -> Response:
    """Take somebody in."""
    body = {**visit.form.given("name", "email", "unit_id"), "language": visit.form.get("language") or "vi"}
    try:
        told = await visit.api.send("POST", PEOPLE, body, visit.once)
    except Refused as refused:
        return visit.again("person_new.html", refused, offered=await _offered(visit))
    return visit.go(_at(told["id"]), told="person-made")


async def show(visit: Visit) -> Response:
    """One of them."""
    return visit.page("person.html", **await _everything(visit))


async def change(visit: Visit) -> Response:
    """Name, address, unit, language."""
    body = {**visit.form.given("name", "unit_id", "language"), "email": visit.form.get("email") or None}
    return await _done(visit, "PATCH", "", body, told="person-changed")


async def invite(visit: Visit) -> Response:
    """A one-time link, shown this once: as text to send, and as a QR code for a phone that is near."""
    body = {**visit.form.given("sign_in_name"), "forgets_factors": visit.form.get("forgets_factors") == "1"}
    try:
        told = await visit.api.send("POST", f"{_at(_key(visit))}/invitation", body)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.page("invited.html", invited=told, code=qr(told["link"]), person_id=_key(visit))


async def grant(visit: Visit) -> Response:
    """Give a role."""
    body = visit.form.given("role", "unit_id", "begins", "ends")
    return await _done(visit, "POST", "/grants", body, told="granted")


async def revoke(visit: Visit) -> Response:
    """Take a role away."""
    return await _done(visit, "DELETE", f"/grants/{visit.form.get('grant')}", told="revoked")


async def take_leave(visit: Visit) -> Response:
    """Days away."""
    body = visit.form.given("first_day", "last_day", "deputy_id")
    return await _done(visit, "POST", "/leaves", body, told="leave-made")


async def cancel_leave(visit: Visit) -> Response:
    """Not away after all."""
    return await _done(visit, "DELETE", f"/leaves/{visit.form.get('leave')}", told="leave-gone")


async def unlock(visit: Visit) -> Response:
    """Open an account that wrong passwords have shut."""
    return await _done(visit, "DELETE", "/lock", told="unlocked")


async def end_sessions(visit: Visit) -> Response:
    """All of theirs."""
    return await _done(visit, "DELETE", "/sessions", told="sessions-ended")


async def retire(visit: Visit) -> Response:
    """They leave."""
    return await _done(visit, "POST", "/retirement", told="person-left")


async def _done(visit: Visit, method: str, path: str, body: dict[str, Any] | None = None, *, told: str) -> Response:
    try:
        await visit.api.send(method, f"{_at(_key(visit))}{path}", body, visit.once)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.go(_at(_key(visit)), told=told)


async def _again(visit: Visit, refused: Refused) -> Response:
    """The page with what was typed; a proof, a sign-in or another person's page are asked for elsewhere."""
    if refused.status in {401, 404} or refused.code == "proof_needed":
        raise refused
    return visit.again("person.html", refused, **await _everything(visit))


async def _everything(visit: Visit) -> dict[str, Any]:
    at = _at(_key(visit))
    everybody, person = await visit.api.get(PEOPLE), await visit.api.get(at)
    units = await unit_names(visit)
    return {
        "person": person,
        "signs_in": await visit.api.get(f"{at}/account"),
        "grants": await visit.api.get(f"{at}/grants"),
        "leaves": [one for one in await visit.api.get(f"{at}/leaves") if one["cancelled_at"] is None],
        "sessions": await visit.api.get(f"{at}/sessions"),
        "everybody": everybody,
        "names": {one["id"]: one["name"] for one in everybody},
        "units": units,
        "offered": await _offered(visit, {person["unit_id"]: units.get(person["unit_id"], person["unit_id"])}),
        "roles": [role for role in words.ROLES if role in set(Role)],
    }


async def _offered(visit: Visit, present: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where one may look after people: one's own units first, then those below; `present` is offered in any case."""
    found = await visit.api.get("/units")
    roots = visit.reach.get(Permission.PEOPLE, [])
    names = {one["id"]: one["name"] for one in found}
    below: dict[str, list[str]] = {}
    for one in found:
        below.setdefault(one["parent_id"] or "", []).append(one["id"])
    held, left = set(roots), list(roots)
    while left:
        more = set(below.get(left.pop(), ())) - held
        held |= more
        left += more
    own = by_name({one: names[one] for one in roots if one in names})
    return {**own, **by_name({one: name for one, name in names.items() if one in held}), **(present or {})}


def _key(visit: Visit) -> str:
    return str(visit.request.path_params["person"])


def _at(person_id: str) -> str:
    return f"{PEOPLE}/{person_id}"


_ONE = f"{PEOPLE}/{{person}}"
routes = [
    Route(PEOPLE, signed_page(show_all, Permission.PEOPLE), methods=["GET"]),
    Route(f"{PEOPLE}/new", signed_page(show_new, Permission.PEOPLE), methods=["GET"]),
    Route(f"{PEOPLE}/new", signed_page(create, Permission.PEOPLE), methods=["POST"]),
    Route(_ONE, signed_page(show, Permission.PEOPLE), methods=["GET"]),
    Route(_ONE, signed_page(change, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/invitation", signed_page(invite, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/grant", signed_page(grant, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/revocation", signed_page(revoke, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/leave", signed_page(take_leave, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/leave-end", signed_page(cancel_leave, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/unlock", signed_page(unlock, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/sessions-end", signed_page(end_sessions, Permission.PEOPLE), methods=["POST"]),
    Route(f"{_ONE}/retirement", signed_page(retire, Permission.PEOPLE), methods=["POST"]),
]
