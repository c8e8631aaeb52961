"""Numbers with their signs, ranges and units: -5°C, cấp 8-9, 20-30 mm, 1,5 tỷ đồng, $100, 1tr5."""

import re
from itertools import pairwise
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.amounts import Amount, amount_at
from controller.speech.reading.measures import Measure, is_short_money, measure_at
from controller.speech.reading.place import Doubt, Place, Said
from controller.speech.reading.rules.dashed_days import may_be_day
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.units import DEGREES

_REPEATED: Final = """
cấp thứ tháng quý mức loại hạng vùng lớp khối tổ thôn ấp bậc tuần đội nhóm mùng mồng
"""
REPEATED: Final = frozenset(_REPEATED.split())
"""Nouns said again after "đến": cấp tám đến cấp chín."""
_TO: Final = re.compile(r" ?[-–—−÷] ?(?=\d)|\.\.\.?(?=\d)")
_SPACED: Final = re.compile(r" [-–—−] ")
_SIGNED: Final = re.compile(r"[-–−](?=\d)")
_CURRENCY: Final = re.compile(r"(US\$|USD|[$€]) ?(?=\d)")
_CURRENCIES: Final = {"US$": "đô la Mỹ", "USD": "đô la Mỹ", "$": "đô la Mỹ", "€": "ơ-rô"}
_MILLIONS: Final = re.compile(r"(\d{1,3}) ?tr(\d{1,3})(?![^\W_])")
_METRES: Final = re.compile(r"(\d{1,3})m(?![23](?!\d))(\d{1,2})(?![^\W_])")
_TONNES: Final = re.compile(r"(\d{1,3}),(\d{1,2})T(?![^\W_])")
_WEEKDAYS: Final = re.compile(r"thứ [2-7](?:, ?[2-7]){0,4}(?:, ?| và )\Z")
_NO_MINUS: Final = frozenset("0123456789)%")
_SCALES: Final = re.compile(r" (?:triệu|nghìn|ngàn|tỷ|tỉ|trăm)\b")
_FEWEST_FOR_K: Final = 10
_LIST: Final = re.compile(r"\d{1,4}(?:,\d{1,4}){2,11}(?!\d)(?![,./:-]\d)")
_PLUS: Final = re.compile(r"\+(?! ?\d)( ?tuổi(?![^\W_]))?")
_AT_LEAST: Final = frozenset({"từ", "trên", "hơn"})


def quantity(place: Place) -> Said | None:
    """A number, or a range of two, with the unit that follows."""
    first = amount_at(place.text, place.at, place.usage, place.last)
    if first is None:
        return None
    return _range(place, first) or _single(place, first)


def lists(place: Place) -> Said | None:
    """6,7,8: three or more numbers joined by commas are no decimals."""
    found = place.match(_LIST)
    first = amount_at(place.text, place.at, place.usage, place.last) if found else None
    if not found or (first is not None and not place.text.startswith(",", first.end)):
        return None
    unit = measure_at(place.text, found.end())
    if unit is None and place.text[found.end() : found.end() + 1].isalpha():
        return None
    values = [int(part) for part in found.group().split(",")]
    rises = all(above < below for above, below in pairwise(values))
    words = ", ".join(_counted(place, value) or numbers.cardinal(value, place.usage) for value in values)
    doubt = None if rises else doubts.LIST_OR_DECIMALS
    return _with_unit(place, Amount(found.end(), words, values[-1], fine=False, doubt=doubt), unit)


def at_least(place: Place) -> Said | None:
    """60+ tuổi: sixty and more; without the years it may be another sign."""
    number = amount_at(place.text, place.at, place.usage, place.last)
    plus = place.match(_PLUS, number.end) if number else None
    if number is None or plus is None:
        return None
    unit = measure_at(place.text, plus.end())
    counted = " tuổi" if plus.group(1) else f" {unit.spoken}" if unit else ""
    end = unit.end if unit else plus.end()
    if not counted and not place.counts_nothing(end):
        return Said(end, f"trên {number.spoken}", Kind.NUMBER, doubts.AT_LEAST)
    lead = "" if place.last in _AT_LEAST else "từ "
    doubt = number.doubt or (None if plus.group(1) else doubts.AT_LEAST)
    return Said(end, f"{lead}{number.spoken}{counted} trở lên", Kind.NUMBER, doubt)


def _runs_on(place: Place, end: int) -> bool:
    """Whether a capital follows at once: a code such as 5A."""
    return place.text[end : end + 1].isupper()


def signed(place: Place) -> Said | None:
    """A number below zero."""
    if not place.match(_SIGNED) or place.previous in _NO_MINUS or place.previous.isalpha():
        return None
    number = amount_at(place.text, place.at + 1, place.usage)
    if number is None:
        return None
    unit = measure_at(place.text, number.end)
    warm = unit is not None and unit.sign in DEGREES
    if place.heads_line and not warm:
        return None
    read = _with_unit(place, number, unit)
    return Said(read.end, f"âm {read.spoken}", read.kind, None if warm else doubts.MINUS_OR_DASH)


def currency_first(place: Place) -> Said | None:
    """$100: the currency is said after the amount, and after millions."""
    found = place.match(_CURRENCY)
    number = amount_at(place.text, found.end(), place.usage) if found else None
    if not found or number is None:
        return None
    scale = _SCALES.match(place.text, number.end)
    spoken = number.spoken + (scale.group() if scale else "")
    return Said(
        scale.end() if scale else number.end, f"{spoken} {_CURRENCIES[found.group(1)]}", Kind.MONEY, number.doubt
    )


def millions(place: Place) -> Said | None:
    """1tr5: one million five hundred thousand."""
    found = place.match(_MILLIONS)
    if not found:
        return None
    value = int(found.group(1)) * 1_000_000 + int(found.group(2).ljust(3, "0")) * 1_000
    return Said(found.end(), f"{numbers.cardinal(value, place.usage)} đồng", Kind.MONEY, doubts.THOUSAND_MONEY)


def tonnes(place: Place) -> Said | None:
    """3,5T: only behind a decimal, because 5T is a motto, too."""
    found = place.match(_TONNES)
    if not found:
        return None
    number = amount_at(place.text[: found.end() - 1], place.at, place.usage)
    return Said(found.end(), f"{number.spoken} tấn", Kind.UNIT) if number is not None else None


def metres(place: Place) -> Said | None:
    """1m50: one metre fifty."""
    found = place.match(_METRES)
    if not found:
        return None
    whole, tail = found.groups()
    below = numbers.digits(tail) if tail.startswith("0") else numbers.cardinal(int(tail), place.usage)
    return Said(found.end(), f"{numbers.cardinal(int(whole), place.usage)} mét {below}", Kind.UNIT)


def _single(place: Place, number: Amount) -> Said | None:
    unit = measure_at(place.text, number.end)
    if unit is not None and is_short_money(unit.sign) and number.value < _FEWEST_FOR_K and unit.sign == "k":
        unit = None
    read = _with_unit(place, number, unit)
    if unit is None and not number.fine and _runs_on(place, number.end):
        return None
    if unit is None and not number.fine:
        counted = _counted(place, number.value)
        return Said(number.end, counted or number.spoken, Kind.NUMBER, number.doubt, told=number.doubt is not None)
    return read


def _counted(place: Place, value: int) -> str | None:
    """How a number is said after a noun that numbers things in its own way."""
    if place.last == "tháng":
        return numbers.month(value, place.usage)
    if place.last == "thứ" or _WEEKDAYS.search(place.before[-20:]):
        return numbers.ordinal(value, place.usage)
    return None


def _with_unit(place: Place, number: Amount, unit: Measure | None) -> Said:
    if unit is None:
        return Said(number.end, number.spoken, Kind.NUMBER, number.doubt)
    spoken = unit.spoken.replace("nghìn", place.usage.thousand)
    doubt = number.doubt or (doubts.THOUSAND_MONEY if is_short_money(unit.sign) else None)
    return Said(unit.end, f"{number.spoken} {spoken}", unit.kind, doubt)


def _range(place: Place, first: Amount) -> Said | None:
    """Two numbers with a dash; the unit may stand after both."""
    early = measure_at(place.text, first.end)
    begin = early.end if early else first.end
    joint = _TO.match(place.text, begin)
    second = amount_at(place.text, joint.end(), place.usage, place.last) if joint else None
    if joint is None or second is None or _is_no_range(place.text, joint, second):
        return None
    late = measure_at(place.text, second.end)
    end = late.end if late else second.end
    unit_first = f" {early.spoken}" if early and late and early.sign == late.sign else ""
    if early and not late:
        return None
    above = f"{_in_words(place, first)}{unit_first}"
    below = _in_words(place, second) + (f" {late.spoken}" if late else "")
    doubt: Doubt | None = first.doubt or second.doubt
    if joint.group() == "-" and not late and not (first.fine or second.fine):
        doubt = doubt or (doubts.DAY_OR_RANGE if may_be_day(place, first.value, second.value, end) else None)
    if first.value >= second.value and not (first.fine or second.fine):
        return Said(end, f"{above}, {below}", Kind.RANGE, doubt or doubts.FALLING_RANGE)
    again = f"{place.last} " if place.last in REPEATED and not late else ""
    return Said(end, f"{above} đến {again}{below}", Kind.RANGE, doubt)


def _in_words(place: Place, number: Amount) -> str:
    return (not number.fine and _counted(place, number.value)) or number.spoken


def _is_no_range(text: str, joint: re.Match[str], second: Amount) -> bool:
    """Whether the dash parts two things: a telephone number or a word with digits follows."""
    rest = text[second.end : second.end + 1]
    return rest.isalpha() and measure_at(text, second.end) is None and bool(_SPACED.fullmatch(joint.group()))
