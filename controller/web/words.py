"""How the codes of the API read on pages. What has no words here is shown by its code, never left out."""

from collections.abc import Mapping

from controller.web.translating import marked

ROLES: Mapping[str, str] = {
    "operator": marked("Cán bộ phụ trách đài"),
    "approver": marked("Người duyệt"),
    "contributor": marked("Cộng tác viên"),
    "technician": marked("Kỹ thuật viên"),
    "administrator": marked("Quản trị"),
    "monitor": marked("Giám sát"),
    "auditor": marked("Kiểm tra nhật ký"),
    "integration": marked("Hệ thống khác"),
}
UNIT_KINDS: Mapping[str, str] = {
    "country": marked("Cả nước"),
    "province": marked("Tỉnh, thành phố"),
    "region": marked("Khu vực"),
    "commune": marked("Xã, phường, đặc khu"),
    "village": marked("Thôn, bản, tổ dân phố"),
    "agency": marked("Cơ quan"),
}
WAYS: Mapping[str, str] = {
    "password": marked("mật khẩu"),
    "password+code": marked("mật khẩu và mã xác thực"),
    "password+recovery": marked("mật khẩu và mã dự phòng"),
    "password+passkey": marked("mật khẩu và khóa truy cập"),
    "passkey": marked("khóa truy cập"),
    "oidc": marked("tài khoản của tỉnh"),
    "link": marked("liên kết dùng thử"),
}
LEVELS: Mapping[str, str] = {
    "normal": marked("Thông thường"),
    "priority": marked("Ưu tiên"),
    "emergency": marked("Khẩn cấp"),
}
OUTCOMES: Mapping[str, str] = {
    "played": marked("đã phát"),
    "partial": marked("phát một phần"),
    "preempted": marked("nhường tin khác"),
    "skipped": marked("bỏ qua"),
    "failed": marked("lỗi"),
    "interrupted": marked("đứt quãng"),
    "unknown": marked("chưa rõ"),
}
ACTORS: Mapping[str, str] = {
    "host": marked("máy chủ"),
    "loa": marked("Loa tự làm"),
    "nobody": marked("người chưa đăng nhập"),
    "token": marked("hệ thống khác"),
    "session": marked("đã đăng nhập"),
}
ACTIONS: Mapping[str, str] = {
    "set-up": marked("Thiết lập lần đầu"),
    "sign-in": marked("Đăng nhập"),
    "sign-in: second factor": marked("Đăng nhập: lớp thứ hai"),
    "sign-in: locked": marked("Khóa tài khoản vì nhập sai nhiều lần"),
    "sign-out": marked("Đăng xuất"),
    "sign-in: proof": marked("Xác nhận lại"),
    "invitation used": marked("Dùng liên kết mời"),
    "PUT /password": marked("Đổi mật khẩu"),
    "POST /second-factor/authenticator": marked("Bắt đầu thêm ứng dụng xác thực"),
    "POST /second-factor/authenticator/confirmation": marked("Thêm ứng dụng xác thực"),
    "DELETE /second-factor/authenticator": marked("Bỏ ứng dụng xác thực"),
    "POST /second-factor/recovery-codes": marked("Tạo mã dự phòng mới"),
    "DELETE /sessions/{session_id}": marked("Kết thúc một phiên đăng nhập"),
    "DELETE /sessions": marked("Kết thúc các phiên đăng nhập khác"),
    "POST /people": marked("Thêm người"),
    "PATCH /people/{person_id}": marked("Sửa thông tin người dùng"),
    "POST /people/{person_id}/invitation": marked("Tạo liên kết mời"),
    "POST /people/{person_id}/sign-in-link": marked("Tạo liên kết vào dùng thử"),
    "POST /people/{person_id}/grants": marked("Giao vai trò"),
    "DELETE /people/{person_id}/grants/{grant_id}": marked("Thu lại vai trò"),
    "POST /people/{person_id}/leaves": marked("Ghi ngày nghỉ"),
    "DELETE /people/{person_id}/leaves/{leave_id}": marked("Bỏ ngày nghỉ"),
    "POST /people/{person_id}/retirement": marked("Cho nghỉ việc"),
    "DELETE /people/{person_id}/lock": marked("Mở khóa tài khoản"),
    "DELETE /people/{person_id}/sessions": marked("Kết thúc mọi phiên của một người"),
    "POST /bulletins": marked("Soạn bản tin"),
    "PUT /bulletins/{bulletin_id}": marked("Sửa bản tin"),
    "POST /bulletins/{bulletin_id}/submit": marked("Gửi duyệt bản tin"),
    "POST /bulletins/{bulletin_id}/approve": marked("Duyệt bản tin"),
    "POST /bulletins/{bulletin_id}/return": marked("Trả lại bản tin"),
    "POST /bulletins/{bulletin_id}/withdraw": marked("Thu hồi bản tin"),
    "POST /broadcasts": marked("Phát"),
    "POST /broadcasts/{broadcast_id}/cancel": marked("Hủy lượt phát"),
    "POST /stops": marked("Dừng phát"),
    "PATCH /units/{unit_id}": marked("Đổi tên hoặc chuyển đơn vị"),
    "POST /units/{unit_id}/closing": marked("Đóng đơn vị"),
    "POST /units/{unit_id}/opening": marked("Mở lại đơn vị"),
    "POST /groups": marked("Lập nhóm thiết bị"),
    "PATCH /groups/{group_id}": marked("Đổi nhóm thiết bị"),
    "DELETE /groups/{group_id}": marked("Bỏ nhóm thiết bị"),
    "POST /keys/plan/rotation": marked("Đổi khóa ký kế hoạch phát"),
    "PATCH /devices/{device_id}": marked("Đổi thông tin thiết bị"),
    "PUT /devices/{device_id}/volume": marked("Đặt âm lượng thiết bị"),
    "POST /devices/{device_id}/commands": marked("Yêu cầu thiết bị"),
    "PUT /policies/{scope}": marked("Đặt quy định giờ phát"),
    "DELETE /policies/{scope}": marked("Bỏ quy định giờ phát"),
    "POST /units": marked("Thêm đơn vị"),
    "POST /devices": marked("Thêm thiết bị"),
}
"""What stands in the audit; other actions are shown as they are written there."""
PROBLEMS: Mapping[int, str] = {
    400: marked("Yêu cầu không đúng dạng."),
    401: marked("Bạn cần đăng nhập."),
    403: marked("Bạn chưa được giao quyền làm việc này."),
    404: marked("Không có trang này, hoặc bạn không được xem."),
    405: marked("Trang này không làm được việc đó."),
    409: marked("Có người vừa thay đổi, hoặc việc này không còn làm được."),
    413: marked("Nội dung gửi lên quá lớn."),
    422: marked("Có chỗ chưa đúng; hãy xem lại."),
    429: marked("Bạn thử quá nhiều lần; hãy chờ một lát."),
    500: marked("Hệ thống gặp lỗi."),
    503: marked("Hệ thống đang bận; hãy thử lại sau ít phút."),
}
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("coc_coc", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Names inside a User-Agent, what they are called; the first that is there is it."""
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
FIELDS: Mapping[str, str] = {
    "password_refused": "password",
    "sign_in_name_refused": "sign_in_name",
    "sign_in_name_taken": "sign_in_name",
    "code_wrong": "code",
    "unit_unknown": "unit_id",
    "unit_below_itself": "parent_id",
    "held_by_groups": "parent_id",
    "days_invalid": "last_day",
}
"""At which field of a form a refusal is told."""


def browser_of(agent: str, unknown: str) -> str:
    """`Chrome · Android` of a User-Agent; `unknown` where it names none of ours."""
    found = [next((name for sign, name in table if sign in agent), "") for table in (BROWSERS, SYSTEMS)]
    return " · ".join(one for one in found if one) or agent[:40] or unknown
