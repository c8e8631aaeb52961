"""Coming in and going out: the first start, an invitation, signing in by password and code, signing out.

One-time links keep their secret behind “#”, which reaches no server: a script puts it into the form. Without scripts
it is pasted there.
"""

import re
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from controller.web.backend import Refused
from controller.web.tables import folded
from controller.web.translating import COOKIE, Language, marked
from controller.web.visits import CODE, HOME, SIGN_IN, Visit, local, open_page

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_ID_CHARACTERS = 40
_KINDS = ("commune", "province", "country", "region", "agency")
_PASSKEYS_OVER = frozenset({"second_factor"})


async def show_sign_in(visit: Visit) -> Response:
    """The form; who is signed in already goes on."""
    where = local(visit.request.query_params.get("next"))
    so_far = await _so_far(visit)
    if so_far is not None and so_far["next"] not in _PASSKEYS_OVER:
        return visit.go(where)
    over = visit.request.query_params.get("over") is not None
    return visit.page("sign_in.html", next=where, over=over, provider=await _provider(visit))


async def sign_in(visit: Visit) -> Response:
    """By name and password."""
    form, where = visit.form, local(visit.form.get("next"))
    body = {"name": form.get("name") or " ", "password": form.get("password") or " "}
    visit.api.token = ""
    try:
        told = await visit.api.send("POST", "/sign-in", body)
    except Refused as refused:
        return visit.again("sign_in.html", refused, next=where, over=False, provider=await _provider(visit))
    return await _entered(visit, told, where)


async def show_code(visit: Visit) -> Response:
    """What is asked after the password."""
    where = local(visit.request.query_params.get("next"))
    so_far = await _so_far(visit)
    if so_far is None:
        return visit.go(f"{SIGN_IN}?next={quote(where)}&over=1")
    if so_far["next"] not in _PASSKEYS_OVER:
        return visit.go(where)
    visit.api.token = so_far["csrf"]
    return visit.page("sign_in_code.html", next=where, ways=so_far["ways"])


async def give_code(visit: Visit) -> Response:
    """The code of an authenticator, or one on paper."""
    where = local(visit.form.get("next"))
    so_far = await _so_far(visit)
    try:
        told = await visit.api.send("POST", "/sign-in/code", {"code": visit.form.get("code")})
    except Refused as refused:
        if so_far is None or refused.code in {"not_signed_in", "sign_in_refused"}:
            return visit.go(f"{SIGN_IN}?next={quote(where)}&over=1")
        return visit.again("sign_in_code.html", refused, next=where, ways=so_far["ways"])
    return await _entered(visit, told, where)


async def go_to_provider(visit: Visit) -> Response:
    """To the province's sign-on. A link, not a form: what a form leads to may be on this host only."""
    told = await visit.api.send("POST", "/sign-in/oidc")
    return visit.go(told["address"])


async def sign_out(visit: Visit) -> Response:
    """End the session; whoever has none is out already. What the browser kept of unsent forms goes, too."""
    try:
        await visit.api.send("DELETE", "/sign-in")
    except Refused as refused:
        if refused.code != "not_signed_in":
            raise
    answer = visit.go(SIGN_IN, told="signed-out")
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


async def show_invitation(visit: Visit) -> Response:
    """Choose one's password."""
    return visit.page("invitation.html")


async def accept_invitation(visit: Visit) -> Response:
    """It is set, and one is in."""
    body = {"secret": _secret(visit), "password": visit.form.get("password") or " "}
    visit.api.token = ""
    try:
        told = await visit.api.send("POST", "/invitations", body)
    except Refused as refused:
        return visit.again("invitation.html", refused)
    return await _entered(visit, told, HOME, told_on_top="welcome")


async def show_link(visit: Visit) -> Response:
    """A link that signs in, of a demonstration."""
    return visit.page("sign_in_link.html")


async def follow_link(visit: Visit) -> Response:
    """It is used."""
    visit.api.token = ""
    try:
        told = await visit.api.send("POST", "/sign-in/link", {"secret": _secret(visit)})
    except Refused as refused:
        return visit.again("sign_in_link.html", refused)
    return await _entered(visit, told, HOME)


async def show_set_up(visit: Visit) -> Response:
    """The first administrator, and the unit that everything is below."""
    return visit.page("set_up.html", kinds=_KINDS)


async def set_up(visit: Visit) -> Response:
    """Make them; where a first unit is there already, they work at that one."""
    form = visit.form
    body: dict[str, Any] = {
        "secret": _secret(visit),
        "name": form.get("name"),
        "sign_in_name": form.get("sign_in_name") or " ",
        "password": form.get("password") or " ",
    }
    unit = {"id": plain_id(form.get("unit_name")), "name": form.get("unit_name"), "kind": form.get("unit_kind")}
    visit.api.token = ""
    if not form.get("unit_name"):
        form.errors["unit_name"] = visit.tongue.say(marked("Hãy ghi tên đơn vị."))
        return visit.page("set_up.html", 422, kinds=_KINDS)
    try:
        told = await _set_up(visit, body, unit)
    except Refused as refused:
        return visit.again("set_up.html", refused, kinds=_KINDS)
    return await _entered(visit, told, HOME, told_on_top="welcome")


async def _set_up(visit: Visit, body: dict[str, Any], unit: dict[str, str]) -> Any:
    try:
        return await visit.api.send("POST", "/set-up", {**body, "unit": unit})
    except Refused as refused:
        if refused.code != "set_up_unit_needed":
            raise
    return await visit.api.send("POST", "/set-up", body)


def plain_id(name: str) -> str:
    """`xa-an-binh` of “Xã An Bình”."""
    return _NOT_PLAIN.sub("-", folded(name)).strip("-")[:_ID_CHARACTERS].strip("-") or "don-vi"


def _secret(visit: Visit) -> str:
    """What stands behind “#”, or the whole link as somebody pasted it."""
    return visit.form.get("secret").strip().rpartition("#")[2] or " "


async def _so_far(visit: Visit) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await visit.api.get("/sign-in")
    except Refused:
        return None
    return found


async def _provider(visit: Visit) -> bool:
    """Whether a provincial sign-on is set up."""
    return visit.request.app.state.controller.settings.oidc_issuer is not None


async def _entered(visit: Visit, told: dict[str, Any], where: str, *, told_on_top: str | None = None) -> Response:
    """Go on after a sign-in, in the language that its person is told things in, unless this browser was set."""
    if told["next"] == "second_factor":
        return visit.go(f"{CODE}?next={quote(where)}")
    if COOKIE not in visit.request.cookies:
        person = await visit.api.get(f"/people/{told['person']['id']}")
        if person["language"] in set(Language):
            visit.set_language = Language(person["language"])
    return visit.go(where, told=told_on_top)


routes = [
    Route(SIGN_IN, open_page(show_sign_in), methods=["GET"]),
    Route(SIGN_IN, open_page(sign_in), methods=["POST"]),
    Route(CODE, open_page(show_code), methods=["GET"]),
    Route(CODE, open_page(give_code), methods=["POST"]),
    Route(f"{SIGN_IN}/provider", open_page(go_to_provider), methods=["GET"]),
    Route("/sign-out", open_page(sign_out), methods=["POST"]),
    Route("/invitation", open_page(show_invitation), methods=["GET"]),
    Route("/invitation", open_page(accept_invitation), methods=["POST"]),
    Route("/sign-in-link", open_page(show_link), methods=["GET"]),
    Route("/sign-in-link", open_page(follow_link), methods=["POST"]),
    Route("/set-up", open_page(show_set_up), methods=["GET"]),
    Route("/set-up", open_page(set_up), methods=["POST"]),
]
