"""“Duyệt bản tin”: what waits for one's approval, and one bulletin: hear it, read it, let it go on air or give it back.

The link in a notice leads to the bulletin itself, so that a leader hears it by one tap and approves it by another.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import compose_words, moments
from controller.web.backend import Refused
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

REVIEW = "/review"
_HOUR_S, _DAY_S = 3600, 86_400
REASONS: Mapping[str, str] = {
    "unclear": marked("Nghe không rõ"),
    "wrong": marked("Nội dung chưa đúng"),
    "place": marked("Sai nơi phát hoặc giờ phát"),
    "names": marked("Sai chính tả, sai tên"),
    "long": marked("Quá dài"),
    "source": marked("Thiếu căn cứ hoặc nguồn tin"),
}
"""Why bulletins are given back most often; the author reads the Vietnamese."""
PARTS: Mapping[str, str] = {
    "title": marked("Tên bản tin"),
    "level": marked("Loại bản tin"),
    "field": marked("Lĩnh vực"),
    "essential": marked("Thông tin thiết yếu"),
    "agency": marked("Cơ quan"),
    "valid_from": marked("Có hiệu lực từ"),
    "valid_until": marked("Có hiệu lực đến"),
    "language": marked("Ngôn ngữ"),
    "text": marked("Văn bản"),
    "reading": marked("Lời đọc"),
    "sound": marked("Âm thanh"),
    "board": marked("Chữ trên bảng tin"),
    "picture": marked("Hình trên bảng tin"),
}
UNDECIDABLE = frozenset({"nothing_to_say", "slot_needs_sound", "outside_rules"})
"""Stops that nobody may take upon himself: the bulletin has to be changed first."""
_SILENT = frozenset({"no_approver"})
_TEXTS = frozenset({"text", "reading", "board"})


async def show_all(visit: Visit) -> Response:
    """What waits, the longest first."""
    query = visit.request.query_params
    queue = await visit.api.get("/reviews", after=query.get("after"), after_id=query.get("after_id"))
    last = queue["items"][-1] if queue["more"] else None
    rows = [{**one, "urgency": urgency(one["first"], visit.now)} for one in queue["items"]]
    return visit.page(
        "reviews.html",
        total=queue["total"],
        mine=[one for one in rows if not one["own"]],
        own=[one for one in rows if one["own"]],
        last=last,
    )


async def show(visit: Visit) -> Response:
    """One bulletin."""
    return visit.page("review.html", **await _everything(visit))


async def approve(visit: Visit) -> Response:
    """Let it go on air: the revision that was read."""
    body = {"revision": _number(visit), "despite": _despite(visit)}
    try:
        await visit.api.send("POST", f"/bulletins/{_key(visit)}/approve", body, visit.once)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.go(f"{REVIEW}/{_key(visit)}", told="bulletin-approved")


async def give_back(visit: Visit) -> Response:
    """Give it back to its author, with reasons that were picked and own words."""
    picked = [text for code, text in REASONS.items() if visit.form.get(f"reason-{code}") == "1"]
    why = ". ".join(one for one in ("; ".join(picked), visit.form.get("why")) if one)
    if not why:
        said = visit.tongue.say(marked("Hãy chọn ít nhất một lý do, hoặc viết vài chữ để người soạn biết sửa gì."))
        visit.form.errors["why"] = said
        return visit.page("review.html", 422, **await _everything(visit))
    body = {"why": why[:500], "revision": _number(visit)}
    try:
        await visit.api.send("POST", f"/bulletins/{_key(visit)}/return", body, visit.once)
    except Refused as refused:
        return await _again(visit, refused)
    return visit.go(f"{REVIEW}/{_key(visit)}", told="bulletin-returned")


async def _again(visit: Visit, refused: Refused) -> Response:
    """The page as it is by now, with why it was not done; a sign-in or a proof is asked for elsewhere."""
    if refused.status in {401, 404} or refused.code in {"proof_needed", "csrf_refused"}:
        raise refused
    return visit.again("review.html", refused, **await _everything(visit))


async def _everything(visit: Visit) -> dict[str, Any]:
    at = f"/bulletins/{_key(visit)}"
    told = await visit.api.get(f"{at}/review")
    whole = await visit.api.get(at)
    points = []
    if told["state"] == "in_review":
        points = [one for one in (await visit.api.get(f"{at}/readiness"))["points"] if one["code"] not in _SILENT]
    following = None
    if visit.may(Permission.APPROVE) and not told["decision"]["may"]:
        waiting = (await visit.api.get("/reviews", limit=10))["items"]
        following = next((one for one in waiting if not one["own"] and one["id"] != told["id"]), None)
    stops = [one for one in points if one["weight"] == "stop"]
    return {
        "review": told,
        "bulletin": whole,
        "variants": variants(whole["document"], told["sounds"]),
        "changes": changes(told["changes"]),
        "urgency": urgency(told["first"], visit.now),
        "points": points,
        "despite": {one["code"]: one for one in stops if one["code"] not in UNDECIDABLE},
        "undecidable": any(one["code"] in UNDECIDABLE for one in stops),
        "following": following,
        "reasons": REASONS,
        "parts": PARTS,
        "topics": compose_words.FIELDS,
        "states": compose_words.STATES,
        "kinds": compose_words.KINDS,
    }


def urgency(first: str | None, now: datetime) -> str:
    """How a time until which somebody has to decide is told: bad within the hour, unsure within the day."""
    if first is None:
        return ""
    left_s = (moments.instant(first) - now).total_seconds()
    return "bad" if left_s < _HOUR_S else "unsure" if left_s < _DAY_S else "waiting"


def variants(document: Mapping[str, Any], sounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each language with its sound, Vietnamese first; `shared`: boards show what loudspeakers say, word by word."""
    heard = {one["language"]: one for one in sounds}
    told = [
        {
            "language": one["language"],
            "text": one.get("text") or "",
            "reading": one.get("reading") or "",
            "board": _shown(one.get("board") or {}),
            "sound": heard.get(one["language"]),
        }
        for one in document.get("variants", ())
    ]
    for one in told:
        one["shared"] = bool(one["text"]) and _same(one["text"], one["board"]["text"])
        one["read_otherwise"] = bool(one["reading"]) and not _same(one["reading"], one["text"])
    return sorted(told, key=lambda one: one["language"] != "vi")


def changes(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was changed; texts of a language that were changed alike are told once, with all their `fields`."""
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in found:
        alike = one["field"] if one["field"] not in _TEXTS else "text"
        key = (alike, one["language"] or "", " ".join(one["before"].split()), " ".join(one["after"].split()))
        told.setdefault(key, {**one, "fields": []})["fields"].append(one["field"])
    return list(told.values())


def _same(one: str, other: str) -> bool:
    """Whether two texts have the same words in the same order."""
    return one.split() == other.split()


def _shown(board: Mapping[str, Any]) -> dict[str, str]:
    """What a board shows: its text, and its picture."""
    return {"text": board.get("long") or board.get("short") or "", "image": board.get("image") or ""}


def _despite(visit: Visit) -> list[str]:
    named = (name.partition("despite-")[2] for name in visit.form.values if name.startswith("despite-"))
    return sorted(code for code in named if code)


def _number(visit: Visit) -> int:
    given = visit.form.get("revision")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0  # noqa: PLR2004


def _key(visit: Visit) -> str:
    return str(visit.request.path_params["bulletin"])


_ONE = f"{REVIEW}/{{bulletin}}"
routes = [
    Route(REVIEW, signed_page(show_all, Permission.APPROVE), methods=["GET"]),
    Route(_ONE, signed_page(show, Permission.SEE), methods=["GET"]),
    Route(f"{_ONE}/approval", signed_page(approve, Permission.APPROVE), methods=["POST"]),
    Route(f"{_ONE}/return", signed_page(give_back, Permission.APPROVE), methods=["POST"]),
]
