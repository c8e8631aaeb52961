"""What a page says on top after something was done: key → kind and words. The key travels in a cookie, never words."""

from collections.abc import Mapping

from controller.web.translating import marked

TELLINGS: Mapping[str, tuple[str, str]] = {
    "stopped": ("good", marked("Đã gửi lệnh dừng phát tới các cụm loa.")),
    "draft-kept": ("good", marked("Đã lưu bản nháp. Khi xong hãy gửi duyệt.")),
    "sent-for-approval": ("good", marked("Đã gửi duyệt. Người duyệt đã được báo.")),
    "published": ("good", marked("Đã duyệt. Bản tin sẽ phát đúng giờ đã chọn.")),
    "bulletin-withdrawn": ("good", marked("Đã thu hồi bản tin. Các cụm loa đang được báo ngừng phát.")),
    "retried": ("good", marked("Đang phát lại cho các cụm bị lỗi. Kết quả hiện dần ở đây.")),
    "password": ("good", marked("Đã đổi mật khẩu. Các phiên khác của bạn đã kết thúc.")),
    "session-ended": ("good", marked("Đã kết thúc phiên đăng nhập đó.")),
    "sessions-ended": ("good", marked("Đã kết thúc các phiên đăng nhập khác.")),
    "proved": ("good", marked("Đã xác nhận đúng là bạn. Hãy làm tiếp trong 10 phút.")),
    "authenticator-gone": ("good", marked("Đã bỏ ứng dụng xác thực.")),
    "passkey-added": ("good", marked("Đã thêm khóa truy cập.")),
    "passkey-gone": ("good", marked("Đã bỏ khóa truy cập.")),
    "signed-out": ("good", marked("Bạn đã đăng xuất.")),
    "person-made": ("good", marked("Đã thêm người. Hãy giao vai trò và gửi liên kết mời.")),
    "person-changed": ("good", marked("Đã lưu.")),
    "person-left": ("good", marked("Người này đã nghỉ và không đăng nhập được nữa.")),
    "granted": ("good", marked("Đã giao vai trò.")),
    "revoked": ("good", marked("Đã thu lại vai trò.")),
    "leave-made": ("good", marked("Đã ghi ngày nghỉ.")),
    "leave-gone": ("good", marked("Đã bỏ ngày nghỉ.")),
    "unlocked": ("good", marked("Đã mở khóa tài khoản.")),
    "bulletin-approved": ("good", marked("Đã duyệt. Bản tin sẽ phát đúng nơi và giờ ghi dưới đây.")),
    "bulletin-returned": ("good", marked("Đã trả lại. Người soạn được báo lý do.")),
    "session-moved": ("good", marked("Đã dời buổi phát.")),
    "session-skipped": ("good", marked("Đã bỏ phiên này một lần. Các phiên khác vẫn phát.")),
    "session-restored": ("good", marked("Buổi này lại phát như thường lệ.")),
    "session-gone": ("warning", marked("Không còn buổi phát đó trong tuần này.")),
    "volume-set": ("good", marked("Đã đặt âm lượng. Thiết bị áp dụng ngay khi nhận được.")),
    "device-asked": ("good", marked("Đã yêu cầu thiết bị. Trả lời sẽ hiện ở đây.")),
    "device-changed": ("good", marked("Đã lưu.")),
    "unit-added": ("good", marked("Đã thêm đơn vị.")),
    "unit-renamed": ("good", marked("Đã đổi tên.")),
    "unit-moved": ("good", marked("Đã chuyển đơn vị. Thiết bị bên dưới đang nhận phân công mới.")),
    "unit-closed": ("good", marked("Đã đóng đơn vị.")),
    "policy-saved": (
        "good",
        marked("Đã lưu quy định. Thiết bị theo ngay khi nhận được; không buổi nào đã xếp bị ảnh hưởng."),
    ),
    "policy-lifted": ("good", marked("Đã bỏ quy định riêng.")),
    "welcome": ("good", marked("Chào mừng! Tài khoản của bạn đã sẵn sàng.")),
}
