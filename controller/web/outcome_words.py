"""How answers of devices read: how many played and the sign of that, what to do next, sound levels, steps of the way.

A sign follows what happened (`sign_of`): the green check stands for all, and for nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.web.translating import marked

_GOOD, _UNSURE = "played", "unknown"


def sign_of(done: int, among: int, *, waiting: int = 0, wrong: int = 0) -> str:
    """The sign of “done of among”: `waiting` may still do it, of `wrong` one knows that they will not."""
    if done >= among > 0:
        return "good"
    if waiting or not among:
        return "waiting"
    if done:
        return "warning"
    return "bad" if wrong else "unsure"


def sign_of_count(sign: str, count: int) -> str:
    """The sign of a figure: where nothing is counted, that of the kind would be praise or alarm for nothing."""
    return sign if count else "none"


@dataclass(frozen=True, slots=True)
class Strip:
    """How many of how many devices played, went wrong, are not known of, and have not answered yet."""

    expected: int
    good: int
    bad: int
    unsure: int
    waiting: int

    @property
    def sign(self) -> str:
        """Of “good of expected have played”."""
        return sign_of(self.good, self.expected, waiting=self.waiting, wrong=self.bad)


def strip(told: Mapping[str, Any]) -> Strip:
    """Of a broadcast, by what the API counts: `expected`, `waiting`, and `outcomes` of those that have answered."""
    outcomes: Mapping[str, int] = told["outcomes"]
    good, unsure = outcomes.get(_GOOD, 0), outcomes.get(_UNSURE, 0)
    bad = sum(outcomes.values()) - good - unsure
    return Strip(told["expected"], good, bad, unsure, told["waiting"])


KINDS: Mapping[str, tuple[str, str]] = {
    "wrong": ("bad", marked("Có lỗi")),
    "unsure": ("unsure", marked("Chưa rõ")),
    "waiting": ("waiting", marked("Đang chờ")),
    "good": ("good", marked("Đã phát")),
}
"""Kind of answer → its sign and its words; in the order of the filter."""
OUTCOMES: Mapping[str | None, tuple[str, str]] = {
    "played": ("good", marked("Đã phát")),
    "partial": ("unsure", marked("Phát một phần")),
    "preempted": ("unsure", marked("Nhường tin khẩn hơn")),
    "skipped": ("bad", marked("Không phát")),
    "failed": ("bad", marked("Phát lỗi")),
    "interrupted": ("bad", marked("Đứt giữa chừng")),
    "unknown": ("unsure", marked("Chưa rõ")),
    None: ("waiting", marked("Chưa trả lời")),
}
REASONS: Mapping[str, tuple[str, str]] = {
    "stopped": (marked("Có lệnh dừng phát."), marked("Không cần làm gì. Nếu dừng nhầm, hãy phát lại bản tin.")),
    "withdrawn": (marked("Lượt phát đã được thu hồi."), marked("Không cần làm gì.")),
    "conflict": (
        marked("Lượt phát khác được phát trước, đến lượt thì đã quá giờ."),
        marked("Xem lịch phát tuần và dời một trong hai lượt."),
    ),
    "too_late": (
        marked("Thiết bị tắt hoặc nhận kế hoạch quá muộn."),
        marked("Kiểm tra nguồn điện và sóng di động nơi đặt cụm, rồi phát lại."),
    ),
    "policy": (
        marked("Ngoài giờ hoặc quá số phút được phép phát."),
        marked("Chọn giờ khác, hoặc hỏi người quản trị về quy định giờ phát của đơn vị."),
    ),
    "clock": (
        marked("Đồng hồ của thiết bị không đáng tin."),
        marked("Kiểm tra mạng của thiết bị; nếu vẫn vậy, kỹ thuật viên thay pin đồng hồ."),
    ),
    "content_missing": (
        marked("Âm thanh chưa tải về kịp."),
        marked("Kiểm tra sóng di động nơi đặt cụm; khi tải xong có thể phát lại."),
    ),
    "content_bad": (
        marked("Tệp âm thanh trên thiết bị bị hỏng."),
        marked("Phát lại: thiết bị sẽ tải tệp mới. Nếu lặp lại, kỹ thuật viên kiểm tra thẻ nhớ."),
    ),
    "output_failed": (
        marked("Không đưa được âm thanh ra loa."),
        marked("Kỹ thuật viên kiểm tra thẻ âm thanh, âm ly và dây loa."),
    ),
    "relay_failed": (
        marked("Không nghe được đài tiếp sóng."),
        marked("Kiểm tra địa chỉ đài tiếp sóng và đường mạng của thiết bị."),
    ),
    "silent": (
        marked("Thiết bị có phát nhưng loa không kêu."),
        marked("Kỹ thuật viên kiểm tra âm ly, dây loa và núm âm lượng."),
    ),
    "power_cut": (
        marked("Mất điện khi đang phát."),
        marked("Kiểm tra nguồn điện và bộ lưu điện, rồi phát lại nếu vẫn cần."),
    ),
    "player_died": (
        marked("Bộ phát âm thanh bị lỗi giữa chừng."),
        marked("Phát lại. Nếu lặp lại, kỹ thuật viên khởi động lại bộ phát."),
    ),
    "preempted": (
        marked("Bị lượt phát mức cao hơn cắt ngang."),
        marked("Không cần làm gì; phát lại nếu nội dung vẫn cần."),
    ),
    "no_answer": (
        marked("Thiết bị không trả lời trong thời hạn, nên chưa rõ có phát hay không."),
        marked("Gọi người ở gần cụm hỏi có nghe không; kiểm tra điện và mạng. Khi có mạng lại, kết quả thật sẽ tự về."),
    ),
    "not_for_device": (
        marked("Lượt phát không có phần nào cho loại thiết bị này."),
        marked("Không cần làm gì, hoặc thêm âm thanh (cho loa) hay chữ (cho bảng) lần sau."),
    ),
    "expired": (
        marked("Kế hoạch trên thiết bị đã hết hạn trước giờ phát."),
        marked("Kiểm tra mạng của thiết bị: nó đã lâu không nhận kế hoạch mới."),
    ),
}
"""Reason → what happened, what to do."""
UNTOLD: Mapping[str | None, tuple[str, str]] = {
    "played": ("", ""),
    "partial": (marked("Chỉ phát được một phần."), marked("Nghe lại xem phần còn lại có cần phát nữa không.")),
    "preempted": (REASONS["preempted"][0], REASONS["preempted"][1]),
    "skipped": (marked("Thiết bị đã không phát."), marked("Bấm “Vì sao?” để xem điều gì đã quyết định.")),
    "failed": (marked("Thiết bị đã thử nhưng không phát được."), marked("Phát lại; nếu lặp lại, báo kỹ thuật viên.")),
    "interrupted": (marked("Đang phát thì bị đứt."), marked("Kiểm tra nguồn điện nơi đặt cụm, rồi phát lại nếu cần.")),
    "unknown": (REASONS["no_answer"][0], REASONS["no_answer"][1]),
    None: (marked("Thiết bị chưa trả lời."), marked("Chờ vài phút; trang này tự cập nhật.")),
}
"""As `REASONS`, of answers that give none."""
STEPS: Mapping[str, str] = {
    "sent": marked("Đã gửi"),
    "received": marked("Đã nhận"),
    "content": marked("Đủ nội dung"),
    "began": marked("Bắt đầu"),
    "played": marked("Phát xong"),
}
STEP_STATES: Mapping[str, tuple[str, str]] = {
    "done": ("good", marked("xong")),
    "not_done": ("bad", marked("chưa")),
    "not_known": ("unsure", marked("chưa rõ")),
    "not_needed": ("good", marked("không cần")),
}
EVIDENCE: Mapping[str, str] = {
    "simulated": marked("thiết bị mô phỏng, không có âm thanh thật"),
    "signal": marked("đo tín hiệu trước thẻ âm thanh"),
    "device": marked("đo ở thẻ âm thanh"),
    "loopback": marked("nghe lại bằng micrô"),
}
_LOUDNESS = (
    (-26.0, marked("to rõ")),
    (-38.0, marked("nghe được")),
    (-50.0, marked("nhỏ")),
    (-60.0, marked("rất nhỏ")),
)
SILENCE = marked("không nghe thấy")


def what_and_next(outcome: str | None, reason: str | None) -> tuple[str, str]:
    """What happened, and what to do; both empty where all is well. Of codes that are newer than we: what is known."""
    if outcome == "played":
        return "", ""
    return REASONS.get(reason or "") or UNTOLD.get(outcome, UNTOLD["failed"])


def loudness(rms_dbfs: float) -> str:
    """A measured level (dBFS) in a word."""
    return next((word for least, word in _LOUDNESS if rms_dbfs >= least), SILENCE)
