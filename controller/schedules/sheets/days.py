"""On which days, as people write it in a cell: weekdays, days of the lunar calendar, dates, in Vietnamese.

Rules: as `words`; one cell names days of one kind only, as a session has one rule; plain numbers are lunar days
only with the word âm; dates are day/month/year as in Vietnam, or year-month-day. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from controller.handwritten.days import EVERY_DAY, Weekday
from controller.schedules.sheets.words import Unclear, bare

MAX_DAYS = 1000
_NUMBERS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười")
_SEPARATORS = re.compile(r"[,;+&\n]| va ", re.ASCII)
_DATE = re.compile(
    r"(?:ngay )?(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\Z|(\d{4})-(\d{2})-(\d{2})(?:[t ]00:00:00)?\Z", re.ASCII
)
_RANGE = re.compile(r"(?:tu )?(.+?) ?(?:-| den ) ?(.+)\Z", re.ASCII)
_LUNAR_DAY = re.compile(
    r"(?:(?:ngay )?(?:mung|mong) (?P<first>\w+)|(?P<full>ngay ram|ram)|(?:ngay )?(?P<day>\d{1,2}))\Z", re.ASCII
)
_MONTH = re.compile(r" thang (?P<month>\w+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a session as fields of a programme; `weekdays` None and nothing else is every day."""

    weekdays: tuple[str, ...] | None = None
    lunar: dict[str, Any] | None = None
    dates: tuple[date, ...] = ()
    without: tuple[date, ...] = ()

    def told(self) -> dict[str, Any]:
        """As fields of a session."""
        given = {"weekdays": self.weekdays and list(self.weekdays), "lunar": self.lunar}
        texts = {"dates": self.dates, "except": self.without}
        return {key: value for key, value in given.items() if value} | {
            key: [day.isoformat() for day in days] for key, days in texts.items() if days
        }


def calendar_date(text: str) -> date:
    """`21/11/2026` or `2026-11-21`."""
    match = _DATE.match(bare(text))
    try:
        if match is not None:
            day, month, year = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
            return date(int(year), int(month), int(day))
    except ValueError:
        pass
    raise Unclear(
        "date_unclear",
        f"“{text}” không phải là ngày; viết ngày/tháng/năm có thật, ví dụ 21/11/2026",
        f"“{text}” is no date; write day/month/year that exists, such as 21/11/2026",
    )


def dates(text: str) -> tuple[date, ...]:
    """Dates and ranges of dates, apart by `;` or `,`, in order and each once."""
    found: set[date] = set()
    for part in _parts(text):
        found.update(_span(part))
        if len(found) > MAX_DAYS:
            raise Unclear("too_many_days", f"có hơn {MAX_DAYS} ngày", f"has more than {MAX_DAYS} days")
    return tuple(sorted(found))


def _span(part: str) -> Iterable[date]:
    if _DATE.match(part):
        return (calendar_date(part),)
    for match in re.finditer(r"-| den ", part):
        left, right = part[: match.start()].removeprefix("tu ").strip(), part[match.end() :].strip()
        if _DATE.match(left) and _DATE.match(right):
            first, last = calendar_date(left), calendar_date(right)
            if last < first:
                raise Unclear(
                    "days_reversed", f"“{part}”: ngày cuối đứng trước ngày đầu", f"“{part}”: the last day is first"
                )
            count = min((last - first).days, MAX_DAYS) + 1
            return (first + timedelta(days=index) for index in range(count))
    return (calendar_date(part),)


def days(text: str) -> Days:
    """`hằng ngày`, `T2-T6, CN`, `hằng ngày trừ CN`, `mùng 1, rằm`, `15 âm`, `21/11/2026; 22/11/2026`."""
    wanted, _, unwanted = bare(text).partition("tru ")
    found = _chosen(wanted.strip(" ,;"), text)
    if not unwanted:
        return found
    left_out = _chosen(unwanted, text)
    if left_out == Days() or left_out.lunar or (left_out.weekdays and (found.lunar or found.dates)):
        raise _unclear_days(text)
    kept = tuple(day for day in found.weekdays or EVERY_DAY if day not in (left_out.weekdays or ()))
    if not kept:
        raise _unclear_days(text)
    weekdays = tuple(map(str, kept)) if left_out.weekdays else found.weekdays
    return Days(weekdays, found.lunar, found.dates, left_out.dates)


def _chosen(written: str, text: str) -> Days:
    found = _Found()
    for part in _parts(written):
        if not _add(part, found):
            raise _unclear_days(part or text)
    if found.kinds() != 1:
        raise _unclear_days(text) if found.kinds() == 0 else _mixed(text)
    if found.weekdays:
        every = len(found.weekdays) == len(EVERY_DAY)
        return Days(None if every else tuple(str(day) for day in EVERY_DAY if day in found.weekdays))
    if found.dates:
        return Days(dates=tuple(sorted(found.dates)))
    return Days(lunar=found.lunar(text))


@dataclass(slots=True)
class _Found:
    """What the parts of a cell have named so far; `moons` are (lunar day or None for the last, month or None)."""

    weekdays: set[Weekday] = field(default_factory=set)
    dates: set[date] = field(default_factory=set)
    moons: set[tuple[int | None, int | None]] = field(default_factory=set)

    def kinds(self) -> int:
        return bool(self.weekdays) + bool(self.dates) + bool(self.moons)

    def lunar(self, text: str) -> dict[str, Any]:
        """Days × months; refused where they are no product, because one session has one rule."""
        numbers = {day for day, _ in self.moons}
        months = {month for _, month in self.moons}
        if len(self.moons) != len(numbers) * len(months) or (None in months and len(months) > 1):
            raise _mixed(text)
        told: dict[str, Any] = {"days": sorted(day for day in numbers if day is not None)}
        told |= {"months": sorted(month for month in months if month is not None), "last_day": None in numbers}
        return {name: value for name, value in told.items() if value}


def _add(part: str, found: _Found) -> bool:
    """Understand one part; False if it is no day."""
    if named := _WEEKDAYS.get(part):
        found.weekdays.update(named)
        return True
    if moon := _moon(part):
        found.moons.add(moon)
        return True
    if _DATE.match(part):
        found.dates.add(calendar_date(part))
        return True
    match = _RANGE.match(part)
    if match and match[1] in _WEEKDAYS and match[2] in _WEEKDAYS:
        return _add_range(_WEEKDAYS[match[1]], _WEEKDAYS[match[2]], found)
    try:
        found.dates.update(_span(part))
    except Unclear as error:
        if error.code == "days_reversed" or re.search(r"\d[/.-]\d", part):
            raise
        return False
    return True


def _add_range(first: tuple[Weekday, ...], last: tuple[Weekday, ...], found: _Found) -> bool:
    begin, end = EVERY_DAY.index(first[0]), EVERY_DAY.index(last[0])
    if len(first) > 1 or len(last) > 1 or end <= begin:
        return False
    found.weekdays.update(EVERY_DAY[begin : end + 1])
    return True


def _moon(part: str) -> tuple[int | None, int | None] | None:
    """A lunar day and its month; plain numbers only with the word âm."""
    lunar = re.search(r" am( lich)?\Z", part)
    written = part[: lunar.start()] if lunar else part
    written = written.removesuffix(" hang thang")
    if written in {"giao thua", "30 tet", "ba muoi tet"}:
        return None, 12
    month = None
    if match := _MONTH.search(written):
        month, written = _month(match["month"]), written[: match.start()]
        if month is None:
            return None
    if written in {"cuoi thang", "ngay cuoi thang"} and lunar:
        return None, month
    match = _LUNAR_DAY.match(written)
    if match is None or (match["day"] and not lunar):
        return None
    day = 15 if match["full"] else _number(match["first"] or match["day"])
    most = 10 if match["first"] else 30
    return (day, month) if day is not None and 1 <= day <= most else None


def _month(word: str) -> int | None:
    known = {"gieng": 1, "tu": 4, "chap": 12, "mot": 11}
    number = known.get(word, _number(word))
    return number if number is not None and 1 <= number <= 12 else None  # noqa: PLR2004 - months


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() else _WORDS.get(word)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(bare(text)) if part.strip()]


def _weekdays() -> dict[str, tuple[Weekday, ...]]:
    named = dict.fromkeys(("hang ngay", "moi ngay", "ca tuan", "tat ca cac ngay"), EVERY_DAY)
    named |= {"cuoi tuan": EVERY_DAY[5:], "ngay lam viec": EVERY_DAY[:5]}
    for word in ("cn", "chu nhat", "chua nhat", "ngay chu nhat"):
        named[word] = (Weekday.SUN,)
    for number, day in enumerate(EVERY_DAY[:6], 2):
        words = {_NUMBERS[number], str(number), *({"tư"} if number == 4 else ())}  # noqa: PLR2004 - thứ tư
        for word in words:
            named |= {f"thu {bare(word)}": (day,), f"ngay thu {bare(word)}": (day,)}
        named |= {f"t{number}": (day,), f"t {number}": (day,), f"thu{number}": (day,)}
    return named


_WORDS: Mapping[str, int] = {bare(word): number for number, word in enumerate(_NUMBERS)}
_WEEKDAYS: Mapping[str, tuple[Weekday, ...]] = _weekdays()


def _unclear_days(text: str) -> Unclear:
    return Unclear(
        "days_unclear",
        f"“{text}” không phải là ngày phát; viết hằng ngày, T2-T6, CN, mùng 1, rằm, 15 âm hoặc 21/11/2026",
        f"“{text}” names no days; write hằng ngày, T2-T6, CN, mùng 1, rằm, 15 âm or 21/11/2026",
    )


def _mixed(text: str) -> Unclear:
    return Unclear(
        "days_mixed",
        f"“{text}”: một buổi chỉ theo thứ trong tuần, ngày âm (cùng tháng) hoặc ngày dương; tách thành nhiều buổi",
        f"“{text}”: one session has weekdays, or lunar days of the same months, or dates; make several sessions",
    )
