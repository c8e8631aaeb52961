"""“Tài khoản của tôi”: who one is, one's sessions, the password, and proving anew who one is before it is changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.devices.names import sort_key
from controller.web.backend import Refused
from controller.web.visits import PROOF, Visit, local, signed_page

ACCOUNT = "/account"
_NAMED = 200
"""More units than these are not asked for by name."""


async def show(visit: Visit) -> Response:
    """The page."""
    return visit.page("account.html", **await everything(visit))


async def everything(visit: Visit) -> dict[str, Any]:
    """What the page is made of."""
    grants = [one for one in await _grants(visit) if one["revoked_at"] is None]
    return {
        "account": await visit.api.get("/me"),
        "sessions": await visit.api.get("/sessions"),
        "passkeys": await visit.api.get("/second-factor/passkeys"),
        "grants": grants,
        "units": await unit_names(visit, [one["unit_id"] for one in grants]),
    }


async def unit_names(visit: Visit, wanted: Iterable[str | None] | None = None) -> dict[str, str]:
    """Unit → its name, by name, of those one may know of; `wanted`: the units that are needed, not the whole tree."""
    named = None if wanted is None else sorted({one for one in wanted if one is not None})
    if not visit.may("know") or named == []:
        return {}
    found = await visit.api.get("/units", id=named if named is not None and len(named) <= _NAMED else None)
    return by_name({one["id"]: one["name"] for one in found})


def by_name(units: Mapping[str, str]) -> dict[str, str]:
    """In the order of Vietnamese lists: Cầu before Chợ, Đ beside D, 2 before 10."""
    return dict(sorted(units.items(), key=lambda one: (sort_key(one[1]), one[1], one[0])))


async def _grants(visit: Visit) -> list[dict[str, Any]]:
    person = (visit.me or {})["person_id"]
    found: list[dict[str, Any]] = await visit.api.get(f"/people/{person}/grants")
    return found


async def end_session(visit: Visit) -> Response:
    """One of one's own."""
    await visit.api.send("DELETE", f"/sessions/{visit.form.get('session')}", once=visit.once)
    return visit.go(ACCOUNT, told="session-ended")


async def end_others(visit: Visit) -> Response:
    """All but this."""
    await visit.api.send("DELETE", "/sessions", once=visit.once)
    return visit.go(ACCOUNT, told="sessions-ended")


async def show_password(visit: Visit) -> Response:
    """The form; a proof comes first, so that nothing is typed in vain."""
    return visit.page("password.html")


async def change_password(visit: Visit) -> Response:
    """Set another one."""
    try:
        await visit.api.send("PUT", "/password", {"password": visit.form.get("password") or " "})
    except Refused as refused:
        if refused.code == "proof_needed":
            raise
        return visit.again("password.html", refused)
    return visit.go(ACCOUNT, told="password")


async def show_proof(visit: Visit) -> Response:
    """Who one is, asked again."""
    where = local(visit.request.query_params.get("next"))
    return visit.page("proof.html", next=where, account=await visit.api.get("/me"))


async def prove(visit: Visit) -> Response:
    """By the password, and a code where one has an authenticator."""
    where = local(visit.form.get("next"))
    body = {"password": visit.form.get("password") or " ", **visit.form.given("code")}
    try:
        await visit.api.send("POST", "/sign-in/proof", body)
    except Refused as refused:
        return visit.again("proof.html", refused, next=where, account=await visit.api.get("/me"))
    return visit.go(where, told="proved")


routes = [
    Route(ACCOUNT, signed_page(show), methods=["GET"]),
    Route(f"{ACCOUNT}/session-end", signed_page(end_session), methods=["POST"]),
    Route(f"{ACCOUNT}/sessions-end", signed_page(end_others), methods=["POST"]),
    Route(f"{ACCOUNT}/password", signed_page(show_password), methods=["GET"]),
    Route(f"{ACCOUNT}/password", signed_page(change_password), methods=["POST"]),
    Route(PROOF, signed_page(show_proof), methods=["GET"]),
    Route(PROOF, signed_page(prove), methods=["POST"]),
]
