"""How devices' codes read on pages: states, alarms with what to do, commands, answers, entries of journals."""

from collections.abc import Mapping

from controller.web.translating import marked

KINDS: Mapping[str, str] = {"speaker": marked("Cụm loa"), "board": marked("Bảng điện tử")}
STATES: Mapping[str, tuple[str, str]] = {
    "silent": ("bad", marked("Mất liên lạc")),
    "faulty": ("warning", marked("Có lỗi")),
    "never": ("waiting", marked("Chưa từng kết nối")),
    "ok": ("good", marked("Đang kết nối")),
}
"""State → its sign and its words; what needs somebody first stands first, as in lists by urgency."""
ALARMS: Mapping[str, tuple[str, str]] = {
    "clock_untrusted": (
        marked("Đồng hồ của thiết bị chưa đúng"),
        marked("Thiết bị không phát theo lịch cho tới khi đồng hồ đúng. Kiểm tra kết nối mạng; nếu vẫn lỗi, thay pin."),
    ),
    "not_ready": (
        marked("Chưa có đủ nội dung để phát"),
        marked("Thiết bị đang tải. Nếu sau 15 phút vẫn chưa đủ, hãy kiểm tra sóng di động nơi đặt thiết bị."),
    ),
    "disk_low": (
        marked("Bộ nhớ sắp đầy"),
        marked("Kỹ thuật viên cần xóa những gì không thuộc hệ thống, hoặc thay thẻ nhớ lớn hơn."),
    ),
    "hot": (
        marked("Thiết bị quá nóng"),
        marked("Kiểm tra quạt, lỗ thoáng và nắng chiếu vào tủ; tắt thiết bị nếu nóng thêm."),
    ),
    "output_failing": (
        marked("Không đưa được âm thanh ra loa"),
        marked("Kiểm tra âm ly, dây và thẻ âm thanh; thử “Khởi động lại bộ phát” bên dưới."),
    ),
    "relay_down": (
        marked("Không nghe được đài đang tiếp sóng"),
        marked("Kiểm tra đường mạng tới đài đó; trong lúc chờ, thiết bị phát âm thanh dự phòng nếu có."),
    ),
    "journal_unacknowledged": (
        marked("Kết quả phát chưa gửi về được"),
        marked("Thiết bị vẫn phát và vẫn ghi lại. Kiểm tra đường mạng của thiết bị."),
    ),
}
"""What is wrong, and what to do about it."""
COMMANDS: Mapping[str, tuple[str, str]] = {
    "report-state": (marked("Hỏi tình trạng"), marked("Thiết bị báo ngay mọi số liệu của mình.")),
    "test-tone": (
        marked("Phát thử tiếng chuông"),
        marked("Một tiếng chuông ngắn, vừa phải, chỉ trong giờ được phát."),
    ),
    "restart-player": (
        marked("Khởi động lại bộ phát"),
        marked("Chỉ khi không có gì đang phát hay sắp phát; mất vài giây."),
    ),
    "show-log": (
        marked("Xem trực tiếp trong 5 phút"),
        marked("Thiết bị gửi 40 dòng mới nhất, rồi gửi ngay từng dòng nó ghi thêm trong 5 phút."),
    ),
}
ORDERS: Mapping[str, tuple[str, ...]] = {
    "speaker": ("report-state", "test-tone", "restart-player"),
    "board": ("report-state",),
}
"""What the buttons ask, by kind of device: boards have no sound to try. That of `show-log` stands beside the log."""
COMMAND_STATES: Mapping[str, tuple[str, str]] = {
    "waiting": ("waiting", marked("đang chờ gửi")),
    "sent": ("waiting", marked("đã gửi, chờ trả lời")),
    "done": ("good", marked("đã làm")),
    "refused": ("bad", marked("thiết bị từ chối")),
    "unanswered": ("unsure", marked("không trả lời")),
}
ANSWERS: Mapping[str, str] = {
    "busy": marked("đang phát hoặc sắp phát; hãy thử lại sau"),
    "policy": marked("ngoài giờ được phát"),
    "clock_untrusted": marked("đồng hồ hoặc quy định giờ phát chưa rõ"),
    "not_for_device": marked("thiết bị này không có loa"),
    "command_unknown": marked("thiết bị chưa biết việc này; cần cập nhật phần mềm"),
    "interrupted": marked("thiết bị tắt giữa chừng; không làm lại"),
    "disk_full": marked("bộ nhớ đầy"),
}
"""Why a device did not do it."""
CLOCKS: Mapping[str, tuple[str, str]] = {
    "trusted": ("good", marked("đúng")),
    "plausible": ("unsure", marked("có lẽ đúng")),
    "untrusted": ("bad", marked("chưa đúng")),
}
LINKS: Mapping[str, str] = {
    "mobile": marked("mạng di động (4G)"),
    "fibre": marked("cáp"),
    "narrow": marked("đường truyền hẹp"),
}
LOG_LEVELS: Mapping[str, tuple[str, str]] = {
    "info": ("note", marked("thông tin")),
    "warning": ("warning", marked("cảnh báo")),
    "error": ("bad", marked("báo lỗi")),
}
SIGNALS: tuple[tuple[int, str, str], ...] = (
    (25, "warning", marked("yếu")),
    (50, "unsure", marked("trung bình")),
    (101, "good", marked("mạnh")),
)
"""Below which percentage the mobile signal is what."""
STRIP: Mapping[str, str] = {
    "heard": marked("có liên lạc"),
    "faulty": marked("có lỗi"),
    "silent": marked("mất liên lạc"),
}
ENTRIES: Mapping[str, str] = {
    "started": marked("Bắt đầu"),
    "receipt": marked("Kết thúc"),
    "refused": marked("Không nhận một văn bản"),
    "note": marked("Ghi chú"),
    "unreadable": marked("Không đọc được"),
}
FAMILIES: Mapping[str, str] = {
    "plan": marked("Kế hoạch phát"),
    "policy": marked("Quy định giờ phát"),
    "assignment": marked("Phân công"),
}
