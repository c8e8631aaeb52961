"""How each cell of a schedule becomes fields of the programme: which reader a column has, and each kind of part.

A reader raises `Unclear` with what to write instead. Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from controller.schedules.sheets import days as sheet_days
from controller.schedules.sheets import words as sheet_words
from controller.schedules.sheets.columns import COLUMNS, LANGUAGES
from controller.schedules.sheets.results import Frame
from controller.schedules.sheets.words import Unclear, bare

BY_KEY = {column.key: column for column in COLUMNS}


def _scopes(text: str, _frame: Frame) -> dict[str, Any]:
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    return {"to": [part if re.match(r"[ugd]-", part) else f"u-{part}" for part in parts]}


def _languages(text: str, _frame: Frame) -> dict[str, Any]:
    known = {bare(name): code for name, code in LANGUAGES.items()}
    parts = [part.strip() for part in re.split(r"[,;\n+]", text) if part.strip()]
    return {"languages": [known.get(bare(part).removeprefix("tieng "), part) for part in parts]}


def _volume(text: str, _frame: Frame) -> dict[str, Any]:
    return {"volume": _whole(text.removesuffix("%"))}


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise Unclear("number_unclear", f"“{text}” không phải là số nguyên", f"“{text}” is no whole number")
    return int(text)


def _whole_seconds(text: str) -> int:
    seconds = sheet_words.length_s(text)
    if seconds != int(seconds):
        raise Unclear("length_unclear", f"“{text}” không tròn giây", f"“{text}” is no whole number of seconds")
    return int(seconds)


def _chime(text: str) -> str:
    return _CHIMES.get(bare(text), text)


def default(kind: str, name: str, frame: Frame) -> str:
    """What an empty cell of a part means; empty where the cell must be filled."""
    defaults = {("chime", "name"): "opening", ("bulletins", "of"): frame.unit, ("bulletins", "title"): "Bản tin"}
    return defaults.get((kind, name), "")


KINDS = sheet_words.choice(BY_KEY["kind"].words)
_HOLIDAYS = sheet_words.choice(BY_KEY["holiday"].words)
_LEVELS = sheet_words.choice(BY_KEY["level"].words)
_CHIMES = {"mo dau": "opening", "ket thuc": "closing", "chu y": "attention"}
SESSION_READERS: Mapping[str, Callable[[str, Frame], dict[str, Any]]] = {
    "session": lambda text, _frame: {"title": text},
    "id": lambda text, _frame: {"id": text},
    "at": lambda text, _frame: {"at": sheet_words.wall_time(text)},
    "days": lambda text, _frame: sheet_days.days(text).told(),
    "from": lambda text, _frame: {"valid_from": sheet_days.calendar_date(text).isoformat()},
    "until": lambda text, _frame: {"valid_until": sheet_days.calendar_date(text).isoformat()},
    "without": lambda text, _frame: {"except": [day.isoformat() for day in sheet_days.dates(text)]},
    "holiday": lambda text, _frame: {"on_holiday": _HOLIDAYS(text)},
    "to": _scopes,
    "languages": _languages,
    "volume": _volume,
    "level": lambda text, _frame: {"level": _LEVELS(text)},
}
SEGMENT_FIELDS: Mapping[str, Mapping[str, str]] = {
    "chime": {"source": "name"},
    "relay": {"title": "title", "length": "duration_s", "source": "url", "fallback": "fallback"},
    "bulletins": {"title": "title", "length": "max_duration_s", "source": "of", "fallback": "fallback"},
    "content": {"length": "duration_s", "source": "asset"},
    "pause": {"length": "duration_ms"},
}
FIELD_READERS: Mapping[str, Callable[[str], Any]] = {
    "name": _chime,
    "duration_s": _whole_seconds,
    "max_duration_s": _whole_seconds,
    "duration_ms": lambda text: round(sheet_words.length_s(text) * 1000),
}
