"""The words of bulletins: states, steps, kinds of sound, what the pre-flight list asks for, loudness, counts. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from controller.web.translating import Tongue, counted, marked

STATES: Mapping[str, tuple[str, str]] = {
    "draft": ("note", marked("Bản nháp")),
    "in_review": ("waiting", marked("Chờ duyệt")),
    "approved": ("good", marked("Đã duyệt")),
    "withdrawn": ("bad", marked("Đã thu hồi")),
    "expired": ("note", marked("Hết hiệu lực")),
}
FIELDS: Mapping[str, str] = {
    "notice": marked("Thông báo"),
    "health": marked("Y tế"),
    "weather": marked("Thời tiết"),
    "security": marked("An ninh, trật tự"),
    "agriculture": marked("Nông nghiệp"),
    "culture": marked("Văn hóa, thể thao"),
    "economy": marked("Kinh tế"),
    "law": marked("Pháp luật"),
    "disaster": marked("Thiên tai"),
    "other": marked("Khác"),
}
STEPS: Mapping[str, str] = {
    "created": marked("soạn"),
    "edited": marked("sửa"),
    "reopened": marked("mở lại"),
    "submitted": marked("gửi duyệt"),
    "returned": marked("trả lại"),
    "approved": marked("duyệt"),
    "withdrawn": marked("thu hồi"),
    "expired": marked("hết hiệu lực"),
    "placed": marked("chọn nơi phát"),
    "unplaced": marked("bỏ nơi phát"),
    "skipped": marked("không phát vì chưa duyệt"),
}
PLACEMENTS: Mapping[str, tuple[str, str]] = {
    "reserved": ("waiting", marked("giữ chỗ, chờ duyệt")),
    "placed": ("good", marked("đã xếp")),
    "skipped": ("bad", marked("không phát: chưa duyệt")),
    "over": ("good", marked("đã xong")),
    "withdrawn": ("bad", marked("đã bỏ")),
}
KINDS: Mapping[str, str] = {
    "recording": marked("thu âm"),
    "upload": marked("tệp âm thanh"),
    "machine": marked("giọng máy"),
    "joined": marked("ghép"),
}
ADVICE: Mapping[str, tuple[str, str]] = {
    "nothing_to_say": ("content", marked("Thu âm, tải tệp hoặc gõ nội dung.")),
    "sound_missing": ("content", marked("Thu lại hoặc tải tệp lên lại.")),
    "picture_missing": ("content", marked("Đưa hình ảnh vào kho lại rồi chọn lại.")),
    "text_without_sound": ("content", marked("Cho máy đọc, hoặc thu âm.")),
    "reading_missing": ("content", marked("Cho máy đọc lại.")),
    "reading_differs": ("content", marked("Cho máy đọc lại.")),
    "voice_fell_back": ("content", marked("Nghe lại; nếu cần, chọn giọng khác.")),
    "no_place": ("where", marked("Chọn nơi phát.")),
    "nobody_there": ("where", marked("Chọn nơi có cụm loa.")),
    "language_missing": ("", marked("Nếu bà con cần, hãy soạn thêm bản tin bằng tiếng đó.")),
    "board_empty": ("content", marked("Nếu cần, cho hiện chữ trên bảng tin.")),
    "slot_needs_sound": ("content", marked("Thu âm hoặc cho máy đọc.")),
    "no_slot": ("when", marked("Chọn giờ khác.")),
    "at_night": ("when", marked("Chọn giờ khác.")),
    "longer_than_slot": ("when", marked("Rút ngắn, hoặc chọn giờ khác.")),
    "outside_rules": ("when", marked("Chọn giờ trong khung được phát.")),
    "no_approver": ("", marked("Báo người quản trị giao vai trò người duyệt.")),
}
"""Code of a point → the step where it is put right, and what to do."""
NOT_FORBIDDING = frozenset({"no_approver"})
"""Stops that somebody else puts right: a bulletin is sent all the same."""
_LOUD_LU = 2.0


def loudness(lufs: float, target: float, tongue: Tongue) -> str:
    """In words; the figure stands beside it."""
    if lufs > target + _LOUD_LU:
        return tongue.say(marked("to hơn mức chuẩn"))
    if lufs < target - _LOUD_LU:
        return tongue.say(marked("nhỏ hơn mức chuẩn"))
    return tongue.say(marked("vừa, đúng mức chuẩn"))


def reached(told: Mapping[str, Any], tongue: Tongue) -> str:
    """`Phát tới 12 cụm loa ở 3 thôn và 2 bảng tin`."""
    if not told["speakers"] and not told["boards"]:
        return tongue.say(marked("Chưa có cụm loa nào ở nơi này"))
    villages = told["units"].get("village", 0)
    communes = told["units"].get("commune", 0)
    parts = [tongue.count(counted("%(num)s cụm loa"), told["speakers"])]
    if told["boards"]:
        parts.append(tongue.count(counted("%(num)s bảng tin"), told["boards"]))
    devices = tongue.say(marked(" và ")).join(parts)
    if villages:
        places = tongue.count(counted("%(num)s thôn"), villages)
        return tongue.say(marked("Phát tới %(devices)s ở %(places)s"), devices=devices, places=places)
    if communes > 1:
        places = tongue.count(counted("%(num)s xã"), communes)
        return tongue.say(marked("Phát tới %(devices)s ở %(places)s"), devices=devices, places=places)
    return tongue.say(marked("Phát tới %(devices)s"), devices=devices)


def title_of(text: str, most: int = 80) -> str:
    """A title out of a text: its first sentence, cut between two words."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    for end in (". ", "! ", "? ", "; "):
        first = first.split(end, 1)[0]
    first = first.strip(" .,;:!?")
    if len(first) <= most:
        return first
    return first[:most].rsplit(" ", 1)[0] + "…"


def forbids(points: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a bulletin is not sent like this."""
    return any(one["weight"] == "stop" and one["code"] not in NOT_FORBIDDING for one in points)
