"""Abbreviations whose meaning the words around them tell: BCH Đoàn, BCH Quân sự; trường MN, MN 12,3 m.

Patterns are of small letters: `before` ends what stands before, `after` begins what follows. Where none fits, the
abbreviation stays as ambiguous as the list of abbreviations says.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning, and where it holds; `others` are meanings that it may have there all the same."""

    spoken: str
    before: str | None = None
    after: str | None = None
    others: str = ""

    def holds(self, before: str, after: str) -> bool:
        """Whether the words around ask for this meaning."""
        return bool(
            (self.before and re.search(rf"(?<![^\W_])(?:{self.before})\Z", before))
            or (self.after and re.match(self.after, after))
        )


_COMMANDED: Final = r"""[ .–-]{1,3}(?:về |công tác )?(?:pctt|pclb|pccc|ptds|chqs|qs|tkcn|cnch)(?![a-zđ])"""
_COMMANDED_WORDS: Final = (
    r"[ .–-]{1,3}(?:về |công tác )?(?:quân sự|phòng thủ|phòng,? chống|phòng cháy|chữa cháy|tìm kiếm|cứu nạn|cứu hộ|"
    r"ứng phó|tiền phương|diễn tập|chiến dịch|bảo vệ rừng|các vấn đề cấp bách)(?![^\W_])"
)
_OF_PROVINCE: Final = r"[ .–-]{1,3}(?:qs|quân sự|bđbp|bộ đội biên phòng|biên phòng) (?:tỉnh|thành phố|tp)(?![^\W_])"
_ELECTED: Final = (
    r"[ .–-]{1,3}(?:đảng|chi bộ|đoàn|chi đoàn|liên đoàn|hội(?! nghị)|chi hội|công đoàn|cđcs|cđ|trung ương|tw|tư|t\.ư|"
    r"liên hiệp|lâm thời|khóa|khoá|nhiệm kỳ|hpn|hnd|hccb|ccb|lhpn|đtn|lđlđ|tncs)(?![^\W_])"
)
_SCHOOLS: Final = r"(?:tiểu học|th|thcs|thpt|mẫu giáo|mg|mn)"

SENSES: Final[dict[str, tuple[Sense, ...]]] = {
    "BCH": (
        Sense("ban chỉ huy", after=_OF_PROVINCE, others="bộ chỉ huy"),
        Sense("ban chỉ huy", before=r"chỉ huy (?:trưởng|phó) ", after=rf"{_COMMANDED}|{_COMMANDED_WORDS}"),
        Sense("ban chấp hành", before=r"(?:ủy|uỷ) viên |bầu |bầu ra ", after=_ELECTED),
    ),
    "MN": (
        Sense(
            "mầm non",
            before=rf"(?:trường|lớp|bậc|bậc học|cấp|khối|ngành|ngành học|giáo dục|giáo viên|gv|học sinh|hs|trẻ|cô giáo"
            rf"|nhóm|{_SCHOOLS})[ ,&/–-]{{1,2}}",
            after=rf"(?: đến |, ?| và | ?[&/–-] ?| ){_SCHOOLS}(?![^\W_])| (?:tư thục|công lập|dân lập)(?![^\W_])",
        ),
        Sense("em en", after=r":? ?[<>+-]?\d", others="mầm non, mực nước"),
    ),
}
