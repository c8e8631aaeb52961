"""“Soạn bản tin”, third step: when, beside the pre-flight list, and off to its approver, or on the air.

What the list forbids is not sent: the page comes back with it, and with what to do.
"""

from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import compose_times, compose_words
from controller.web.backend import Refused
from controller.web.compose import AT, bulletin, variant_of
from controller.web.compose_receiving import kept_page
from controller.web.compose_times import Chosen, Offer
from controller.web.compose_where import chosen_of, heard, reached, replace
from controller.web.moments import ZONE, instant
from controller.web.translating import counted, marked
from controller.web.visits import Visit, signed_page

_TEMPLATE = "compose_when.html"


async def show(visit: Visit) -> Response:
    """What is offered, and what is to be known before."""
    return visit.page(_TEMPLATE, **await _around(visit, await bulletin(visit)))


async def send(visit: Visit) -> Response:
    """Keep the time, look at the list, and send it; or keep it only."""
    row = await bulletin(visit)
    scopes = await _scopes(visit, row)
    try:
        if visit.may(Permission.PLACE) and scopes:
            chosen = await _chosen(visit, scopes)
            if chosen is None:
                return visit.page(_TEMPLATE, 422, **await _around(visit, row))
            await _ask_for(visit, row, chosen)
        return await _sent(visit, row["id"])
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        return visit.again(_TEMPLATE, refused, **await _around(visit, await bulletin(visit)))


async def _sent(visit: Visit, bulletin_id: str) -> Response:
    at = f"/bulletins/{bulletin_id}"
    wanted = visit.form.get("do")
    if wanted == "keep":
        return visit.go(at, told="draft-kept")
    ready = await visit.api.get(f"{at}/readiness")
    if compose_words.forbids(ready["points"]):
        visit.form.errors[""] = visit.tongue.say(marked("Chưa gửi được: hãy xem các điểm dưới đây."))
        return visit.page(_TEMPLATE, 422, **await _around(visit, await bulletin(visit)))
    now = await visit.api.get(at)
    if now["state"] == "draft":
        now = await visit.api.send("POST", f"{at}/submit", {}, f"{visit.once}-s" if visit.once else "")
    if wanted != "publish" or now["state"] != "in_review":
        return visit.go(at, told="sent-for-approval" if now["state"] == "in_review" else "draft-kept")
    body = {"revision": now["revision"]}
    await visit.api.send("POST", f"{at}/approve", body, f"{visit.once}-v" if visit.once else "")
    return visit.go(at, told="published")


async def _scopes(visit: Visit, row: dict[str, Any]) -> list[str]:
    """Where it shall go: as the step before says in the address or the form, else where it stands."""
    given = [value for name, value in visit.request.query_params.multi_items() if name == "to"]
    if visit.request.method == "POST":
        given = [str(value) for name, value in (await visit.request.form()).multi_items() if name == "to"]
    return given or chosen_of(row)


async def _chosen(visit: Visit, scopes: list[str]) -> Chosen | None:
    """What the form asks for; None: it says no time, and why that is wrong stands at its field."""
    kind, _, value = visit.form.get("when").partition(":")
    days = int(visit.form.get("days")) if visit.form.get("days") in {"1", "3", "5", "7"} else 1
    if kind == "slot":
        unit = scopes[0].removeprefix("u-")
        sessions = await visit.api.get(f"/units/{unit}/slot-times")
        return compose_times.of_session(sessions, instant(value), days, unit)
    if kind == "now":
        return compose_times.at_once(scopes)
    start = instant(value) if kind == "time" else compose_times.typed(visit.form.get("day"), visit.form.get("hour"))
    if start is None:
        visit.form.errors["day"] = visit.tongue.say(marked("Hãy chọn ngày và giờ phát."))
        return None
    if start <= visit.now:
        visit.form.errors["day"] = visit.tongue.say(marked("Giờ này đã qua; hãy chọn giờ muộn hơn."))
        return None
    return compose_times.of_clock(start, days, scopes)


async def _ask_for(visit: Visit, row: dict[str, Any], chosen: Chosen) -> None:
    """Its validity first: places lie within it."""
    document = dict(row["document"])
    wanted = {
        "valid_from": None if chosen.valid_from is None else chosen.valid_from.isoformat(),
        "valid_until": None if chosen.valid_until is None else chosen.valid_until.isoformat(),
    }
    if any(_other(document.get(name), value) for name, value in wanted.items()):
        document = {name: value for name, value in document.items() if name not in wanted}
        document |= {name: value for name, value in wanted.items() if value is not None}
        body = {"document": document, "expected_revision": row["revision"]}
        await visit.api.send("PUT", f"/bulletins/{row['id']}", body, f"{visit.once}-e" if visit.once else "")
    await replace(visit, row, [{**place, "chime": visit.form.get("chime") == "1"} for place in chosen.places])


def _other(stands: str | None, wanted: str | None) -> bool:
    if stands is None or wanted is None:
        return stands is not wanted
    return instant(stands) != instant(wanted)


async def _around(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    chosen = await _scopes(visit, row)
    offered = await _offers(visit, chosen)
    ready = await visit.api.get(f"/bulletins/{row['id']}/readiness")
    approvers = await visit.api.get(f"/units/{row['unit_id']}/approvers")
    rules = await visit.api.get(f"/units/{row['unit_id']}/bulletin-rules")
    today = visit.now.astimezone(ZONE).date()
    return {
        "bulletin": row,
        "variant": variant_of(row["document"]),
        "heard": await heard(visit, row),
        "placed": bool(chosen),
        "moved": chosen if chosen != chosen_of(row) else [],
        "reached": await reached(visit, chosen),
        "offers": offered,
        "picked": visit.form.get("when") or (offered[0].key if offered else "now"),
        "points": ready["points"],
        "forbidden": compose_words.forbids(ready["points"]),
        "approvers": [one["person"]["name"] for one in approvers],
        "publishes": visit.may(Permission.APPROVE) and rules["self_approval"],
        "first_day": today.isoformat(),
        "last_day": (today + timedelta(days=14)).isoformat(),
        "repeat_names": [(str(days), _repeat(visit, days)) for days in compose_times.REPEATS],
        "words_of": compose_words,
    }


def _repeat(visit: Visit, days: int) -> str:
    if days == 1:
        return visit.tongue.say(marked("Chỉ một lần"))
    return visit.tongue.count(counted("Hằng ngày, trong %(num)s ngày"), days)


async def _offers(visit: Visit, chosen: list[str]) -> list[Offer]:
    sessions: list[dict[str, Any]] = []
    if len(chosen) == 1 and chosen[0].startswith("u-"):
        sessions = await visit.api.get(f"/units/{chosen[0].removeprefix('u-')}/slot-times")
    return compose_times.offers(sessions, visit.now)


routes = [
    Route(f"{AT}/{{bulletin}}/when", signed_page(show, Permission.WRITE), methods=["GET"]),
    Route(f"{AT}/{{bulletin}}/when", signed_page(kept_page(send), Permission.WRITE), methods=["POST"]),
]
