"""“Soạn bản tin”, second step: hear it, and say where it goes. The choice is a place that is asked for at once.

When it goes there is the third step's: it takes these places back and asks for them with their time. Where devices have
a place, a map may be opened beside the tree; it comes with what it needs when somebody asks for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import compose_words, tables
from controller.web.backend import Refused
from controller.web.compose import AT, bulletin, variant_of
from controller.web.compose_receiving import kept_page
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

STANDING = frozenset({"reserved", "placed"})
_WHOLE = frozenset({"commune", "village"})
"""Kinds of units to all of which a bulletin goes as a rule."""
TARGET_LUFS = -16.0


async def show(visit: Visit) -> Response:
    """The sound and the tree."""
    row = await bulletin(visit)
    return visit.page("compose_where.html", **await _around(visit, row, chosen_of(row), ""))


async def keep(visit: Visit) -> Response:
    """Ask for the places, or search among them with the choice as it is."""
    row = await bulletin(visit)
    chosen = [str(value) for name, value in (await visit.request.form()).multi_items() if name == "to"]
    if visit.form.get("do") == "search":
        return visit.page("compose_where.html", **await _around(visit, row, chosen, visit.form.get("q")))
    if not visit.may(Permission.PLACE):
        return visit.go(f"{AT}/{row['id']}/when")
    if not chosen:
        visit.form.errors["to"] = visit.tongue.say(marked("Hãy chọn ít nhất một nơi."))
        return visit.page("compose_where.html", 422, **await _around(visit, row, chosen, ""))
    if row["approved_revision"] is not None:  # a place without a time could be on the air at once
        inner = await without_inner(visit, row, chosen)
        return visit.go(f"{AT}/{row['id']}/when?{urlencode({'to': inner}, doseq=True)}")
    try:
        if sorted(chosen) != sorted(chosen_of(row)):
            await replace(visit, row, [{"to": await without_inner(visit, row, chosen)}])
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again("compose_where.html", refused, **await _around(visit, row, chosen, ""))
    return visit.go(f"{AT}/{row['id']}/when")


async def replace(visit: Visit, row: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> None:
    """These places instead of those that stand; safe to repeat under the key of one form."""
    key, at = visit.once, f"/bulletins/{row['id']}/placements"
    made: set[str] = set()
    for number, body in enumerate(wanted):
        found = await visit.api.send("POST", at, {"chime": True, **body}, f"{key}-p{number}" if key else "")
        made.add(found["id"])
    for one in row["placements"]:
        if one["state"] in STANDING and one["id"] not in made:
            await visit.api.send("DELETE", f"{at}/{one['id']}")


def chosen_of(row: Mapping[str, Any]) -> list[str]:
    """Where it goes by now: scopes, and the units whose slots it fills."""
    found: list[str] = []
    for one in row["placements"]:
        if one["state"] in STANDING:
            found += [f"u-{one['slot_unit_id']}"] if one["slot_unit_id"] else one["scopes"]
    return list(dict.fromkeys(found))


async def without_inner(visit: Visit, row: Mapping[str, Any], chosen: Sequence[str]) -> list[str]:
    """The choice without units that lie in another one of it."""
    tree = await visit.api.get(f"/units/{row['unit_id']}/audience")
    above = {one["scope"]: one["parent"] for one in tree["units"]}
    return [one for one in dict.fromkeys(chosen) if not _inside(one, set(chosen), above)]


def _inside(scope: str, chosen: set[str], above: Mapping[str, str | None]) -> bool:
    at = above.get(scope)
    while at is not None:
        if at in chosen:
            return True
        at = above.get(at)
    return False


async def heard(visit: Visit, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sound as a page shows it; None: there is none."""
    audio = variant_of(row["document"]).get("audio")
    if audio is None:
        return None
    asset = await visit.api.get(f"/media/{audio}")
    lufs = asset["loudness_lufs"]
    target = (asset["facts"].get("wishes") or {}).get("loudness_lufs", TARGET_LUFS)
    loud = None if lufs is None else compose_words.loudness(lufs, target, visit.tongue)
    return {"id": audio, "seconds": asset["duration_ms"] / 1000, "lufs": lufs, "loud": loud, "asset": asset}


async def reached(visit: Visit, chosen: Sequence[str]) -> str | None:
    """How many devices a choice reaches, in words; None where the reader may not know."""
    if not chosen:
        return None
    try:
        told = await visit.api.get("/audience", to=list(chosen))
    except Refused:
        return None
    return compose_words.reached(told, visit.tongue)


async def _around(visit: Visit, row: dict[str, Any], chosen: list[str], sought: str) -> dict[str, Any]:
    tree: dict[str, Any] = {"units": [], "groups": [], "left_out": 0, "placed": False}
    settings = visit.request.app.state.controller.settings
    if visit.may(Permission.PLACE):
        tree = await visit.api.get(f"/units/{row['unit_id']}/audience", q=sought)
    roots = [one for one in tree["units"] if one["depth"] == 0]
    if not chosen and not sought and visit.request.method == "GET" and len(roots) == 1 and roots[0]["kind"] in _WHOLE:
        chosen = [roots[0]["scope"]]
    shown = {one["scope"] for one in (*tree["units"], *tree["groups"])}
    return {
        "bulletin": row,
        "variant": variant_of(row["document"]),
        "heard": await heard(visit, row),
        "tree": tree,
        "chosen": set(chosen),
        "hidden_choice": [one for one in chosen if one not in shown],
        "sought": sought,
        "reached": await reached(visit, chosen),
        "folded": tables.folded,
        "tiles": settings.map_tiles or "",
        "attribution": settings.map_attribution,
        "words_of": compose_words,
    }


routes = [
    Route(f"{AT}/{{bulletin}}/where", signed_page(show, Permission.WRITE), methods=["GET"]),
    Route(f"{AT}/{{bulletin}}/where", signed_page(kept_page(keep), Permission.WRITE), methods=["POST"]),
]
