"""A number as people write it: 1.500.000, 3,5, 05, 0,25. Pure.

Dots, or single spaces, group thousands and a comma begins decimals, but not among three or more numbers (6,7,8); where
somebody wrote it the English way the officer is told.
"""

import re
from dataclasses import dataclass
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.measures import measure_at
from controller.speech.reading.place import Doubt
from controller.speech.reading.usage import Usage
from controller.speech.reading.vocabulary.units import COUNTED, MONEY

_GROUPED: Final = re.compile(r"([1-9]\d{0,2}(?:\.\d{3}){1,5})(?![\d])(?!\.\d)(?:,(\d{1,6})(?![\d,]))?")
_ENGLISH: Final = re.compile(r"([1-9]\d{0,2}(?:,\d{3}){2,5})(?!\d)(?!,\d)(?:\.(\d{1,6})(?!\d))?")
_SPACED: Final = re.compile(
    r"(?<!\d)(?<!\d[ .,])([1-9]\d{0,2}(?: \d{3}){1,5})(?! ?\d)(?![./:]\d)(?:,(\d{1,2})(?![\d,]))?"
)
_GOES_ON: Final = re.compile(r" ?(?:đến|tới|và|-|–) ?\d{1,3}(?: \d{3})+(?!\d)| (?:triệu|nghìn|ngàn|tỷ|tỉ)(?![^\W_])")
_COMMA: Final = re.compile(r"(?<!\d,)(\d{1,15}),(\d{1,6})(?!\d)(?!,\d)")
_POINT: Final = re.compile(r"(\d{1,15})\.(\d{1,6})(?!\d)(?![.,/]\d)")
_PLAIN: Final = re.compile(r"\d{1,18}(?!\d)")
_NEXT: Final = re.compile(r" ?([^\W\d_]{1,10}|[$€])")
_GRADES_WORDS: Final = """
tháng cấp thôn tổ thứ lớp khối mức mùng mồng mũi đợt xóm ấp đội nhóm vòng điều khoản
"""
_GRADES: Final = frozenset(_GRADES_WORDS.split())
_LABELLED: Final = _GRADES - {"mức", "cấp"} | {"ngày", "năm", "quý", "số", "khu", "km", "phường", "quận"}
"""Nouns whose own number may stand right before another one: tháng 9 500 kg."""
_THOUSANDS: Final = 3
_MOST_LABELS: Final = 31
_LONG: Final = 10
_SECTIONS: Final = frozenset({"mục", "điều", "khoản", "chương", "bài", "phiên", "bản", "tiểu", "phần", "điểm"})


@dataclass(frozen=True, slots=True)
class Amount:
    """A number read up to `end`; `value` is its whole part, `fine` whether decimals follow."""

    end: int
    spoken: str
    value: int
    fine: bool
    doubt: Doubt | None = None


def amount_at(text: str, at: int, usage: Usage, last: str = "") -> Amount | None:
    """The number that begins at `at`; `last` is the word before it. None where digits are no number."""
    return (
        _grouped(text, at, usage)
        or _spaced(text, at, usage, last)
        or _with_comma(text, at, usage, last)
        or _with_point(text, at, usage, last)
        or _plain(text, at, usage)
    )


def _grouped(text: str, at: int, usage: Usage) -> Amount | None:
    for pattern, sign, doubt in ((_GROUPED, ".", None), (_ENGLISH, ",", doubts.ENGLISH_GROUPS)):
        found = pattern.match(text, at)
        if found:
            return _amount(found.end(), int(found.group(1).replace(sign, "")), found.group(2), usage, doubt)
    return None


def _spaced(text: str, at: int, usage: Usage, last: str) -> Amount | None:
    """1 500 000 đồng: what follows must say that it is one number, or noughts at its end make it likely."""
    found = _SPACED.match(text, at)
    if not found:
        return None
    end, groups = found.end(), found.group(1).split(" ")
    counted = measure_at(text, end) is not None or _counts(text, end) or _GOES_ON.match(text, end) is not None
    if not counted and groups[-1] != "000":
        return None
    labelled = last in _LABELLED and int(groups[0]) <= _MOST_LABELS and not groups[1].startswith("0")
    doubt = None if counted and not labelled else doubts.SPACED_GROUPS
    if labelled and len(groups) == 2:  # noqa: PLR2004
        return _amount(at + len(groups[0]), int(groups[0]), None, usage, doubt)
    return _amount(end, int("".join(groups)), found.group(2), usage, doubt)


def _amount(end: int, value: int, tail: str | None, usage: Usage, doubt: Doubt | None) -> Amount:
    spoken = numbers.decimal(value, tail, usage) if tail else numbers.cardinal(value, usage)
    return Amount(end, spoken, value, fine=tail is not None, doubt=doubt)


def _with_comma(text: str, at: int, usage: Usage, last: str) -> Amount | None:
    found = _COMMA.match(text, at)
    if not found or _leads_with_zero(found.group(1)):
        return None
    whole, tail = found.groups()
    follows = last in _GRADES and len(tail) <= len("12") and int(tail) == int(whole) + 1
    if follows and measure_at(text, found.end()) is None and _GOES_ON.match(text, found.end()) is None:
        return None
    if len(tail) != _THOUSANDS or whole == "0" or len(whole) > _THOUSANDS:
        return _amount(found.end(), int(whole), tail, usage, None)
    if tail.endswith("0") or _counts(text, found.end()):
        return _amount(found.end(), int(whole + tail), None, usage, doubts.THOUSANDS_OR_DECIMAL)
    return _amount(found.end(), int(whole), tail, usage, doubts.THOUSANDS_OR_DECIMAL)


def _counts(text: str, at: int) -> bool:
    """Whether people, things or money follow, which come in whole numbers."""
    found = _NEXT.match(text, at)
    return found is not None and (
        found.group(1) in COUNTED - {"km", "ha", "tấn", "tạ", "lít", "mét"} or found.group(1) in MONEY
    )


def _with_point(text: str, at: int, usage: Usage, last: str) -> Amount | None:
    found = _POINT.match(text, at)
    if not found or _leads_with_zero(found.group(1)):
        return None
    whole, tail = found.groups()
    if last in _SECTIONS:
        spoken = f"{numbers.cardinal(int(whole), usage)} chấm {numbers.cardinal(int(tail), usage)}"
        return Amount(found.end(), spoken, int(whole), fine=True)
    return _amount(found.end(), int(whole), tail, usage, doubts.ENGLISH_POINT)


def _plain(text: str, at: int, usage: Usage) -> Amount | None:
    found = _PLAIN.match(text, at)
    if not found:
        return None
    written = found.group()
    if (len(written) > len("05") and written.startswith("0")) or (
        len(written) >= _LONG and not _counts(text, found.end())
    ):
        return None
    return Amount(found.end(), numbers.cardinal(int(written), usage), int(written), fine=False)


def _leads_with_zero(whole: str) -> bool:
    return len(whole) > 1 and whole.startswith("0")
