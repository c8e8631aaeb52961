"""Telephone numbers, digit by digit in the groups they are written in; emergency numbers where somebody is to call."""

import re
from itertools import pairwise
from typing import Final

from controller.speech.reading import numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind

_ABROAD: Final = re.compile(r"(?:\+|\(\+)84\)?(?=[ .-]?\d)")
_BEGINS: Final = re.compile(r"\(?(?=0\d|1[89]00)")
_GROUP: Final = re.compile(r"(?:[ .-]|\) ?)?(\d{1,15})")
_ENDS: Final = re.compile(r"(?![^\W_])(?![.,/:-]\d)|(?=[.-]\d)")
_SHORT: Final = re.compile(r"(?:11[1-9]|10[0-9]{2}|1414|5656|8889|9222)(?![^\W_])(?![.,/:-]\d)")
_CALLING_WORDS: Final = """
gọi tổng đài nóng hotline thoại liên lạc hệ máy sđt đt zalo nhắn tin báo cấp cứu đầu
"""
_CALLING: Final = frozenset(_CALLING_WORDS.split())
_NUMBERED_WORDS: Final = """
số gọi tổng đài hotline nóng thoại máy hoặc và cứu đt sđt gửi ngay tới đến qua
"""
_NUMBERED: Final = frozenset(_NUMBERED_WORDS.split())
_CALLED: Final = re.compile(
    r"(?<![^\W_])(?:gọi(?: (?:ngay|điện|số|đến|tới|về)){0,2}|đường dây nóng|tổng đài|hotline|điện thoại|sđt|số máy|"
    r"liên (?:hệ|lạc)(?: ngay)?|cấp cứu|cứu (?:hỏa|hoả|thương|nạn|hộ)|chữa cháy|báo cháy|pccc|công an|cảnh sát|"
    r"trẻ em|khẩn cấp)(?: số)?(?: | ?[:(–-] ?)\Z"
)
_DATE: Final = re.compile(r"\d{1,2}([.-])\d{1,2}\1(?:19|20)\d{2}(?!\d)")
_MOST_GROUPS: Final = 6
_ALONE: Final = 5
_LENGTHS: Final = {"02": (11, 10), "18": (8, 10), "19": (8, 10), "+": (9, 10)}
"""Digits by how a number begins, the likelier first; every other one has ten."""
_USUAL: Final = (10,)
_CAPITALS: Final = ("024", "028")


def telephone(place: Place) -> Said | None:
    """A telephone number, or a short one."""
    abroad = place.match(_ABROAD)
    if abroad:
        groups, end = _groups(place.text, abroad.end(), _LENGTHS["+"])
        return Said(end, f"cộng tám bốn, {_said(groups)}", Kind.PHONE) if groups else None
    begins = None if place.match(_DATE) else place.match(_BEGINS)
    if begins:
        lengths = _LENGTHS.get(place.text[begins.end() : begins.end() + 2], _USUAL)
        groups, end = _groups(place.text, begins.end(), lengths)
        return Said(end, _said(groups), Kind.PHONE) if groups else None
    return _short(place)


def _groups(text: str, at: int, lengths: tuple[int, ...]) -> tuple[list[str], int]:
    """The groups of digits from `at` that together have one of `lengths`, and where they end; none if they have not."""
    found: dict[int, tuple[list[str], int]] = {}
    groups: list[str] = []
    while len(groups) < _MOST_GROUPS and (group := _GROUP.match(text, at)) is not None:
        groups = [*groups, group.group(1)]
        at = group.end()
        ends = _ENDS.match(text, at)
        if ends:
            found[sum(map(len, groups))] = (groups, at)
    return next((found[length] for length in lengths if length in found), ([], at))


def _short(place: Place) -> Said | None:
    """113, 114, 1022."""
    found = place.match(_SHORT)
    if not found or not (_is_called(place) or (_CALLED.search(place.before) and place.counts_nothing(found.end()))):
        return None
    return Said(found.end(), numbers.digits(found.group()), Kind.PHONE)


def _is_called(place: Place) -> bool:
    """Whether somebody is to call, and the word before is one for numbers, or another such number stands there."""
    if not _CALLING & set(place.near):
        return False
    return place.last in _NUMBERED or _SHORT.fullmatch(place.near[-1]) is not None


def _said(groups: list[str]) -> str:
    """In the groups written, a number in one piece as people say it, a lone digit with the group before it."""
    parts = [part for group in groups for part in (_usual(group) if len(group) > _ALONE else [group])]
    joined: list[str] = []
    for part in parts:
        if joined and len(part) == 1 and len(joined[-1]) <= _ALONE:
            joined[-1] += part
        else:
            joined.append(part)
    return ", ".join(map(numbers.digits, joined))


def _usual(number: str) -> list[str]:
    """0912 345 678, 024 3825 1234, 0214 382 1234, 1900 1234."""
    by_length = {7: [3], 8: [4], 9: [3, 6]}
    cuts = [3, 7] if number.startswith(_CAPITALS) and len(number) > 10 else by_length.get(len(number), [4, 7])  # noqa: PLR2004
    edges = [0, *(cut for cut in cuts if cut < len(number)), len(number)]
    return [number[a:b] for a, b in pairwise(edges)]
