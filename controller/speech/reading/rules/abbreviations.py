"""Abbreviations of the list, titles before names, and a few that need the number that follows (P.5, QL1A)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.rules.capitals import in_headline
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.abbreviations import ABBREVIATIONS, AMBIGUOUS, NOUNS_OF_CAPITALS, TITLES
from controller.speech.reading.vocabulary.letters import spelled
from controller.speech.reading.vocabulary.senses import SENSES

_TITLE: Final = re.compile(rf"({'|'.join(sorted(map(re.escape, TITLES), key=len, reverse=True))})\.(?= ?[^\W\d_])")
_WARD: Final = re.compile(r"([PQ])\. ?(\d{1,2})(?![^\W_])")
_WARDS: Final = {"P": "phường", "Q": "quận"}
_ROAD: Final = re.compile(r"(QL|TL|ĐT|HL|ĐH|ĐX)[. -]{0,2}(?!0)(\d{1,3})([A-ZĐ]?)(?![^\W_])(?![.,]\d)")
_ROADS: Final = {
    "QL": "quốc lộ",
    "TL": "tỉnh lộ",
    "ĐT": "đường tỉnh",
    "HL": "hương lộ",
    "ĐH": "đường huyện",
    "ĐX": "đường xã",
}
_ALARM: Final = re.compile(r"BĐ ?(\d|I{1,3})(?![^\W_])")
_WEEKDAY: Final = re.compile(r"T([2-7])(?![^\W_])(?: ?[-–] ?(?:T([2-7])|(CN))(?![^\W_]))?")
_BESIDE: Final = re.compile(r"(?: đến| và|,| hoặc) (?:T[2-7]|CN)(?![^\W_])")
_BESIDE_BEFORE: Final = re.compile(r"t[2-7](?: đến| và|,| hoặc) \Z")
_UNIT: Final = re.compile(r"(Q|P|H|X)\. ?(?=[^\W\d_]{2,12}(?: |\Z|,))")
_UNITS: Final = {"Q": "quận", "P": "phường", "H": "huyện", "X": "xã"}
_TOWN: Final = re.compile(r"T[Pp] (?=[^\W\d_]{2})")
_AHEAD: Final = 40
_OF_UNITS: Final = re.compile(r" (?:xã|phường|tỉnh|huyện|thành phố|XÃ|PHƯỜNG|TỈNH)\b")


def _by_first(entries: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Entries by their first letter, the longest first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for entry in sorted(entries, key=len, reverse=True):
        found[entry[0]].append(entry)
    return {first: tuple(listed) for first, listed in found.items()}


_LISTED: Final = _by_first({**ABBREVIATIONS, **AMBIGUOUS})


def listed(place: Place) -> Said | None:
    """An abbreviation that the list knows."""
    for written in _LISTED.get(place.text[place.at], ()):
        end = place.at + len(written)
        if place.text.startswith(written, place.at) and not _goes_on(place, written, end):
            return _known(place, written, end)
    return None


def titles(place: Place) -> Said | None:
    """TS. Nguyễn …: the full stop ends no sentence."""
    found = place.match(_TITLE)
    if not found or place.previous.isalpha():
        return None
    return Said(found.end(), TITLES[found.group(1)], Kind.ABBREVIATION)


def numbered(place: Place) -> Said | None:
    """P.5, QL1A, BĐ3, T2-T6."""
    for rule in (_ward, _unit, _road, _alarm, _weekdays):
        said = rule(place)
        if said is not None:
            return said
    return None


def _goes_on(place: Place, written: str, end: int) -> bool:
    """Whether more letters or digits follow, so that it is another word."""
    after = place.text[end : end + 1]
    return after.isalnum() and written[-1].isalnum()


def _known(place: Place, written: str, end: int) -> Said | None:
    if written in NOUNS_OF_CAPITALS and in_headline(place, end) and not _OF_UNITS.match(place.text, end):
        return None
    if written in ABBREVIATIONS:
        told = written[-1].isupper() or len(written) <= 3  # noqa: PLR2004
        return Said(end, ABBREVIATIONS[written], Kind.ABBREVIATION, told=told)
    after = place.text[end : end + _AHEAD].lower()
    sense = next((sense for sense in SENSES.get(written, ()) if sense.holds(place.before, after)), None)
    first, others = (sense.spoken, sense.others) if sense else AMBIGUOUS[written]
    return Said(end, first, Kind.ABBREVIATION, doubts.other_meanings(others) if others else None)


def _ward(place: Place) -> Said | None:
    found = place.match(_WARD)
    if not found:
        return None
    return Said(
        found.end(), f"{_WARDS[found.group(1)]} {numbers.cardinal(int(found.group(2)), place.usage)}", Kind.ABBREVIATION
    )


def _unit(place: Place) -> Said | None:
    """P. Tân An, Q. Ninh Kiều, TP Cần Thơ: within an address, before a name."""
    town = place.match(_TOWN)
    if town and place.text[town.end()].isupper():
        return Said(town.end(), "thành phố", Kind.ABBREVIATION)
    found = place.match(_UNIT)
    if (
        not found
        or not place.text[found.end()].isupper()
        or place.text[max(0, place.at - 2) : place.at] not in {", ", "- "}
    ):
        return None
    return Said(found.end(), _UNITS[found.group(1)], Kind.ABBREVIATION)


def _road(place: Place) -> Said | None:
    found = place.match(_ROAD)
    if not found:
        return None
    name, number, letter = found.groups()
    words = f"{_ROADS[name]} {numbers.cardinal(int(number), place.usage)}"
    return Said(found.end(), f"{words} {spelled(letter)}" if letter else words, Kind.ABBREVIATION)


def _alarm(place: Place) -> Said | None:
    found = place.match(_ALARM)
    if not found:
        return None
    level = int(found.group(1)) if found.group(1).isdigit() else len(found.group(1))
    return Said(found.end(), f"báo động {numbers.cardinal(level, place.usage)}", Kind.ABBREVIATION)


def _weekdays(place: Place) -> Said | None:
    """T2-T6, T7-CN; T2 alone is a code."""
    found = place.match(_WEEKDAY)
    if not found:
        return None
    if not (found.group(2) or found.group(3)):
        listed = _BESIDE.match(place.text, found.end()) or _BESIDE_BEFORE.search(place.before[-12:])
        return (
            Said(found.end(), f"thứ {numbers.ordinal(int(found.group(1)), place.usage)}", Kind.ABBREVIATION)
            if listed
            else None
        )
    last = f"thứ {numbers.ordinal(int(found.group(2)), place.usage)}" if found.group(2) else "chủ nhật"
    return Said(found.end(), f"thứ {numbers.ordinal(int(found.group(1)), place.usage)} đến {last}", Kind.ABBREVIATION)
