"""What people write in the cells of a schedule, in Vietnamese: words, times of day, lengths (days: `days`).

Rules: words count without case, accents or spare spaces, in any Unicode form; nothing is guessed: what can be read in
two ways is refused with what to write instead. Pure.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

_TIME = re.compile(
    r"(\d{1,2}) ?(?:h|g|gio|:) ?(?:(\d{1,2}) ?(?:p|ph|phut|')?)?(?::(\d{2}))?(?: ?(sang|trua|chieu|toi))?\Z", re.ASCII
)
_FRACTION = re.compile(r"0(\.\d+)?\Z", re.ASCII)
_LENGTH = re.compile(
    r"(?:(\d+) ?(?:gio|h|tieng))? ?(?:(\d+(?:[.,]\d+)?) ?(?:phut|ph|p|min|'))? ?(?:(\d+) ?(?:giay|s|\"|''))?\Z",
    re.ASCII,
)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})\Z", re.ASCII)
_PLAIN = re.compile(r"\d+([.,]\d+)?\Z", re.ASCII)
_PARTS_OF_THE_DAY = MappingProxyType(
    {"sang": range(12), "trua": range(10, 15), "chieu": range(12, 20), "toi": range(17, 24)}
)
_DAY_S = 24 * 3600


class Unclear(Exception):
    """A cell cannot be read; says what to write instead."""

    def __init__(self, code: str, vi: str, en: str) -> None:
        super().__init__(en)
        self.code, self.vi, self.en = code, vi, en


def clean(text: str) -> str:
    """As it was meant to look: composed, printable, without spare spaces."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(one if one.isprintable() or one == "\n" else " " for one in composed).split(" ")).strip()


def bare(text: str) -> str:
    """For comparing: no case, no accents, one kind of dash and of space."""
    apart = unicodedata.normalize("NFD", text.casefold().replace("đ", "d").replace("–", "-").replace("—", "-"))
    letters = "".join(one for one in apart if not unicodedata.combining(one))
    return re.sub(r"[^\S\n]+", " ", letters.replace("’", "'").replace("”", '"')).strip()


def slug(text: str) -> str:
    """An id made of a title: `Buổi sáng` becomes `buoi-sang`; empty where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", bare(text)).strip("-")[:40].strip("-")


def wall_time(text: str) -> str:
    """`5h`, `5h30`, `05:00`, `17g`, `5 giờ 30 chiều`, or Excel's part of a day: as `05:00`."""
    written = bare(text)
    if _FRACTION.match(written) and written not in {"0", "0."}:
        seconds = round(float(written) * _DAY_S)
        return _wall(seconds // 3600, seconds // 60 % 60, seconds % 60, text)
    match = _TIME.match(written)
    if match is None:
        raise _unclear_time(text)
    hour, part = int(match[1]), match[4]
    if part is not None:
        meant = [one for one in (hour, hour + 12) if one in _PARTS_OF_THE_DAY[part]]
        if not meant:
            raise _unclear_time(text)
        hour = meant[0]
    return _wall(hour, int(match[2] or 0), int(match[3] or 0), text)


def _wall(hour: int, minute: int, second: int, text: str) -> str:
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - the clock's own figures
        raise _unclear_time(text)
    return f"{hour:02d}:{minute:02d}" + (f":{second:02d}" if second else "")


def _unclear_time(text: str) -> Unclear:
    return Unclear(
        "time_unclear",
        f"“{text}” không phải là giờ; viết 5h, 5h30, 17g hoặc 05:00",
        f"“{text}” is no time of day; write 5h, 5h30, 17g or 05:00",
    )


def length_s(text: str) -> float:
    """`15 phút`, `15'`, `90 giây`, `1 giờ 5 phút`, `0:15:00`, or a bare number of minutes: in seconds."""
    written = bare(text)
    if match := _CLOCK.match(written):
        return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    if _PLAIN.match(written):
        return float(written.replace(",", ".")) * 60
    match = _LENGTH.match(written)
    if match is None or not any(match.groups()):
        raise Unclear(
            "length_unclear",
            f"“{text}” không phải là thời lượng; viết 15 phút, 90 giây hoặc số phút",
            f"“{text}” is no length; write 15 phút, 90 giây, or a number of minutes",
        )
    return int(match[1] or 0) * 3600 + float((match[2] or "0").replace(",", ".")) * 60 + int(match[3] or 0)


def choice(words: Mapping[str, str]) -> Callable[[str], str]:
    """A reader of one of these words (without case and accents), which gives what it stands for."""
    known = {bare(word): value for word, value in words.items()}

    def read(text: str) -> str:
        value = known.get(bare(text))
        if value is None:
            shown = ", ".join(words)
            raise Unclear("word_unknown", f"“{text}” không có; chọn: {shown}", f"there is no “{text}”; choose: {shown}")
        return value

    return read
