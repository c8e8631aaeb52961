"""Digits that are no amount: accounts, plates, codes, scores, lists of sections."""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.amounts import amount_at
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.letters import spelled

_ACCOUNT: Final = re.compile(r"\d{1,40}(?:[ .-]\d{2,6}(?!\d)){0,6}")
_RUN: Final = re.compile(r"\d{1,20000}")
_SECTIONS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){2,5}(?![\d])(?:\.(?= ))?")
_HEADING: Final = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})(?:\.|\)|/)(?=[ ]+\S)")
_SCORE: Final = re.compile(r"(\d{1,2}) ?[-–] ?(\d{1,2})(?![\d/]|[.,]\d)")
_SCORED: Final = re.compile(
    r"\b(?:t[ỉỷ] số|thắng|thua|h[òo][aà]|dẫn)(?: (?:đậm|sít sao|chung cuộc|đội|là|với))?(?: (?:t[ỉỷ] số))? ?\Z"
)
_OUTCOMES: Final = frozenset({"thắng", "thua", "hòa", "hoà", "dẫn"})
_CHAIN: Final = re.compile(r"\d{1,4}(?:-\d{1,4}){2,6}(?![\w-])")
_PLATE: Final = re.compile(r"(\d{2}) ?-? ?([A-ZĐ]{1,2})(\d?)[ -]{1,2}(\d{3})\.?(\d{1,2})(?!\d)")
_KILOMETRE: Final = re.compile(r"(\d{1,4}) ?\+ ?(\d{1,3})(?!\d)")
_CODED: Final = re.compile(
    r"(?:mã|tài khoản|stk|cccd|cmnd|căn cước|mst|máy lẻ|lẻ|otp|sổ)(?: (?:số|là|khách hàng|hồ sơ|thuế|định danh))?:? ?\Z"
)
_COMMON: Final = 6
_SPACED: Final = re.compile(r"(?<!\d)(?<!\d[ .,])[1-9]\d{0,2}(?: \d{3}){2,5}(?! ?\d)(?![.,/:]\d)")


def coded(place: Place) -> Said | None:
    """Digits after a word that makes them a code."""
    found = place.match(_ACCOUNT)
    if not found or not _CODED.search(place.before[-40:]):
        return None
    groups = found.group().replace(".", " ").replace("-", " ").split()
    return Said(found.end(), ", ".join(map(numbers.in_groups, groups)), Kind.CODE)


def plate(place: Place) -> Said | None:
    """The plate of a car or a motorcycle."""
    found = place.match(_PLATE)
    if not found or not ({"biển", "bks", "bsx", "xe"} & set(place.near)):
        return None
    area, letters, series, front, back = found.groups()
    head = f"{numbers.digits(area)} {spelled(letters)}" + (f" {numbers.digits(series)}" if series else "")
    return Said(found.end(), f"{head}, {numbers.digits(front)}, {numbers.digits(back)}", Kind.CODE)


def kilometre_post(place: Place) -> Said | None:
    """Km 12+500."""
    found = place.match(_KILOMETRE)
    if not found or place.last not in {"km", "k", "lý", "trình", "mét"}:
        return None
    above, below = (numbers.cardinal(int(part), place.usage) for part in found.groups())
    return Said(found.end(), f"{above} cộng {below}", Kind.NUMBER)


def score(place: Place) -> Said | None:
    """tỷ số 2-1."""
    found = place.match(_SCORE)
    if not found or not (_SCORED.search(place.before[-40:]) or _ends_a_match(place, found)):
        return None
    above, below = (numbers.cardinal(int(part), place.usage) for part in found.groups())
    rest = ", " if place.last.isdigit() else ""
    return Said(found.end(), f"{rest}{above} {below}", Kind.NUMBER)


def _ends_a_match(place: Place, found: re.Match[str]) -> bool:
    """Whether two numbers that are no range follow a team that won, lost or drew."""
    return bool(_OUTCOMES & set(place.near)) and int(found.group(1)) >= int(found.group(2))


def heading(place: Place) -> Said | None:
    """1. 2) 3/ and 1.2. at the head of a line."""
    found = place.match(_HEADING) if place.heads_line else None
    if not found:
        return None
    parts = [numbers.cardinal(int(part), place.usage) for part in found.group(1).split(".")]
    return Said(found.end(), f"{' chấm '.join(parts)},", Kind.NUMBER, told=False)


def sections(place: Place) -> Said | None:
    """1.2.3: three or more numbers with dots that group no thousands."""
    found = place.match(_SECTIONS)
    if not found:
        return None
    parts = [numbers.cardinal(int(part), place.usage) for part in found.group().rstrip(".").split(".")]
    return Said(found.end(), " chấm ".join(parts) + ("," if found.group().endswith(".") else ""), Kind.NUMBER)


def chains(place: Place) -> Said | None:
    """16-16-8: three or more numbers with dashes are a list."""
    found = place.match(_CHAIN)
    if not found:
        return None
    parts = [numbers.cardinal(int(part), place.usage) for part in found.group().split("-")]
    doubt = doubts.DATE_OR_FRACTION if place.text[found.end() : found.end() + 1] == "/" else None
    return Said(found.end(), ", ".join(parts), Kind.NUMBER, doubt)


def spaced_groups(place: Place) -> Said | None:
    """912 345 678: groups that nothing makes one number."""
    found = place.match(_SPACED)
    number = amount_at(place.text, place.at, place.usage, place.last) if found else None
    if not found or (number is not None and number.end >= found.end()):
        return None
    return Said(found.end(), ", ".join(map(numbers.in_groups, found.group().split())), Kind.CODE, doubts.LONG_NUMBER)


def any_digits(place: Place) -> Said | None:
    """What nothing else has read: digit by digit."""
    found = place.match(_RUN)
    if not found:
        return None
    if len(found.group()) <= _COMMON and not found.group().startswith("0"):
        return Said(found.end(), numbers.cardinal(int(found.group()), place.usage), Kind.NUMBER, told=False)
    torn = place.previous in " '’" and place.text[max(0, place.at - 2) : max(0, place.at - 1)].isdigit()
    doubt = doubts.LONG_NUMBER if torn or len(found.group()) > _COMMON else None
    return Said(found.end(), numbers.in_groups(found.group()), Kind.CODE, doubt)
