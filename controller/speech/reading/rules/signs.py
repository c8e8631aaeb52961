"""Signs that are neither letters nor digits: said, a rest, or left out."""

import re
from typing import Final

from controller.speech.reading import doubts
from controller.speech.reading.measures import per_at
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.units import COUNTED, PER, PHYSICAL

_NUMBER_FOLLOWS: Final = re.compile(r" ?\d")
_SPOKEN: Final = {
    "+": "cộng", "=": "bằng", "<": "dưới", ">": "trên", "≥": "từ", "≤": "không quá", "≈": "khoảng", "~": "khoảng",
    "±": "cộng trừ", "×": "nhân",
}  # fmt: skip
_ANYWHERE: Final = {
    "&": "và", "%": "phần trăm", "‰": "phần nghìn", "°": "độ", "№": "số", "½": "một phần hai", "¼": "một phần tư",
    "¾": "ba phần tư", "€": "ơ-rô", "$": "đô la Mỹ", "→": "đến", "@": "a còng",
}  # fmt: skip
_REST: Final = frozenset("()[]{}–—|/\\-")
_STOPS: Final = frozenset(".,;:?!")
_SILENT: Final = frozenset("\"'“”‘’«»„*•·●○■□▪◦#^`_©®™+=<>~…")
_TELEPHONE: Final = re.compile(r" ?(?:\(?0\d{2,4}|\+84|1[89]00)[\d). -]{4}")
_WITHIN: Final = re.compile(r" ?\d{1,2} ?(?:h|giờ|ngày|đêm|tháng|năm)(?![^\W_])")
_POINTS: Final = re.compile(r"\.{2,}|…")
_JOINS_LETTERS: Final = re.compile(r"-(?=[^\W\d_])")


def signs(place: Place) -> Said | None:
    """How one sign is read."""
    sign, end = place.text[place.at], place.at + 1
    if sign in _SPOKEN and _NUMBER_FOLLOWS.match(place.text, end) and not (sign == "+" and place.heads_line):
        return Said(end, _SPOKEN[sign], Kind.SYMBOL)
    if sign in _ANYWHERE:
        return Said(end, _ANYWHERE[sign], Kind.SYMBOL)
    return _slash(place, end) if sign == "/" else _quiet(place, sign, end)


def _quiet(place: Place, sign: str, end: int) -> Said:
    """A sign that has no words: a rest, a hyphen within a word, or nothing."""
    points = place.match(_POINTS)
    if points:
        return Said(points.end(), "…", Kind.SYMBOL, told=False)
    if sign in _STOPS:
        follows = sign == "," and place.previous.isdigit() and place.match(_TELEPHONE, end)
        return Said(end, ";" if follows else sign, Kind.SYMBOL, told=False)
    if sign == "-" and place.previous.isalpha() and _JOINS_LETTERS.match(place.text, place.at):
        return Said(end, "-", Kind.SYMBOL, told=False)
    if sign in _REST:
        rest = ";" if sign in "-–—" and place.match(_TELEPHONE, end) else ","
        return Said(end, "" if place.heads_line else rest, Kind.SYMBOL, told=False)
    return Said(end, "", Kind.SYMBOL, None if sign in _SILENT else doubts.DROPPED, told=False)


def _slash(place: Place, end: int) -> Said:
    """đồng/kg, người/tháng: for each; mm/3h: within; otherwise a rest."""
    if place.previous.isalpha() and place.match(_WITHIN, end):
        return Said(end, "trong", Kind.SYMBOL)
    unit = place.last if place.previous.isalpha() else ""
    counts = unit == "đồng" or any(character.isdigit() for character in place.before[-40:])
    if unit in PHYSICAL or (counts and unit and (unit not in COUNTED or unit in PER)):
        after, said = per_at(place.text, place.at, unit)
        if said:
            return Said(after, said.strip(), Kind.UNIT)
    return Said(end, ",", Kind.SYMBOL, told=False)
