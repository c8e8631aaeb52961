"""What is wrong with a programme, in Vietnamese for the commune and in English, by stable code. Pure.

The texts take their figures by name from whoever finds the fault; a code once given keeps its meaning.
"""

from typing import Final

from controller.handwritten.faults import Fault

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
    "relay_url_refused": (
        "không thiết bị nào tiếp sóng từ địa chỉ này; ghi http(s)://máy-chủ không dấu, đúng cổng, không tên người dùng",
        "no device relays from this address; write http(s)://server in ASCII, with a good port and no user name",
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
    "ical_component": (
        "bỏ qua {name}: chỉ nhận sự kiện (VEVENT)",
        "{name} is left out: only events (VEVENT) are taken",
    ),
    "ical_damaged": (
        "phần {name} bị hỏng; chỉ đọc các trường iCalendar",
        "{name} is damaged; only the fields of iCalendar are read",
    ),
    "ical_broken": ("bỏ qua sự kiện: không đọc được {name}", "the event is left out: {name} cannot be read"),
    "ical_no_time": (
        "bỏ qua sự kiện cả ngày: buổi phát cần giờ bắt đầu",
        "the event of a whole day is left out: a session needs a time to begin",
    ),
    "ical_cancelled": ("bỏ qua sự kiện đã hủy", "the event is cancelled and left out"),
    "ical_rules": (
        "bỏ qua sự kiện: có nhiều quy tắc lặp hoặc EXRULE; hãy tách thành nhiều sự kiện",
        "the event is left out: it has several rules or EXRULE; make one event of each",
    ),
    "ical_rule": ("bỏ qua sự kiện: {reason}", "the event is left out: {reason}"),
    "ical_zone_differs": (
        "bỏ qua sự kiện: lặp theo múi giờ {zone}, không theo {own} của chương trình",
        "the event is left out: it repeats in the zone {zone}, not in the programme's {own}",
    ),
    "ical_outside": (
        "ngày đầu của sự kiện nằm ngoài quy tắc lặp; đã thêm như một ngày riêng",
        "the first day of the event is none of its rule; it is added as a day of its own",
    ),
    "ical_other_time": (
        "bỏ qua lần thêm lúc {time}: khác giờ với buổi phát",
        "the added time {time} is left out: it is not the time of the session",
    ),
    "ical_orphan": (
        "bỏ qua thay đổi: không có sự kiện mà nó sửa",
        "the change is left out: the event that it changes is not there",
    ),
    "ical_range": (
        "bỏ qua thay đổi từ đây về sau; hãy lưu chương trình mới có hiệu lực từ ngày đó",
        "a change of this and following is left out; save a new programme that holds from that day",
    ),
    "ical_length": (
        "không dùng được độ dài {length} của sự kiện",
        "the length {length} of the event cannot be used",
    ),
    "ical_edited": (
        "buổi {session} đã được sửa trong chương trình lịch khác; lấy theo các trường iCalendar",
        "{session} was changed in another calendar program; the fields of iCalendar count",
    ),
    "ical_too_many": (
        "bỏ qua sự kiện: một chương trình có nhiều nhất {most} buổi",
        "the event is left out: a programme has {most} sessions at most",
    ),
}


def fault(field: str, code: str, **figures: object) -> Fault:
    """The fault of that code, with its texts filled."""
    vi, en = TEXTS[code]
    return Fault(field, code, vi.format(**figures), en.format(**figures))
