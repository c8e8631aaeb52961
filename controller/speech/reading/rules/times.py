"""Times of day: 19h30, 7g30, 05:00, 7h-9h, 7-9h30, 24/7."""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind

_HOUR: Final = (
    r"(\d{1,2})(?: ?[hgH] ?| ?giờ ?|:)([0-5]?\d)(?!\d)(?::([0-5]\d)(?!\d))?(?:['’′]| ?(?:phút|ph|p)(?![^\W_]))?"
)
_CLOCK: Final = re.compile(rf"{_HOUR}(?![^\W_])(?!,\d)")
_WHOLE: Final = re.compile(r"(\d{1,3}) ?(?:h|H|g(?= (?:sáng|trưa|chiều|tối|đêm))|giờ)(?![^\W_])")
_AFTER_HOUR: Final = re.compile(r"\d ?(?:h(?: ?[0-5]?\d)?|g ?[0-5]\d) ?(?:đến|tới|-|–|—) ?\Z")
_SHORT: Final = re.compile(r"(\d{1,2}) ?g(?![^\W_])")
_SECONDS: Final = re.compile(r"['’′]([0-5]?\d)(?:[\"”″]|'')")
_TO: Final = re.compile(r" ?[-–—] ?(?=\d)")
_BARE: Final = re.compile(r"(\d{1,2}) ?[-–—] ?(?=\d{1,2}(?:[hgH:]| giờ ))")
_ALWAYS: Final = re.compile(r"24/(7|24)(?: ?(?:h|giờ))?(?![^\W_/])")
_HALF_OF_DAY: Final = re.compile(r" ?(AM|PM|am|pm|A\.M\.|P\.M\.)(?![^\W_])")
_RATIO: Final = frozenset({"lệ", "tỷ", "tỉ", "đồ", "số"})
_DAY: Final = frozenset({"ngày", "hôm", "sáng", "trưa", "chiều", "tối", "đêm", "nay", "mai"})
_NOON: Final = 12
_EVENING: Final = 6
_HOURS: Final = 24


def times(place: Place) -> Said | None:
    """A time, or a span of two."""
    return _always(place) or _span(place) or _clock(place, place.at) or _part(place)


def _always(place: Place) -> Said | None:
    """24/7 and 24/24 giờ."""
    found = place.match(_ALWAYS)
    if not found or (found.group(1) == "7" and place.last in _DAY):
        return None
    words = f"{numbers.cardinal(_HOURS, place.usage)} trên {numbers.cardinal(int(found.group(1)), place.usage)}"
    hours = " giờ" if found.group().endswith(("h", "giờ")) else ""
    return Said(found.end(), words + hours, Kind.TIME)


def _span(place: Place) -> Said | None:
    bare = place.match(_BARE)
    if bare:
        second = _clock(place, bare.end())
        first = numbers.cardinal(int(bare.group(1)), place.usage)
        if second is None or int(bare.group(1)) > _HOURS or place.match(_CLOCK, bare.end()) is None:
            return None
        return Said(second.end, f"{first} đến {second.spoken}", Kind.TIME, second.doubt)
    first_said = _clock(place, place.at) or _whole(place, place.at)
    joint = _TO.match(place.text, first_said.end) if first_said else None
    if first_said is None or joint is None:
        return None
    second = _clock(place, joint.end()) or _whole(place, joint.end())
    if second is None:
        return None
    return Said(second.end, f"{first_said.spoken} đến {second.spoken}", Kind.TIME, first_said.doubt or second.doubt)


def _clock(place: Place, at: int) -> Said | None:
    found = place.match(_CLOCK, at)
    if not found or (":" in found.group() and (place.last in _RATIO or len(found.group(2)) == 1)):
        return None
    hour, minute, second = (int(part) if part else 0 for part in found.groups())
    if "h" not in found.group().lower() and "g" not in found.group() and hour > _HOURS:
        return None
    words, end = f"{numbers.cardinal(hour, place.usage)} giờ", found.end()
    seconds = _SECONDS.match(place.text, end)
    if seconds:
        second, end = int(seconds.group(1)), seconds.end()
    if minute or second:
        words += f" {numbers.cardinal(minute, place.usage)} phút"
    if second:
        words += f" {numbers.cardinal(second, place.usage)} giây"
    half = _HALF_OF_DAY.match(place.text, end)
    if half:
        words, end = f"{words} {_part_of_day(hour, half.group(1))}", half.end()
    wrong = hour > _HOURS or (hour == _HOURS and minute > 0)
    return Said(end, words, Kind.TIME, doubts.NO_SUCH_TIME if wrong else None)


def _whole(place: Place, at: int) -> Said | None:
    found = place.match(_WHOLE, at)
    if not found:
        return None
    return Said(found.end(), f"{numbers.cardinal(int(found.group(1)), place.usage)} giờ", Kind.TIME)


def _part(place: Place) -> Said | None:
    """7g sáng, từ 7g30 đến 11g: what would be grams but for the part of the day, or the hour before."""
    said = _whole(place, place.at)
    if said is not None:
        return said if place.text[said.end - 1] == "g" else None
    found = place.match(_SHORT)
    if not found or int(found.group(1)) > _HOURS or not _AFTER_HOUR.search(place.before):
        return None
    return Said(found.end(), f"{numbers.cardinal(int(found.group(1)), place.usage)} giờ", Kind.TIME)


def _part_of_day(hour: int, half: str) -> str:
    if half[0] in "aA":
        return "sáng"
    return "trưa" if hour == _NOON else "chiều" if hour < _EVENING else "tối"
