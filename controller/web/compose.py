"""“Soạn bản tin”, first step: what is said. A file, a recording, or a text that a machine's voice reads.

The form is answered when its sound is ready: a form that is sent again (the line broke, the server was started anew)
carries the same key, finds the same work under way or done, and makes one draft. The draft is written when everything
of the step is there; what went before is in the browser that sends it.
"""

from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web import compose_words, moments, words
from controller.web.account import unit_names
from controller.web.backend import Refused
from controller.web.compose_receiving import Kept, page_with_file
from controller.web.translating import marked
from controller.web.visits import Visit, signed_page

AT = "/compose"
_LANGUAGE = "vi"
_MOST_ON_BOARDS = 4000
_MOST_CHARACTERS = 20_000
_UNUSABLE = "Không dùng được âm thanh này. Hãy thu lại, hoặc chọn tệp khác."
_NOTHING: dict[str, Any] = {
    "language": _LANGUAGE,
    "text": "",
    **dict.fromkeys(("reading", "audio", "audio_kind", "board")),
}
_LACKING = {
    "text": marked("Chưa có nội dung. Hãy gõ lời của bản tin."),
    "recording": marked("Chưa có bản thu. Hãy thu âm, hoặc chọn cách khác ở trên."),
    "file": marked("Chưa có tệp âm thanh. Hãy chọn tệp, hoặc chọn cách khác ở trên."),
}
"""At which place of the form something is missing, and what to do."""
_FACTS = ("title", "level", "field", "essential", "agency", "valid_from", "valid_until")


async def show_new(visit: Visit) -> Response:
    """An empty form."""
    return visit.page("compose.html", **await _around(visit, None))


async def show(visit: Visit) -> Response:
    """The form of one that exists."""
    return visit.page("compose.html", **await _around(visit, await bulletin(visit)))


async def keep(visit: Visit, kept: Kept) -> Response:
    """Make the sound, then the draft or its next revision."""
    known = visit.form.get("bulletin")
    row = await visit.api.get(f"/bulletins/{known}") if known else None
    if (lacking := _lacking(visit, kept, row)) is not None:
        visit.form.errors[lacking] = visit.tongue.say(_LACKING[lacking])
        return visit.page("compose.html", 422, **await _around(visit, row))
    try:
        made = await _made(visit, kept, row)
    except Refused as refused:
        if refused.status in {401, 404} or refused.code == "proof_needed":
            raise
        if refused.status == 422 and refused.code in {"text_empty", "text_too_long"}:  # noqa: PLR2004
            visit.form.errors["text"] = visit.reason(refused)
        return visit.again("compose.html", _in_words(refused, kept), **await _around(visit, row))
    return visit.go(f"{AT}/{made}/where")


def _lacking(visit: Visit, kept: Kept, row: dict[str, Any] | None) -> str | None:
    """What the chosen way of telling still needs; None: there is something to tell."""
    before = variant_of(row["document"] if row is not None else {})
    mode = visit.form.get("mode")
    if mode == "type":
        only_on_boards = bool(before["board"]) and not before["text"]
        return None if visit.form.get("text") or only_on_boards else "text"
    if kept.total_bytes or before["audio"]:
        return None
    return "recording" if mode == "record" else "file"


def _in_words(refused: Refused, kept: Kept) -> Refused:
    """Of a sound that cannot be used, at least what to do."""
    if refused.vi is not None or not kept.total_bytes or refused.status not in {400, 413, 415, 422}:
        return refused
    problem = {"code": refused.code, "detail": refused.detail, "details": {**refused.details, "vi": _UNUSABLE}}
    return Refused(refused.status, problem)


async def bulletin(visit: Visit) -> dict[str, Any]:
    """The one that the address names."""
    found: dict[str, Any] = await visit.api.get(f"/bulletins/{visit.request.path_params['bulletin']}")
    return found


def variant_of(document: dict[str, Any]) -> dict[str, Any]:
    """What is said in Vietnamese, else in the first language; of nothing written an empty one."""
    variants: list[dict[str, Any]] = document.get("variants") or []
    home = next((one for one in variants if one["language"] == _LANGUAGE), None)
    return {**_NOTHING, **(home or (variants[0] if variants else {}))}


def writes_for(visit: Visit) -> list[str]:
    """The units at which somebody writes."""
    return visit.reach.get(str(Permission.WRITE), [])


async def _made(visit: Visit, kept: Kept, row: dict[str, Any] | None) -> str:
    """The draft's id."""
    unit = row["unit_id"] if row is not None else visit.form.get("unit") or (writes_for(visit) or [""])[0]
    text, mode = visit.form.get("text"), visit.form.get("mode")
    title = visit.form.get("title")
    if title in {"", visit.form.get("suggested")}:  # nobody wrote it: it follows what is said
        title = _suggested(visit, kept, text)
    sound = await _sound(visit, kept, unit, title, text if mode == "type" else "")
    document = _document(visit, row, title, text, sound)
    if row is None:
        body = {"unit": unit, "document": document}
        made = await visit.api.send("POST", "/bulletins", body, _key(visit, "b"))
    else:
        body = {"document": document, "expected_revision": int(visit.form.get("revision") or row["revision"])}
        made = await visit.api.send("PUT", f"/bulletins/{row['id']}", body, _key(visit, "b"))
    return str(made["id"])


def _key(visit: Visit, part: str) -> str:
    return f"{visit.once}-{part}" if visit.once else ""


def _suggested(visit: Visit, kept: Kept, text: str) -> str:
    """What it is called where nobody said so."""
    found = compose_words.title_of(text)
    if found:
        return found
    if visit.form.get("mode") == "upload" and kept.total_bytes:
        return kept.name.rpartition(".")[0].replace("_", " ").strip() or kept.name
    at = moments.moment(_begun(visit), visit.tongue)
    return visit.tongue.say(marked("Bản thu lúc %(at)s"), at=at)


def _begun(visit: Visit) -> datetime:
    """When the form was asked for: the same however often it is sent."""
    try:
        return moments.instant(visit.form.get("begun"))
    except ValueError:
        return visit.now


async def _sound(visit: Visit, kept: Kept, unit: str, title: str, said: str) -> dict[str, Any] | None:
    """What the variant says of its sound; None: it stays as it is.

    Raises:
        Refused: there is none to be had.
    """
    if visit.form.get("mode") == "type":
        return await _spoken(visit, unit, title, said)
    if not kept.total_bytes:
        return None
    kind = "recording" if visit.form.get("mode") == "record" else "upload"
    labels = {"title": title, "file_name": kept.name, "unit": unit, "language": _LANGUAGE, "origin": kind}
    made = await visit.api.hand_in("/media", kept.blocks(), _key(visit, "a"), **labels)
    return {"audio": _asset_of(made), "audio_kind": kind, "reading": None}


async def _spoken(visit: Visit, unit: str, title: str, text: str) -> dict[str, Any] | None:
    voice = visit.form.get("voice")
    if not text or voice == "none":
        return None
    asked = {"text": text, "unit": unit, "language": _LANGUAGE, **({"voice": voice} if voice else {})}
    read = await visit.api.send("POST", "/speech/readings", asked)
    body = {"title": title, "reading": read["reading"], "written": text, "unit": unit, "language": _LANGUAGE}
    made = await visit.api.send("POST", "/speech", body | ({"voice": voice} if voice else {}), _key(visit, "a"))
    return {"audio": _asset_of(made), "audio_kind": "machine", "reading": read["reading"]}


def _asset_of(made: dict[str, Any]) -> str:
    if "loudness_lufs" not in made:
        raise Refused(503, {"code": "sound_not_ready"})
    return str(made["id"])


def _document(
    visit: Visit, row: dict[str, Any] | None, title: str, text: str, sound: dict[str, Any] | None
) -> dict[str, Any]:
    """What is to be stored: everything that this form does not show stays as it is."""
    before = row["document"] if row is not None else {}
    variant = {**variant_of(before), "text": text, **(sound or {})}
    if visit.form.get("boards") == "1" and text and len(text) <= _MOST_ON_BOARDS:
        variant["board"] = {**(variant.get("board") or {}), "long": text}
    elif visit.form.get("boards") != "1":
        variant.pop("board", None)
    others = [one for one in before.get("variants", []) if one["language"] != variant["language"]]
    return {
        **{name: before[name] for name in _FACTS if name in before},
        "title": title,
        "field": visit.form.get("field") or before.get("field", "notice"),
        "level": visit.form.get("level") or before.get("level", "normal"),
        "variants": [variant, *others],
    }


async def _around(visit: Visit, row: dict[str, Any] | None) -> dict[str, Any]:
    """What the form shows."""
    mine = writes_for(visit)
    units = await unit_names(visit, mine)
    unit = row["unit_id"] if row is not None else visit.form.get("unit") or (mine[0] if mine else "")
    voices = await _voices(visit, unit)
    variant = variant_of(row["document"] if row is not None else {})
    mode = visit.form.get("mode") or {"upload": "upload", "recording": "record"}.get(
        variant.get("audio_kind") or "", "type" if voices else "upload"
    )
    return {
        "bulletin": row,
        "variant": variant,
        "units": [(one, units.get(one, one)) for one in mine],
        "unit": unit,
        "voices": voices,
        "voice_names": [(one["name"], one["about"] or one["name"]) for one in voices],
        "field_names": [(key, visit.tongue.say(name)) for key, name in compose_words.FIELDS.items()],
        "level_names": [(key, visit.tongue.say(words.LEVELS[key])) for key in ("normal", "priority")],
        "mode": mode,
        "words_of": compose_words,
        "most_characters": _MOST_CHARACTERS,
    }


async def _voices(visit: Visit, unit: str) -> list[dict[str, Any]]:
    """Those that can speak now."""
    if not unit:
        return []
    try:
        found = await visit.api.get("/speech/voices", unit=unit, language=_LANGUAGE)
    except Refused:
        return []
    return [one for one in found if one["missing"] is None]


routes = [
    Route(AT, signed_page(show_new, Permission.WRITE), methods=["GET"]),
    Route(AT, page_with_file(keep, Permission.WRITE), methods=["POST"]),
    Route(f"{AT}/{{bulletin}}", signed_page(show, Permission.WRITE), methods=["GET"]),
]
