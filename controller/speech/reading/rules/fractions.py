"""Numbers with a slash or a colon that are no date and no time: 1/4, 15/19 tiêu chí, số nhà 12/5, 1:500, 3x4."""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.amounts import amount_at
from controller.speech.reading.days import is_day
from controller.speech.reading.measures import measure_at
from controller.speech.reading.place import Place, Said
from controller.speech.reading.rules.date_context import counts_things, is_fraction
from controller.speech.reading.spoken import Kind
from controller.speech.reading.usage import Usage

_SLASHED: Final = re.compile(r"(\d{1,6})((?:/\d{1,6}){1,4})(?!\d)(?![,/]\d)")
_FINE: Final = re.compile(r"(?<!\d,)(\d{1,3}),(\d{1,2})/(\d{1,4})(?![\d/])")
_COLON: Final = re.compile(r"(\d{1,6})(?:\.000)? ?: ?(\d{1,3}(?:\.\d{3}){1,2}|\d{1,6})(?![\d:])")
_TIMES: Final = re.compile(r" ?[x×] ?(?=\d)")
_FEW: Final = 4
_HOUSES: Final = frozenset({"lớp", "tổ", "số", "nhà", "ngõ", "hẻm", "kiệt", "ngách", "thửa", "tờ", "lô"})
_RATIO: Final = frozenset({"lệ", "tỷ", "tỉ", "đồ", "số"})


def fractions(place: Place) -> Said | None:
    """a/b as parts or as a ratio; three or more as an address."""
    found = place.match(_SLASHED)
    if not found:
        return _fine_over(place)
    parts = [int(part) for part in found.group().split("/")]
    if len(parts) > 2 or place.last in _HOUSES or parts[1] == 0:  # noqa: PLR2004
        words = " trên ".join(numbers.cardinal(part, place.usage) for part in parts)
    else:
        whole = (
            measure_at(place.text, found.end()) is not None
            or parts[0] == 1
            or parts[1] <= _FEW
            or not counts_things(place, found.end())
        )
        words = (numbers.fraction if whole else _over)(parts[0], parts[1], place.usage)
    unsure = len(parts) == 2 and is_day(*parts) and not is_fraction(place, found.end())  # noqa: PLR2004
    unit = measure_at(place.text, found.end())
    end, after = (unit.end, f" {unit.spoken}") if unit else (found.end(), "")
    return Said(end, words + after, Kind.NUMBER, doubts.DATE_OR_FRACTION if unsure and unit is None else None)


def _fine_over(place: Place) -> Said | None:
    """8,5/10 điểm."""
    found = place.match(_FINE)
    number = amount_at(place.text, place.at, place.usage) if found else None
    if not found or number is None:
        return None
    first, second, below = map(int, found.groups())
    days = first < second and is_day(second, below) and not is_fraction(place, found.end())
    words = f"{number.spoken} trên {numbers.cardinal(below, place.usage)}"
    return Said(found.end(), words, Kind.NUMBER, doubts.DATE_OR_FRACTION if days else None)


def _over(above: int, below: int, usage: Usage) -> str:
    return f"{numbers.cardinal(above, usage)} trên {numbers.cardinal(below, usage)}"


def ratios(place: Place) -> Said | None:
    """tỷ lệ 1:500."""
    found = place.match(_COLON) if place.last in _RATIO else None
    if not found:
        return None
    above, below = (numbers.cardinal(int(part.replace(".", "")), place.usage) for part in found.groups())
    return Said(found.end(), f"{above} trên {below}", Kind.NUMBER)


def products(place: Place) -> Said | None:
    """3x4 m, 3 x 20 giây."""
    said: list[str] = []
    at = end = place.at
    while len(said) < 4 and (number := amount_at(place.text, at, place.usage)) is not None:  # noqa: PLR2004
        said.append(number.spoken)
        end = number.end
        joint = _TIMES.match(place.text, end)
        if joint is None:
            break
        at = joint.end()
    if len(said) < 2:  # noqa: PLR2004
        return None
    unit = measure_at(place.text, end)
    words = " nhân ".join(said)
    return Said(unit.end, f"{words} {unit.spoken}", Kind.UNIT) if unit else Said(end, words, Kind.NUMBER)
