"""Days of the solar calendar: 2/9, 02/09/2025, 3-5/10, 9/2025, 2025-2030, thứ 2.

"ngày" is said before a date that follows neither "ngày" nor another word for days. 1–10 are not said with "mùng",
which listeners take for the lunar calendar.
"""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.days import DAYS_WORDS, day_month, doubt_of, full_year, is_date_like, stands_by_weekday
from controller.speech.reading.place import Doubt, Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.units import COUNTED

_END: Final = r"(?![^\W_])(?![/-]\d)"
_D: Final = r"(\d{1,2})"
_TO: Final = r" ?[-–—] ?"
_FULL: Final = re.compile(rf"{_D}([/.-]){_D}\2(\d{{4}}|\d{{2}}){_END}(?!\.\d)")
_ISO: Final = re.compile(rf"(\d{{4}})-(\d{{2}})-(\d{{2}}){_END}")
_SHORT: Final = re.compile(rf"{_D}/{_D}{_END}")
_DOTTED: Final = re.compile(rf"{_D}[.-]{_D}{_END}(?!\.\d)")
_MONTH_YEAR: Final = re.compile(rf"{_D}[/-](\d{{4}}){_END}")
_FULL_TO_FULL: Final = re.compile(rf"{_D}/{_D}(?:/(\d{{4}}))?{_TO}{_D}/{_D}(?:/(\d{{4}}))?{_END}")
_DAY_TO_FULL: Final = re.compile(rf"{_D}{_TO}{_D}[/.]{_D}(?:[/.](\d{{4}}))?{_END}")
_MONTHS_TO: Final = re.compile(rf"{_D}/(\d{{4}}){_TO}{_D}/(\d{{4}}){_END}")
_YEARS: Final = re.compile(rf"([12]\d{{3}}){_TO}([12]\d{{3}}){_END}")
_AFTER: Final = re.compile(r" ([^\W\d_]{1,12})")
_DATED: Final = frozenset(
    {
        "ngày",
        "mùng",
        "mồng",
        "hôm",
        "lễ",
        "khánh",
        "sáng",
        "trưa",
        "chiều",
        "tối",
        "đêm",
        "từ",
        "đến",
        "hết",
        "trước",
        "sau",
        "dịp",
    }
    | {
        "nay",
        "mai",
        "hai",
        "ba",
        "tư",
        "sáu",
        "bảy",
        "nhật",
        "vào",
        "cn",
        "kể",
        "tới",
        "mừng",
        "niệm",
        "rạng",
        "khuya",
        "qua",
    }
)
_FRACTIONAL: Final = frozenset(
    {
        "hơn",
        "gần",
        "khoảng",
        "chiếm",
        "đạt",
        "giảm",
        "tăng",
        "bằng",
        "còn",
        "được",
        "tỷ",
        "tỉ",
        "lệ",
        "có",
        "trên",
        "quá",
        "phần",
    }
    | {"nhà", "ngõ", "hẻm", "kiệt", "ngách", "nửa", "số", "thửa", "đường", "mất", "cắt", "bớt", "ít", "nhất"}
)
_WHOLES: Final = frozenset(
    {
        "số",
        "dân",
        "diện",
        "tổng",
        "chặng",
        "quãng",
        "chiều",
        "lượng",
        "thời",
        "nhiệm",
        "sản",
        "cân",
        "dung",
        "thế",
        "muỗng",
        "mức",
        "chi",
        "giá",
        "kinh",
        "tiền",
        "vốn",
        "chỉ",
        "nồng",
        "thìa",
    }
)
_HOLIDAYS: Final = frozenset(
    {
        (2, 9),
        (30, 4),
        (1, 5),
        (8, 3),
        (20, 11),
        (27, 7),
        (22, 12),
        (26, 3),
        (3, 2),
        (19, 5),
        (20, 10),
        (1, 6),
        (1, 10),
        (19, 8),
        (7, 5),
    }
    | {(10, 10), (27, 2), (28, 6), (18, 11), (9, 1), (13, 10), (15, 5), (28, 7), (21, 6), (9, 11), (1, 12)}
)
_SIMPLE: Final = frozenset({(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (1, 10)})
_PAIR: Final = ((30, 4), (1, 5))
_TODAY: Final = frozenset({"nay", "mai", "qua", "kia"})
_SCHOOL: Final = frozenset({"học", "khóa", "giải"})


def dates(place: Place) -> Said | None:
    """Whatever is a date, the longest form first."""
    for rule in (_from_to, _days_to, _months_to, _years, _full, _iso, _month_year, _short, _dotted):
        said = rule(place)
        if said is not None:
            return said
    return None


def is_fraction(place: Place, end: int) -> bool:
    """Whether the words around say that d/m up to `end` counts parts."""
    after = _AFTER.match(place.text, end)
    follows = after.group(1).lower() if after else ""
    if place.last in _DATED:
        return False
    return place.last in _FRACTIONAL or follows in COUNTED or follows in _WHOLES


def counts_things(place: Place, end: int) -> bool:
    """Whether what follows a/b is counted one by one: so many of so many villages."""
    after = _AFTER.match(place.text, end)
    return after is not None and after.group(1).lower() in COUNTED - _WHOLES


def _said(place: Place, end: int, words: str, doubt: Doubt | None, kind: Kind = Kind.DATE) -> Said:
    lead = "" if place.last in DAYS_WORDS else "ngày "
    return Said(end, lead + words, kind, doubt)


def _year_words(place: Place, year: int) -> str:
    return f" năm {numbers.cardinal(year, place.usage)}"


def _date(place: Place, day: str, month: str, year: str | None) -> str:
    words = day_month(int(day), int(month), place.usage)
    return words + (_year_words(place, int(year)) if year else "")


def _full(place: Place) -> Said | None:
    found = place.match(_FULL)
    if not found:
        return None
    day, _, month, year = found.groups()
    if not is_date_like(int(day), int(month)):
        return _american(place, found) if is_date_like(int(month), int(day)) and len(year) > 2 else None  # noqa: PLR2004
    if found.group(2) != "/" and len(year) == 2:  # noqa: PLR2004
        return None
    meant = full_year(year, place.manner.today)
    doubt = doubt_of(place, int(day), int(month), meant) or (doubts.SHORT_YEAR if len(year) == 2 else None)  # noqa: PLR2004
    return _said(place, found.end(), _date(place, day, month, str(meant)), doubt)


def _american(place: Place, found: re.Match[str]) -> Said:
    """The month first: read as it is meant, and told."""
    return _said(place, found.end(), _date(place, found.group(3), found.group(1), found.group(4)), doubts.MONTH_FIRST)


def _iso(place: Place) -> Said | None:
    found = place.match(_ISO)
    if not found or not is_date_like(int(found.group(3)), int(found.group(2))):
        return None
    year, month, day = found.groups()
    return _said(place, found.end(), _date(place, day, month, year), doubt_of(place, int(day), int(month), int(year)))


def _month_year(place: Place) -> Said | None:
    found = place.match(_MONTH_YEAR)
    if not found or not is_date_like(1, int(found.group(1))):
        return None
    lead = "" if place.last in {"tháng", "quý"} else "tháng "
    words = f"{lead}{numbers.month(int(found.group(1)), place.usage)}{_year_words(place, int(found.group(2)))}"
    return Said(found.end(), words, Kind.DATE)


def _short(place: Place) -> Said | None:
    found = place.match(_SHORT)
    if not found:
        return None
    day, month = int(found.group(1)), int(found.group(2))
    if not is_date_like(day, month) or is_fraction(place, found.end()):
        return None
    sure = (
        place.last in _DATED
        or (day, month) in _HOLIDAYS - {(1, 5), (1, 10)}
        or "ngày" in place.near
        or stands_by_weekday(place)
        or bool(_TODAY & set(place.near[-1:]))
    )
    if not sure and (day, month) in _SIMPLE:
        return None
    doubt = doubt_of(place, day, month, None) or (None if sure else doubts.DATE_OR_FRACTION)
    return _said(place, found.end(), day_month(day, month, place.usage), doubt)


def _dotted(place: Place) -> Said | None:
    """30.4 and 30-4 are dates only after a word for days."""
    found = place.match(_DOTTED) if place.last in {"ngày", "lễ", "dịp"} else None
    if not found or not is_date_like(int(found.group(1)), int(found.group(2))):
        return None
    if "-" in found.group() and int(found.group(1)) < int(found.group(2)):
        return None
    day, month = int(found.group(1)), int(found.group(2))
    return _said(place, found.end(), day_month(day, month, place.usage), doubt_of(place, day, month, None))


def _from_to(place: Place) -> Said | None:
    """28/9 - 3/10/2025."""
    found = place.match(_FULL_TO_FULL)
    if not found:
        return None
    day, month, year, day2, month2, year2 = found.groups()
    first, second = (int(day), int(month)), (int(day2), int(month2))
    if not (is_date_like(*first) and is_date_like(*second)):
        return None
    doubt = doubt_of(place, *first, int(year) if year else None) or doubt_of(
        place, *second, int(year2) if year2 else None
    )
    if (first, second) == _PAIR and not year and place.last != "từ":
        return _said(
            place, found.end(), f"{_date(place, day, month, None)} và ngày {_date(place, day2, month2, year2)}", doubt
        )
    return _said(
        place, found.end(), f"{_date(place, day, month, year)} đến ngày {_date(place, day2, month2, year2)}", doubt
    )


def _days_to(place: Place) -> Said | None:
    """3-5/10/2025."""
    found = place.match(_DAY_TO_FULL)
    if not found:
        return None
    first, day, month, year = found.groups()
    if not (is_date_like(int(day), int(month)) and 1 <= int(first) < int(day)):
        return None
    if "." in found.group() and place.last != "ngày":
        return None
    doubt = doubt_of(place, int(day), int(month), int(year) if year else None)
    words = f"{numbers.cardinal(int(first), place.usage)} đến ngày {_date(place, day, month, year)}"
    return _said(place, found.end(), words, doubt)


def _months_to(place: Place) -> Said | None:
    """9/2025 - 3/2026."""
    found = place.match(_MONTHS_TO)
    if not found or not (is_date_like(1, int(found.group(1))) and is_date_like(1, int(found.group(3)))):
        return None
    month, year, month2, year2 = map(int, found.groups())
    lead = "" if place.last == "tháng" else "tháng "
    words = f"{lead}{numbers.month(month, place.usage)}{_year_words(place, year)}"
    return Said(
        found.end(), f"{words} đến tháng {numbers.month(month2, place.usage)}{_year_words(place, year2)}", Kind.DATE
    )


def _years(place: Place) -> Said | None:
    """2025-2030: a school year is said without "đến"."""
    found = place.match(_YEARS)
    if not found or int(found.group(1)) >= int(found.group(2)):
        return None
    first, second = (numbers.cardinal(int(year), place.usage) for year in found.groups())
    return Said(found.end(), f"{first}, {second}" if place.last in _SCHOOL else f"{first} đến {second}", Kind.DATE)
