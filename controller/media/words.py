"""What is said of a sound when it was taken in or refused, in Vietnamese and in English. Pure.

Findings are about what was accepted: what somebody should listen to before it goes on air, and what was done. A code
without words here (of an older or newer version) is shown as it is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The same sentence in both languages."""

    vi: str
    en: str


_FINDINGS: dict[str, tuple[str, str]] = {
    "clipped": (
        "tiếng bị vỡ: {value:.0f} mẫu chạm mức cao nhất; nên thu lại nhỏ hơn hoặc xa micrô hơn",
        "it is clipped: {value:.0f} samples at full scale; record it again more softly, or further from the microphone",
    ),
    "cut_off": (
        "bản ghi bị cắt giữa chừng; hãy nghe lại phần cuối",
        "the recording breaks off; listen to its end",
    ),
    "damaged_packets": (
        "{value:.0f} đoạn bị hỏng đã được bỏ qua; hãy nghe lại",
        "{value:.0f} damaged pieces were left out; listen to it",
    ),
    "dc_offset_removed": (
        "tín hiệu bị lệch khỏi mức 0 ({percent:.1f} %), đã sửa; nên kiểm tra card âm thanh hoặc dây micrô",
        "it was off its centre line ({percent:.1f} %), now corrected; look at the sound card or the microphone's cable",
    ),
    "end_not_marked": (
        "tệp không có dấu kết thúc; hãy nghe lại phần cuối",
        "the file does not mark its end; listen to it",
    ),
    "gain_capped": (
        "nguồn quá nhỏ: vẫn còn thiếu {value:.1f} dB so với mức chuẩn",
        "the source is too faint: {value:.1f} dB are missing to the usual loudness",
    ),
    "limited": (
        "những chỗ quá to đã được làm nhỏ bớt {value:.1f} dB",
        "its peaks were taken down by {value:.1f} dB",
    ),
    "longer_than_declared": (
        "âm thanh dài hơn {seconds:.1f} giây so với thời lượng ghi trong tệp",
        "it lasts {seconds:.1f} s longer than the file says",
    ),
    "noisy": (
        "tiếng nói chỉ hơn nền ồn {value:.0f} dB, khó nghe trên loa; thu lại nơi yên tĩnh (nhạc: chọn kiểu nhạc)",
        "the voice stands only {value:.0f} dB out of its background; record in a quiet room (music: use its profile)",
    ),
    "other_streams_ignored": (
        "tệp còn {value:.0f} đường tiếng khác, chỉ dùng đường đầu tiên",
        "the file has {value:.0f} other sound tracks; only the first is used",
    ),
    "parameters_changed": (
        "tệp đổi định dạng giữa chừng {value:.0f} lần; hãy nghe lại",
        "the file changes its format {value:.0f} times on its way; listen to it",
    ),
    "shorter_than_declared": (
        "âm thanh ngắn hơn {seconds:.1f} giây so với thời lượng ghi trong tệp",
        "it lasts {seconds:.1f} s less than the file says",
    ),
    "silence_at_end": (
        "cuối bản ghi im lặng {seconds:.1f} giây; có thể chọn cắt khoảng lặng",
        "{seconds:.1f} s of silence at its end; it can be trimmed",
    ),
    "silence_at_start": (
        "đầu bản ghi im lặng {seconds:.1f} giây; có thể chọn cắt khoảng lặng",
        "{seconds:.1f} s of silence at its start; it can be trimmed",
    ),
    "silence_inside": (
        "giữa bản ghi có lúc im lặng {seconds:.1f} giây; hãy nghe lại xem có mất tiếng không",
        "{seconds:.1f} s of silence inside; listen whether something is missing",
    ),
    "trimmed_end": (
        "đã cắt {seconds:.1f} giây im lặng ở cuối",
        "{seconds:.1f} s of silence were cut off its end",
    ),
    "trimmed_start": (
        "đã cắt {seconds:.1f} giây im lặng ở đầu",
        "{seconds:.1f} s of silence were cut off its start",
    ),
    "turned_down": (
        "tiếng thuộc loại khó nén nên được để nhỏ hơn mức chuẩn {value:.1f} dB; hãy nghe lại",
        "its tones do not suit the codec, so it stays {value:.1f} dB below the usual loudness; listen to it",
    ),
    "very_quiet": (
        "bản gốc rất nhỏ ({value:.0f} LUFS), đã nâng lên nên tiếng ồn cũng to theo; nên thu lại gần micrô hơn",
        "it was very quiet ({value:.0f} LUFS) and was raised, noise and all; record it again nearer to the microphone",
    ),
    "voice_clipped": (
        "giọng máy chạm mức cao nhất ở {value:.0f} mẫu; nghe thử, nếu bị rè thì chọn giọng khác",
        "the machine's voice is at full scale in {value:.0f} samples; listen, and choose another voice if it rattles",
    ),
    "voice_silent": (
        "giọng máy có lúc im lặng {seconds:.1f} giây; nghe thử xem có mất câu nào không",
        "the machine's voice is silent for {seconds:.1f} s; listen whether a sentence is missing",
    ),
}
_REFUSALS: dict[str, str] = {
    "media_empty": "tệp rỗng, không có âm thanh nào",
    "media_too_large": "tệp quá lớn; hãy chuyển sang MP3",
    "media_format_refused": "tệp không phải là âm thanh được nhận; hãy dùng mp3, m4a, ogg, opus, flac, wav hoặc webm",
    "media_unreadable": "không đọc được tệp; tệp có thể bị hỏng hoặc không phải là âm thanh",
    "media_no_audio": "tệp không có tiếng; có phải micrô đã tắt khi quay?",
    "media_bad_channels": "số kênh âm thanh không hợp lệ; chỉ nhận từ 1 đến 8 kênh",
    "media_bad_rate": "tần số lấy mẫu không hợp lệ; chỉ nhận từ 8 đến 192 kHz",
    "media_too_long": "âm thanh dài quá mức cho phép; hãy cắt bớt",
    "media_too_short": "âm thanh quá ngắn; cần ít nhất nửa giây",
    "media_truncated": "tệp bị cắt, không đủ như nó ghi; hãy chép lại từ nguồn",
    "media_silent": "không nghe thấy gì trong tệp; có phải micrô đã tắt?",
    "media_verify_failed": "tệp mã hóa không đúng với bản gốc; hãy giữ tệp và báo lỗi",
    "media_child_limit": "tệp cần nhiều bộ nhớ hoặc thời gian hơn mức cho phép; hãy xuất lại từ phần mềm khác",
    "media_timeout": "xử lý quá lâu; âm thanh quá dài hoặc máy đang bận",
    "media_child_failed": "chương trình xử lý âm thanh gặp lỗi; hãy giữ tệp và báo lỗi",
}
_MS_A_SECOND = 1000


def of_finding(code: str, value: float) -> Words:
    """What a finding says."""
    found = _FINDINGS.get(code)
    if found is None:
        return Words(f"{code}: {value:g}", f"{code}: {value:g}")
    vi, en = (one.format(value=value, seconds=value / _MS_A_SECOND, percent=100 * value) for one in found)
    return Words(vi, en)


def of_refusal(code: str) -> str | None:
    """What a refusal says in Vietnamese; None: it is not about a sound."""
    return _REFUSALS.get(code)
