"""What the words around d/m say: a day, or so many parts of a whole. Pure."""

import re
from typing import Final

from controller.speech.reading.days import stands_by_weekday
from controller.speech.reading.place import Place
from controller.speech.reading.vocabulary.units import COUNTED

_AFTER: Final = re.compile(r" ([^\W\d_]{1,12})")
_DATED_WORDS: Final = """
ngày mùng mồng hôm đường phố cầu chợ viên trường lễ khánh sáng trưa chiều tối đêm từ đến hết trước sau dịp nay mai
hai ba tư sáu bảy nhật vào cn kể tới mừng niệm rạng khuya qua
"""
DATED: Final = frozenset(_DATED_WORDS.split())
_FRACTIONAL_WORDS: Final = """
hơn gần khoảng chiếm đạt giảm tăng bằng còn được tỷ tỉ lệ có trên quá phần lớp tổ nhà ngõ hẻm kiệt ngách nửa số thửa
mất cắt bớt ít nhất
"""
_FRACTIONAL: Final = frozenset(_FRACTIONAL_WORDS.split())
_WHOLES_WORDS: Final = """
số dân diện tổng chặng quãng chiều lượng thời nhiệm sản cân dung thế muỗng mức chi giá kinh tiền vốn chỉ nồng thìa
"""
_WHOLES: Final = frozenset(_WHOLES_WORDS.split())
HOLIDAYS: Final = frozenset(
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
_FEASTS: Final = frozenset({"lễ", "kỷ", "niệm", "nghỉ", "tế", "động", "mừng", "khánh", "nhi"})
_TODAY: Final = frozenset({"nay", "mai", "qua", "kia"})
SIMPLE: Final = frozenset({(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (1, 10)})


def is_fraction(place: Place, end: int) -> bool:
    """Whether the words around say that d/m up to `end` counts parts."""
    after = _AFTER.match(place.text, end)
    follows = after.group(1).lower() if after else ""
    if place.last in DATED:
        return False
    return place.last in _FRACTIONAL or follows in COUNTED or follows in _WHOLES


def counts_things(place: Place, end: int) -> bool:
    """Whether what follows a/b is counted one by one: so many of so many villages."""
    after = _AFTER.match(place.text, end)
    return after is not None and after.group(1).lower() in COUNTED - _WHOLES


def is_dated(place: Place, day: int, month: int) -> bool:
    """Whether the words before, or the day itself, make d/m a date."""
    if (day, month) in HOLIDAYS and (_FEASTS & set(place.near) or (day, month) not in SIMPLE):
        return True
    if place.last in DATED or "ngày" in place.near or stands_by_weekday(place):
        return True
    return bool(_TODAY & set(place.near[-1:]))
