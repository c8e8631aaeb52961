"""Roman numerals: báo động III, khóa XV, thế kỷ XXI, Quý II, II-III, chapters at the head of a line.

Only I, V and X, written as Romans did. One letter is a number only after a word that is numbered; two and more without
such a word are doubtful, and a word in a headline (NGUYỄN THỊ VI) is none.
"""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Doubt, Place, Said
from controller.speech.reading.rules.capitals import in_headline
from controller.speech.reading.spoken import Kind
from controller.speech.reading.syllables import is_syllable

_ROMAN: Final = r"(X{0,3}(?:IX|IV|V?I{0,3}))"
_ONE: Final = re.compile(rf"(?=[IVX]){_ROMAN}(?![^\W_])")
_TO: Final = re.compile(rf"( ?[-–—] ?)(?=[IVX]){_ROMAN}(?![^\W_])")
_LETTER: Final = re.compile(rf"(?=[IVX]){_ROMAN}([A-HĐ])(?![^\W_])")
_HEADING: Final = re.compile(r"(?:\.|\)|/)(?= ?[^\W_])|(?= ?[-–] )")
_YEAR: Final = re.compile(r" ?[/-] ?([12]\d{3})(?![\d-])")
_SECTION: Final = re.compile(r"\.\d")
_AMOUNT: Final = re.compile(r" \d")
_VALUES: Final = {"I": 1, "V": 5, "X": 10}
_NUMBERED_WORDS: Final = """
động kỷ khóa khoá kỳ quý lần thứ vùng hạng loại cấp bậc nhóm chương phần mục điều vực khu tập đoạn đợt hội học tổ
bước giải lục tuyến mức đội số lớp khối bđ trung đại phố kì cụm tầng tháng biểu mẫu cảng ca độ giai từ đến hay hoặc
khoản dãy bảng
"""
_NUMBERED: Final = frozenset(_NUMBERED_WORDS.split())
_LIST: Final = re.compile(r"\b(?:[ivx]{1,5}|động|quý|vực|vùng|loại|cấp|hạng) ?(?:,| và| hoặc| đến|-|–) ?\Z")
_FIRST: Final = frozenset({"thứ"})
_PRIZES: Final = frozenset({"giải", "lần"})


def roman(place: Place) -> Said | None:
    """A numeral, or a range of two."""
    found = place.match(_ONE)
    if not found or not found.group(1) or place.previous in "'’.":
        return None
    numeral, context = found.group(1), _is_numbered(place)
    heading = place.match(_HEADING, found.end()) if place.heads_line else None
    if heading is not None and not context:
        return Said(heading.end(), f"{numbers.cardinal(_value(numeral), place.usage)},", Kind.ROMAN, told=False)
    if not context and (len(numeral) == 1 or (is_syllable(numeral) and in_headline(place, found.end()))):
        return None
    doubt = None if context or not is_syllable(numeral) else doubts.ROMAN_OR_NAME
    return _range(place, found, context=context) or _with_year(place, found) or _alone(place, found, doubt)


def lettered(place: Place) -> Said | None:
    """Khu vực IIA, hạng IIIB."""
    found = place.match(_LETTER) if _is_numbered(place) else None
    if not found or not found.group(1):
        return None
    from_letter = found.start(2)
    return Said(from_letter, numbers.cardinal(_value(found.group(1)), place.usage), Kind.ROMAN)


def _with_year(place: Place, found: re.Match[str]) -> Said | None:
    """Quý II/2026."""
    year = place.match(_YEAR, found.end())
    if not year:
        return None
    words = f"{_words(place, found.group(1))} năm {numbers.cardinal(int(year.group(1)), place.usage)}"
    return Said(year.end(), words, Kind.ROMAN)


def _alone(place: Place, found: re.Match[str], doubt: Doubt | None) -> Said:
    """One numeral; a number right after it is kept apart by a rest (báo động III 0,5 m)."""
    if place.match(_SECTION, found.end()):
        return Said(found.end() + 1, f"{_words(place, found.group(1))} chấm", Kind.ROMAN, doubt)
    rest = "," if place.match(_AMOUNT, found.end()) else ""
    return Said(found.end(), _words(place, found.group(1)) + rest, Kind.ROMAN, doubt)


def _range(place: Place, found: re.Match[str], *, context: bool) -> Said | None:
    second = place.match(_TO, found.end())
    if not second or not second.group(2) or (not context and len(second.group(2)) == 1):
        return None
    above, below = _value(found.group(1)), _value(second.group(2))
    words, last = _words(place, found.group(1)), place.last
    if above >= below:
        return Said(second.end(), f"{words}, {numbers.cardinal(below, place.usage)}", Kind.ROMAN, doubts.FALLING_RANGE)
    again = {"động": "báo động ", "cấp": "cấp ", "quý": "quý ", "vùng": "vùng ", "loại": "loại ", "thứ": "thứ "}.get(
        last, ""
    )
    return Said(second.end(), f"{words} đến {again}{numbers.cardinal(below, place.usage)}", Kind.ROMAN)


def _is_numbered(place: Place) -> bool:
    """Whether the word before is one that is numbered, or another numeral of a list stands before."""
    if place.last in _NUMBERED:
        return True
    return _LIST.search(place.before[-20:]) is not None


def _words(place: Place, numeral: str) -> str:
    value = _value(numeral)
    if place.last in _FIRST:
        return numbers.ordinal(value, place.usage)
    if place.last in _PRIZES and value == 1:
        return "thứ nhất" if place.last == "lần" else "nhất"
    return numbers.cardinal(value, place.usage)


def _value(numeral: str) -> int:
    total = 0
    for sign, after in zip(numeral, [*numeral[1:], None], strict=True):
        value = _VALUES[sign]
        total += -value if after is not None and _VALUES[after] > value else value
    return total
