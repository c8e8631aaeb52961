"""A policy in sentences that an officer reads: what may sound when, how long, how loud. Pure; forms of it, too."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from controller.web.translating import Tongue, counted, marked

DAYS: Mapping[str, str] = {
    "mon": marked("thứ Hai"),
    "tue": marked("thứ Ba"),
    "wed": marked("thứ Tư"),
    "thu": marked("thứ Năm"),
    "fri": marked("thứ Sáu"),
    "sat": marked("thứ Bảy"),
    "sun": marked("Chủ nhật"),
}
_MOST_ROWS = 60
_WHOLE_DAY = ("00:00", "24:00")
_NUMBERS = ("minutes_a_day", "slots_a_day")


def sentences(rules: Mapping[str, Any], tongue: Tongue) -> list[str]:
    """What the rules allow and forbid; nothing where they restrict nothing."""
    found = []
    if windows := rules.get("windows"):
        spans = "; ".join(_window(one, tongue) for one in windows)
        found.append(tongue.say(marked("Chỉ được phát: %(spans)s.")) % {"spans": spans})
    if (minutes := rules.get("minutes_a_day")) is not None:
        found.append(tongue.count(counted("Mỗi ngày phát nhiều nhất %(num)s phút."), minutes))
    if (slots := rules.get("slots_a_day")) is not None:
        found.append(tongue.count(counted("Mỗi ngày nhiều nhất %(num)s buổi phát."), slots))
    for cap in rules.get("volume_caps", ()):
        found.append(_cap(cap, tongue))  # noqa: PERF401 - reads as the others do
    for black in rules.get("blackouts", ()):
        found.append(_blackout(black, tongue))  # noqa: PERF401 - reads as the others do
    return found


def _window(one: Mapping[str, Any], tongue: Tongue) -> str:
    hours = f"{one['from']}–{one['to']}"
    days = one.get("weekdays")
    if days is None or len(days) == len(DAYS):
        return f"{hours} {tongue.say(marked('mọi ngày'))}"
    return f"{hours} {', '.join(tongue.say(DAYS[day]) for day in DAYS if day in days)}"


def _cap(cap: Mapping[str, Any], tongue: Tongue) -> str:
    if (cap["from"], cap["to"]) == _WHOLE_DAY:
        return tongue.say(marked("Âm lượng to nhất %(volume)s %% cả ngày.")) % {"volume": cap["volume"]}
    text = marked("Âm lượng to nhất %(volume)s %% từ %(begin)s đến %(end)s.")
    return tongue.say(text) % {"volume": cap["volume"], "begin": cap["from"], "end": cap["to"]}


def _blackout(black: Mapping[str, Any], tongue: Tongue) -> str:
    first, last = (f"{date.fromisoformat(black[key]):%d/%m/%Y}" for key in ("from", "to"))
    span = first if first == last else f"{first}–{last}"
    title = f" ({black['title']})" if black.get("title") else ""
    return tongue.say(marked("Không phát ngày %(span)s%(title)s.")) % {"span": span, "title": title}


def rows(given: Sequence[Mapping[str, Any]], least: int = 1) -> list[Mapping[str, Any]]:
    """What is there, and an empty one to fill in; at least so many."""
    return [*given, *({} for _ in range(max(1, least - len(given))))]


def document(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The rules as they were filled in; rows that are empty are left out. What the form does not show stays."""
    made: dict[str, Any] = {name: before[name] for name in ("zone", "slot_gap_min") if name in before}
    for name in _NUMBERS:
        if text := form.get(name, "").strip():
            made[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text  # noqa: PLR2004
    if windows := [_read_window(form, at) for at in _filled(form, "w")]:
        made["windows"] = windows
    if caps := [_read_cap(form, at) for at in _filled(form, "c")]:
        made["volume_caps"] = caps
    if blackouts := [_read_blackout(form, at) for at in _filled(form, "b")]:
        made["blackouts"] = blackouts
    if note := form.get("note", "").strip():
        made["note"] = note
    return made


def _filled(form: Mapping[str, str], kind: str) -> Iterable[int]:
    """Rows in which something was filled in."""
    parts = {"w": ("from", "to"), "c": ("from", "to", "volume"), "b": ("from", "to", "title")}[kind]
    return [at for at in range(_MOST_ROWS) if any(form.get(f"{kind}{at}_{part}", "").strip() for part in parts)]


def _read_window(form: Mapping[str, str], at: int) -> dict[str, Any]:
    made: dict[str, Any] = {"from": form.get(f"w{at}_from", ""), "to": _end(form.get(f"w{at}_to", ""))}
    days = [day for day in DAYS if form.get(f"w{at}_{day}")]
    if days and len(days) < len(DAYS):
        made["weekdays"] = days
    return made


def _read_cap(form: Mapping[str, str], at: int) -> dict[str, Any]:
    text = form.get(f"c{at}_volume", "").strip()
    volume = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text  # noqa: PLR2004
    begin, end = form.get(f"c{at}_from", "") or "00:00", form.get(f"c{at}_to", "")
    return {"from": begin, "to": _end(end or "24:00"), "volume": volume}


def _end(text: str) -> str:
    """Fields for times know no 24:00; a day ends at midnight."""
    return "24:00" if text == "00:00" else text


def _read_blackout(form: Mapping[str, str], at: int) -> dict[str, Any]:
    first, last = form.get(f"b{at}_from", "").strip(), form.get(f"b{at}_to", "").strip()
    made = {"from": first or last, "to": last or first}
    return {**made, "title": title} if (title := form.get(f"b{at}_title", "").strip()) else made
