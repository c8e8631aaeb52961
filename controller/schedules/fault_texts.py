"""What is wrong with a programme, in Vietnamese for the commune and in English, by stable code. Pure.

The texts take their figures by name from whoever finds the fault; a code once given keeps its meaning.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `field` is where in the document, such as `sessions[0].at`."""

    field: str
    code: str
    vi: str
    en: str


TEXTS: Final[dict[str, tuple[str, str]]] = {
    "zone_unknown": (
        "không có múi giờ {zone}; hãy dùng tên như Asia/Ho_Chi_Minh",
        "there is no time zone {zone}; use a name such as Asia/Ho_Chi_Minh",
    ),
    "days_reversed": (
        "ngày cuối {last} đứng trước ngày đầu {first}",
        "the last day {last} is before the first {first}",
    ),
    "day_out_of_range": (
        "ngày {day} nằm ngoài khoảng {first} đến {last}",
        "the day {day} is not between {first} and {last}",
    ),
    "session_outside": (
        "buổi phát không có ngày nào trong thời hạn của chương trình, {first} đến {last}",
        "the session has no day within those of the programme, {first} to {last}",
    ),
    "session_repeated": (
        "mã {session} đã được dùng cho buổi khác; mỗi buổi một mã",
        "{session} is used before; give every session its own id",
    ),
    "recurrence_ambiguous": (
        "chỉ được chọn một trong weekdays, rrule, lunar, dates; đang có {kinds}",
        "only one of weekdays, rrule, lunar and dates may be named; here are {kinds}",
    ),
    "weekday_repeated": ("một thứ trong tuần được ghi hai lần", "a weekday is named twice"),
    "lunar_empty": (
        "lịch âm cần ít nhất một ngày (days) hoặc last_day",
        "a lunar recurrence needs at least one of days and last_day",
    ),
    "rrule_invalid": ("quy tắc lặp không hợp lệ: {reason}", "the recurrence rule cannot be used: {reason}"),
    "rrule_too_often": ("quy tắc lặp quá dày: {reason}", "the recurrence rule is too often: {reason}"),
    "rrule_count": ("số lần lặp không hợp lệ: {reason}", "the number of repetitions cannot be used: {reason}"),
    "rrule_never": ("quy tắc lặp không bao giờ xảy ra: {reason}", "the recurrence rule never happens: {reason}"),
    "emergency_scheduled": (
        "tin khẩn cấp không được đặt lịch; hãy phát bằng cảnh báo",
        "emergency is never scheduled; it is released as an alert",
    ),
    "chime_unknown": (
        "không có nhạc hiệu {name}; hãy chọn một trong {known}",
        "there is no chime {name}; choose one of {known}",
    ),
    "session_too_long": (
        "buổi phát dài {length}, quá 24 giờ",
        "the session takes {length}, more than 24 hours",
    ),
    "sessions_clash": (
        "buổi {earlier} có thể kéo dài đến {until}, trùng với buổi {later} lúc {at}",
        "{earlier} may last until {until}, over {later} at {at}",
    ),
    "change_session_unknown": (
        "chương trình không có buổi {session}",
        "the programme has no session {session}",
    ),
    "change_time_invalid": ("{time} không phải là ngày giờ có thật", "{time} is not a day and time that exists"),
    "change_contradictory": (
        "một thay đổi hủy buổi phát thì không được dời hay sửa buổi đó",
        "a change that cancels cannot also move or replace",
    ),
    "change_repeated": (
        "buổi {session} lúc {occurrence} đã có một thay đổi ở trên",
        "{session} at {occurrence} is changed before",
    ),
}


def fault(field: str, code: str, **figures: object) -> Fault:
    """The fault of that code, with its texts filled."""
    vi, en = TEXTS[code]
    return Fault(field, code, vi.format(**figures), en.format(**figures))
