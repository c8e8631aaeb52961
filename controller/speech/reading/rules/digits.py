"""Digits that are no amount: telephone numbers, accounts, plates, codes, scores, lists of sections."""

import re
from itertools import pairwise
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.letters import spelled

_NO_MORE: Final = r"(?![^\W_])(?![.,/:-]\d)"
_ABROAD: Final = re.compile(rf"\+?\(?\+?84\)?[ .-]?(\d{{1,4}}(?:[ .-]?\d{{2,4}}){{2,4}}){_NO_MORE}")
_LOCAL: Final = re.compile(rf"\(?0\d{{1,10}}\)?(?:[ .-]{{1,3}}\d{{2,4}}){{0,4}}{_NO_MORE}")
_BRACKETED: Final = re.compile(rf"\(0\d{{1,4}}\)[ .-]?\d{{3,4}}(?:[ .-]?\d{{3,4}}){{1,2}}{_NO_MORE}")
_SERVICE: Final = re.compile(rf"1[89]00(?:[ .-]?\d{{2,4}}){{1,3}}{_NO_MORE}")
_SHORT: Final = re.compile(r"(?:11[1-9]|10[0-9]{2}|1414|5656|8889|9222)(?![^\W_])(?![.,/:-]\d)")
_CALLING: Final = frozenset(
    {
        "gọi",
        "tổng",
        "đài",
        "nóng",
        "hotline",
        "thoại",
        "liên",
        "lạc",
        "hệ",
        "máy",
        "sđt",
        "đt",
        "zalo",
        "nhắn",
        "tin",
        "báo",
        "cấp",
        "cứu",
        "đầu",
    }
)
_NUMBERED: Final = frozenset(
    {
        "số",
        "gọi",
        "tổng",
        "đài",
        "hotline",
        "nóng",
        "thoại",
        "máy",
        "hoặc",
        "và",
        "cứu",
        "đt",
        "sđt",
        "gửi",
        "ngay",
        "tới",
        "đến",
        "qua",
    }
)
_DIGITS: Final = re.compile(r"\d+")
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
_MOBILE: Final = 10
_WITHOUT_ZERO: Final = 9
_LENGTHS: Final = (10, 11)
_CAPITALS: Final = ("024", "028")
_COMMON: Final = 6


def telephone(place: Place) -> Said | None:
    """A telephone number, in the groups it is written in."""
    abroad = place.match(_ABROAD)
    if abroad and (place.text[place.at] in "+(" or len(_only_digits(abroad.group(1))) >= _WITHOUT_ZERO):
        rest = abroad.group(1)
        if len(_only_digits(rest)) in (_WITHOUT_ZERO, _MOBILE):
            return Said(abroad.end(), f"cộng tám bốn, {_grouped(rest)}", Kind.PHONE)
    for pattern in (_SERVICE, _BRACKETED, _LOCAL):
        found = place.match(pattern)
        if found and _is_number(found.group(), service=pattern is _SERVICE):
            return Said(found.end(), _grouped(found.group()), Kind.PHONE)
    return _short(place)


def coded(place: Place) -> Said | None:
    """Digits after a word that makes them a code."""
    found = place.match(_RUN)
    if found and _CODED.search(place.before[-40:]):
        return Said(found.end(), numbers.in_groups(found.group()), Kind.CODE)
    return None


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
    return Said(found.end(), ", ".join(parts), Kind.NUMBER)


def any_digits(place: Place) -> Said | None:
    """What nothing else has read: digit by digit."""
    found = place.match(_RUN)
    if not found:
        return None
    if len(found.group()) <= _COMMON and not found.group().startswith("0"):
        return Said(found.end(), numbers.cardinal(int(found.group()), place.usage), Kind.NUMBER, told=False)
    doubt = doubts.LONG_NUMBER if len(found.group()) > _COMMON else None
    return Said(found.end(), numbers.in_groups(found.group()), Kind.CODE, doubt)


def _short(place: Place) -> Said | None:
    """113, 114, 1022: where somebody is to call."""
    found = place.match(_SHORT)
    if not found or not _CALLING & set(place.near):
        return None
    if place.last not in _NUMBERED and not _SHORT.fullmatch(place.near[-1]):
        return None
    return Said(found.end(), numbers.digits(found.group()), Kind.PHONE)


def _is_number(written: str, *, service: bool) -> bool:
    count = len(_only_digits(written))
    return count in (8, 10) if service else count in _LENGTHS


def _only_digits(written: str) -> str:
    return "".join(_DIGITS.findall(written))


def _grouped(written: str) -> str:
    """In the groups written; a number in one piece as people say it."""
    groups: list[str] = _DIGITS.findall(written)
    if len(groups) == 1:
        groups = _usual_groups(groups[0])
    return ", ".join(map(numbers.digits, (part for group in groups for part in _breath(group))))


def _breath(group: str) -> list[str]:
    """A long group in parts that can be said at once."""
    return [group] if len(group) <= 5 else _usual_groups(group)  # noqa: PLR2004


def _usual_groups(number: str) -> list[str]:
    """0912 345 678, 024 3825 1234, 0214 382 1234, 1900 1234."""
    if number.startswith("1"):
        cuts = [4, 8]
    elif len(number) == _MOBILE:
        cuts = [4, 7]
    elif len(number) == _WITHOUT_ZERO:
        cuts = [3, 6]
    elif number.startswith(_CAPITALS):
        cuts = [3, 7]
    else:
        cuts = {8: [4], 7: [3]}.get(len(number), [4, 7])
    edges = [0, *(cut for cut in cuts if cut < len(number)), len(number)]
    return [number[a:b] for a, b in pairwise(edges)]
