"""What a sender is told in Vietnamese, by code. A code without words of its own gets a sentence that names it."""

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "source_malformed": "Tệp bản tin không đúng định dạng; xem trường bị lỗi và sửa lại.",
    "source_file_refused": "Tên tệp không hợp lệ, hoặc không phải tệp thường nằm trong thư mục này.",
    "source_audio_missing": "Chưa có tệp âm thanh trong thư mục; đặt tệp vào, bản tin sẽ được đọc lại.",
    "source_audio_mismatch": "Tệp âm thanh không đúng mã SHA-256 ghi trong bản tin; gửi lại tệp.",
    "source_area_unknown": "Không có, hoặc có nhiều hơn một, đơn vị mang mã này.",
    "source_area_refused": "Nguồn này không được phép phát tới địa bàn này.",
    "source_level_refused": "Nguồn này không được phép gửi loại bản tin này.",
    "source_too_late": "Đã quá giờ phát hoặc quá thời hạn hiệu lực; gửi bản sửa với thời gian mới.",
    "source_window_invalid": "Các mốc thời gian mâu thuẫn nhau hoặc quá xa (tối đa 14 ngày).",
    "source_needs_audio": "Bản tin chỉ có chữ mà địa bàn không có bảng tin điện tử; cần kèm tệp âm thanh.",
    "source_needs_text": "Bản tin không có nội dung phù hợp với thiết bị của địa bàn; cần kèm chữ cho bảng tin.",
    "source_item_changed": "Mã bản tin này đã được nhận với nội dung khác; hãy tăng số revision.",
    "source_item_older": "Đã nhận bản sửa mới hơn của bản tin này.",
    "source_item_unknown": "Không có bản tin nào để thu hồi.",
    "emergency_needs_alert": "Tin khẩn cấp không gửi như bản tin: phải do người có thẩm quyền duyệt phát cảnh báo.",
    "target_empty": "Địa bàn chưa có thiết bị nào đang hoạt động.",
    "plan_too_large": "Địa bàn đã có quá nhiều lượt phát trong 72 giờ tới.",
    "jobs_full": "Đang có quá nhiều tệp chờ xử lý; bản tin sẽ được đọc lại.",
    "spool_full": "Hết chỗ chứa tệp chờ xử lý; bản tin sẽ được đọc lại.",
    "job_cancelled": "Việc xử lý âm thanh đã bị hủy.",
    "job_failed": "Lỗi của bộ điều khiển khi xử lý âm thanh; hãy báo cho kỹ thuật.",
    "job_gave_up": "Không xử lý được tệp âm thanh này; hãy báo cho kỹ thuật.",
    "media_empty": "Tệp âm thanh rỗng.",
    "media_no_audio": "Tệp không có âm thanh.",
    "media_format_refused": "Định dạng không được nhận; xuất lại dạng MP3, WAV, Ogg, FLAC hoặc M4A.",
    "media_unreadable": "Tệp âm thanh bị hỏng; xuất lại.",
    "media_truncated": "Tệp âm thanh bị cắt cụt; gửi lại cả tệp.",
    "media_bad_channels": "Số kênh âm thanh không hợp lệ; xuất lại đơn hoặc stereo.",
    "media_bad_rate": "Tần số lấy mẫu không hợp lệ; xuất lại 48 kHz.",
    "media_too_long": "Âm thanh quá dài.",
    "media_too_large": "Tệp âm thanh quá lớn.",
    "media_too_short": "Âm thanh quá ngắn.",
    "media_silent": "Không nghe thấy gì trong tệp âm thanh; thu lại.",
    "media_child_limit": "Tệp âm thanh cần quá nhiều bộ nhớ hoặc thời gian xử lý; xuất lại.",
    "media_timeout": "Xử lý âm thanh quá lâu; rút ngắn hoặc xuất lại.",
    "text_for_boards_only": "Bản tin chỉ có chữ: chỉ hiển thị trên bảng tin, loa không phát.",
    "sound_for_loudspeakers_only": "Bản tin chỉ có âm thanh: chỉ phát trên loa, bảng tin không hiển thị.",
}


def vietnamese(code: str) -> str:
    """A sentence for the sender."""
    return _WORDS.get(code, f"Bản tin không được nhận (mã lỗi {code}).")
