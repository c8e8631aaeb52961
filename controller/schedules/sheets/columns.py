"""The columns of a schedule as a table: their Vietnamese headers, allowed words, hints and the example rows.

The template is written from these and a filled table is read by them, so that the two cannot differ. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.schedules.sheets.words import bare

SHEET = "Lịch phát"
GUIDE = "Hướng dẫn"
EXAMPLE = "VÍ DỤ"
"""A row whose note begins so is passed over."""

LANGUAGES: Mapping[str, str] = {
    "Việt": "vi", "Mông": "hmn", "Tày": "tyz", "Thái": "blt", "Dao": "ium", "Nùng": "nut", "Mường": "mtq",
    "Khmer": "km", "Chăm": "cjm", "Ê Đê": "rad", "Gia Rai": "jra", "Ba Na": "bdq", "Hoa": "zh",
}  # fmt: skip
"""Names as communes write them and their ISO 639 codes; any other code may be written as it is."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `of_session`: only the first row of a session fills it. `fields` are those it becomes."""

    key: str
    header: str
    hint_vi: str
    hint_en: str
    examples: tuple[str, ...]
    fields: tuple[str, ...] = ()
    of_session: bool = False
    required: bool = False
    needed: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    width: int = 14
    more: tuple[str, ...] = ()

    @property
    def aliases(self) -> tuple[str, ...]:
        """Headers it is known by, as `bare` makes them."""
        return tuple(bare(text.partition("(")[0]) for text in (self.header, *self.more))


COLUMNS: tuple[Column, ...] = (
    Column(
        "session", "Buổi phát", "tên buổi, ví dụ Buổi sáng; các dòng sau của cùng buổi để trống",
        "the session's name, such as Buổi sáng; further rows of it leave it empty",
        ("Buổi sáng", "", "", "Rằm và mùng một", ""), ("title",), of_session=True, required=True, needed=True, width=22,
        more=("Buổi", "Tên buổi"),
    ),
    Column(
        "id", "Mã buổi", "a-z, 0-9 và dấu -; để trống thì lấy từ tên; không đổi khi sửa lịch",
        "a-z, 0-9 and -; made of the name if empty; keep it when the schedule changes",
        ("buoi-sang", "", "", "", ""), ("id",), of_session=True,
    ),
    Column(
        "at", "Giờ", "viết 5h, 5h30, 17g hoặc 05:00", "write 5h, 5h30, 17g or 05:00", ("5h", "", "", "18h45", ""),
        ("at",), of_session=True, required=True, needed=True, width=10, more=("Giờ phát", "Giờ bắt đầu"),
    ),
    Column(
        "days", "Ngày phát", "viết hằng ngày, T2-T6, CN, mùng 1, rằm, 15 âm hoặc 21/11/2026",
        "write hằng ngày, T2-T6, CN, mùng 1, rằm, 15 âm or 21/11/2026", ("T2-T7", "", "", "mùng 1, rằm", ""),
        ("weekdays", "lunar", "dates"), of_session=True, required=True, needed=True, width=20,
        more=("Ngày", "Thứ"),
    ),
    Column(
        "from", "Từ ngày", "ngày/tháng/năm; để trống: từ đầu", "day/month/year; empty: from the first",
        ("", "", "", "", ""), ("valid_from",), of_session=True,
    ),
    Column(
        "until", "Đến ngày", "ngày/tháng/năm, tính cả ngày đó; để trống: không có hạn",
        "day/month/year, inclusive; empty: without end", ("", "", "", "", ""), ("valid_until",), of_session=True,
    ),
    Column(
        "without", "Trừ ngày", "các ngày không phát, cách nhau bằng dấu ;, ví dụ 02/09/2026; 10/06/2026-12/06/2026",
        "days without it, apart by ;, such as 02/09/2026; 10/06/2026-12/06/2026",
        ("02/09/2026", "", "", "", ""), ("except",), of_session=True, width=18,
    ),
    Column(
        "holiday", "Ngày lễ", "phát, nghỉ hoặc chỉ ngày lễ; để trống: phát",
        "phát (play), nghỉ (skip) or chỉ ngày lễ (only); empty: phát",
        ("phát", "", "", "", ""), ("on_holiday",), of_session=True,
        words={"phát": "play", "nghỉ": "skip", "chỉ ngày lễ": "only"},
    ),
    Column(
        "to", "Nơi phát", "mã đơn vị, hoặc g-<nhóm>, d-<thiết bị>, cách nhau bằng dấu ;; để trống: cả đơn vị",
        "ids of units, or g-<group>, d-<device>, apart by ;; empty: the whole unit",
        ("", "", "", "thon-1; thon-2", ""), ("to",), of_session=True, width=18,
    ),
    Column(
        "languages", "Ngôn ngữ", f"{', '.join(LANGUAGES)} hoặc mã; để trống: không ghi",
        "a name or a code; empty: not said",
        ("Việt", "", "", "", ""), ("languages",), of_session=True, more=("Thứ tiếng", "Tiếng"),
    ),
    Column(
        "volume", "Âm lượng", "0 đến 100; để trống: 70", "0 to 100; empty: 70", ("70", "", "", "60", ""),
        ("volume",), of_session=True, width=10,
    ),
    Column(
        "level", "Loại tin", "thông thường hoặc ưu tiên; khẩn cấp không đặt lịch",
        "thông thường (normal) or ưu tiên (priority)",
        ("thông thường", "", "", "ưu tiên", ""), ("level",), of_session=True, more=("Mức",),
        words={"thông thường": "normal", "thường": "normal", "ưu tiên": "priority", "khẩn cấp": "emergency"},
    ),
    Column(
        "kind", "Loại mục", "nhạc hiệu, tiếp sóng, bản tin, âm thanh hoặc nghỉ",
        "nhạc hiệu (chime), tiếp sóng (relay), bản tin (bulletins), âm thanh (content) or nghỉ (pause)",
        ("nhạc hiệu", "tiếp sóng", "bản tin", "nhạc hiệu", "bản tin"), required=True, more=("Mục",),
        words={
            "nhạc hiệu": "chime", "tiếp sóng": "relay", "bản tin": "bulletins", "âm thanh": "content", "nghỉ": "pause",
            "khoảng lặng": "pause", "tiếp âm": "relay",
        },
    ),
    Column(
        "title", "Nội dung", "tên của mục, ví dụ Tiếp sóng VOV1", "the part's title, such as Tiếp sóng VOV1",
        ("", "Tiếp sóng VOV1", "Bản tin của xã", "", "Nhắc phòng cháy"), width=30, more=("Tên mục", "Chương trình"),
    ),
    Column(
        "length", "Thời lượng (phút)", "số phút, hoặc 90 giây, 15 phút; nhạc hiệu để trống",
        "minutes, or 90 giây, 15 phút; empty for a chime", ("", "15", "14 phút", "", "90 giây"), required=True,
        more=("Thời gian", "Độ dài"),
    ),
    Column(
        "source", "Nguồn",
        "tiếp sóng: địa chỉ http(s); bản tin: mã đơn vị (để trống: đơn vị này); âm thanh: mã trong kho; "
        "nhạc hiệu: mở đầu, kết thúc hoặc chú ý",
        "relay: http(s) address; bulletins: id of a unit (empty: this one); content: id in the library; "
        "chime: mở đầu, kết thúc or chú ý",
        ("mở đầu", "https://relay.example/vov1", "", "chú ý", ""), width=30,
    ),
    Column(
        "fallback", "Dự phòng", "mã âm thanh phát thay khi nguồn hỏng hoặc không có tin; có thể để trống",
        "id of a sound that is sent when the source fails or there is no bulletin; may be empty", ("", "", "", "", ""),
    ),
    Column(
        "note", "Ghi chú", "cho riêng bạn, không đưa vào lịch", "for yourself; not taken over",
        (f"{EXAMPLE}: xóa dòng này",) * 5, width=24,
    ),
)  # fmt: skip
"""In the order of the template; five example rows each: a session of three parts, a lunar one of two."""


def letter(index: int) -> str:
    """A column as table programs name it: 0 is A, 26 is AA."""
    return (letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)  # noqa: PLR2004 - letters
