"""2-9 and 30-4: days after a word for days or the name of their feast; elsewhere ranges.

Where the first number is the smaller it may be a range after "ngày", too, and elsewhere a feast (2-9): both are told.
"""

import re
from typing import Final

from controller.speech.reading import doubts
from controller.speech.reading.days import day_month, doubt_of, is_date_like
from controller.speech.reading.measures import measure_at
from controller.speech.reading.place import Place, Said
from controller.speech.reading.rules.date_context import HOLIDAYS
from controller.speech.reading.rules.dates import END, said_date
from controller.speech.reading.vocabulary.units import COUNTED

_DASHED: Final = re.compile(rf"(\d{{1,2}})-(\d{{1,2}}){END}(?![.,]\d)")
_OF_MONTH: Final = re.compile(r" (?:(?:hằng|hàng|mỗi|của|trong) )?tháng(?![^\W_])")
_NEXT: Final = re.compile(r" ([^\W\d_]{1,12})(?: \d)?")
_BESIDE_BEFORE: Final = re.compile(
    r"(?:ngày|lễ|dịp) \d{1,2}-\d{1,2}(?:,| và| hoặc| đến| đến hết| tới| [–-]) ?(?:ngày )?\Z"
)
_BESIDE_AFTER: Final = re.compile(r" (?:đến|tới)(?: hết)?(?: ngày)? \d{1,2}-\d{1,2}(?!\d)")
_WEEKDAY: Final = re.compile(r"(?:thứ (?:hai|ba|tư|năm|sáu|bảy)|chủ nhật)[ ,(]{1,2}\Z")
_DAYS: Final = frozenset({"ngày", "lễ", "dịp"})
_PARTS_OF_DAY: Final = frozenset({"sáng", "trưa", "chiều", "tối", "đêm", "hôm", "rạng"})
_PER_DAY: Final = frozenset({"mỗi", "một", "hằng", "hàng"})
_SEVERAL: Final = frozenset({"các", "những"})
_DOSES_WORDS: Final = """
lần viên bữa gói cữ ống giọt thìa muỗng buổi lượt ca vòng chuyến liều tiếng ly cốc bát chai ngày đêm tuần tháng tuổi
tiết hôm trăm nghìn ngàn triệu tỷ tỉ độ
"""
_DOSES: Final = frozenset(_DOSES_WORDS.split())
_ACTORS_WORDS: Final = "xã phường thôn bản ấp làng khu huyện tỉnh trường trạm đoàn hội đảng công cán nhà"
_ACTORS: Final = frozenset(_ACTORS_WORDS.split())
"""What is counted, but begins a clause as often: ngày 2-9 xã tổ chức …"""
_FEAST: Final = frozenset({"lễ", "dịp", "khánh", "niệm", "mừng", "nghỉ", "nhân"})
_NAMES: Final[dict[tuple[int, int], frozenset[str]]] = {
    day: frozenset(words.split())
    for day, words in {
        (2, 9): "khánh", (30, 4): "nam phóng nước", (1, 5): "động", (8, 3): "nữ", (20, 10): "nữ nam",
        (20, 11): "giáo nam", (27, 7): "binh sĩ", (22, 12): "nam đội dân", (26, 3): "đoàn", (3, 2): "đảng",
        (1, 6): "nhi", (27, 2): "thuốc nam", (28, 6): "đình nam", (21, 6): "chí nam", (9, 11): "luật",
        (18, 11): "trận kết", (19, 8): "tám dân", (13, 10): "nhân", (1, 10): "tuổi", (9, 1): "viên", (10, 10): "số đô",
    }.items()
}  # fmt: skip
_NUMBERED_WORDS: Final = """
cấp thứ tháng quý mức loại hạng vùng lớp khối tổ thôn ấp bậc tuần đội nhóm mùng mồng xóm bản số trang điều khoản mục
đợt mũi kỳ phần chương lần đường ngõ phòng bàn bước vòng ca tuyến tầng km bài câu hơn gần khoảng đạt giảm tăng chừng
"""
_NUMBERED: Final = frozenset(_NUMBERED_WORDS.split())


def dashed_days(place: Place) -> Said | None:
    """A day with a dash between day and month."""
    found = place.match(_DASHED)
    if not found:
        return None
    day, month, end = int(found.group(1)), int(found.group(2)), found.end()
    if not is_date_like(day, month) or place.match(_OF_MONTH, end) or _counts(place, end):
        return None
    sure = _is_sure(place, day, month, end)
    if sure is None:
        return None
    doubt = doubt_of(place, day, month, None, end) or (None if sure else doubts.DAY_OR_RANGE)
    return said_date(place, end, day_month(day, month, place.usage), doubt)


def may_be_day(place: Place, first: int, second: int, end: int) -> bool:
    """Whether a range without unit, up to `end`, could be a feast or, after "các ngày", another day."""
    if place.last == "ngày":
        return is_date_like(first, second) and place.counts_nothing(end)
    return (first, second) in HOLIDAYS and place.last not in _NUMBERED and place.counts_nothing(end)


def _is_sure(place: Place, day: int, month: int, end: int) -> bool | None:
    """Whether it is a day for certain; None where it is read as a range."""
    falls, feast = day >= month, (day, month) in HOLIDAYS
    if _BESIDE_BEFORE.search(place.before[-40:]):
        return True
    if place.last in _DAYS:
        return _after_day(place, end, rises=not falls, feast=feast)
    if place.last in _PARTS_OF_DAY or _WEEKDAY.search(place.before[-20:]):
        return falls or feast
    if feast and place.last in _FEAST | _NAMES.get((day, month), frozenset()):
        return True
    scored = place.text[end : end + 2].strip().istitle()
    return False if feast and falls and not scored and may_be_day(place, day, month, end) else None


def _after_day(place: Place, end: int, *, rises: bool, feast: bool) -> bool | None:
    """After "ngày": from, several and each make a range of it, if its numbers rise."""
    before = place.last_two.split(" ")[0]
    if rises and before in _PER_DAY | _SEVERAL:
        return None
    return not rises or place.match(_BESIDE_AFTER, end) is not None or (feast and before != "từ")


def _counts(place: Place, end: int) -> bool:
    """Whether a unit or what is counted follows."""
    after = _NEXT.match(place.text, end)
    word = after.group(1) if after else ""
    return measure_at(place.text, end) is not None or word in _DOSES or word in COUNTED - _ACTORS
