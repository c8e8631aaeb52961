"""Units of measure and money as they stand after a number, and what counts them.

PHYSICAL units over PHYSICAL ones are said with "trên" (km/h), everything else "mỗi" (đồng/kg).
"""

from typing import Final

PHYSICAL: Final[dict[str, str]] = {
    "mm": "mi-li-mét", "cm": "xăng-ti-mét", "dm": "đề-xi-mét", "m": "mét", "km": "ki-lô-mét", "Km": "ki-lô-mét",
    "KM": "ki-lô-mét", "m2": "mét vuông", "m²": "mét vuông", "km2": "ki-lô-mét vuông", "km²": "ki-lô-mét vuông",
    "cm2": "xăng-ti-mét vuông", "cm²": "xăng-ti-mét vuông", "m3": "mét khối", "m³": "mét khối",
    "cm3": "xăng-ti-mét khối", "cm³": "xăng-ti-mét khối", "dm3": "đề-xi-mét khối", "ha": "héc-ta", "Ha": "héc-ta",
    "g": "gam", "gr": "gam", "mg": "mi-li-gam", "kg": "ki-lô-gam", "Kg": "ki-lô-gam", "KG": "ki-lô-gam",
    "µg": "mi-crô-gam", "μg": "mi-crô-gam", "l": "lít", "L": "lít", "lít": "lít", "ml": "mi-li-lít",
    "mL": "mi-li-lít", "tấn": "tấn", "tạ": "tạ", "yến": "yến", "mét": "mét", "gam": "gam", "kW": "ki-lô-oát",
    "KW": "ki-lô-oát", "kWh": "ki-lô-oát giờ", "KWh": "ki-lô-oát giờ", "kwh": "ki-lô-oát giờ", "MW": "mê-ga-oát",
    "MWh": "mê-ga-oát giờ", "W": "oát", "kV": "ki-lô-vôn", "KV": "ki-lô-vôn", "kVA": "ki-lô-vôn am-pe",
    "KVA": "ki-lô-vôn am-pe", "V": "vôn", "mAh": "mi-li am-pe giờ", "Hz": "héc", "kHz": "ki-lô-héc",
    "MHz": "mê-ga-héc", "GHz": "gi-ga-héc", "dB": "đề-xi-ben", "hPa": "héc-tô pát-xcan", "mb": "mi-li-ba",
    "mmHg": "mi-li-mét thủy ngân", "Pa": "pát-xcan", "cc": "xê xê", "GB": "gi-ga-bai", "MB": "mê-ga-bai",
    "TB": "tê-ra-bai", "Mbps": "mê-ga-bít trên giây", "kcal": "ki-lô ca-lo", "Kcal": "ki-lô ca-lo", "h": "giờ",
    "giờ": "giờ", "s": "giây", "giây": "giây", "ph": "phút", "phút": "phút", "'": "phút", "’": "phút", "′": "phút",
    "inch": "in", "HP": "mã lực", "CV": "mã lực", "mol": "mon", "ppm": "phần triệu",
}  # fmt: skip

DEGREES: Final[dict[str, str]] = {
    "°C": "độ xê", "ºC": "độ xê", "oC": "độ xê", "0C": "độ xê", "độ C": "độ xê", "°F": "độ ép", "độ F": "độ ép",
    "°N": "độ vĩ bắc", "°B": "độ vĩ bắc", "°S": "độ vĩ nam", "°E": "độ kinh đông", "°Đ": "độ kinh đông",
    "°W": "độ kinh tây", "°": "độ", "º": "độ",
}  # fmt: skip

RATIOS: Final[dict[str, str]] = {"%": "phần trăm", "‰": "phần nghìn"}

MONEY: Final[dict[str, str]] = {
    "đồng": "đồng", "đ": "đồng", "Đ": "đồng", "VNĐ": "đồng", "VND": "đồng", "vnđ": "đồng", "vnd": "đồng",
    "USD": "đô la Mỹ", "$": "đô la Mỹ", "€": "ơ-rô", "EUR": "ơ-rô", "k": "nghìn đồng", "tr": "triệu đồng",
    "trđ": "triệu đồng", "tr.đ": "triệu đồng", "tỷđ": "tỷ đồng", "nghìn đ": "nghìn đồng", "triệu đ": "triệu đồng",
    "tỷ đ": "tỷ đồng",
}  # fmt: skip

SHORT_MONEY: Final = frozenset({"k", "tr"})
PRIMES: Final = frozenset({"'", "’", "′"})
"""Signs of minutes, which may close a quotation, too."""
TIGHT: Final = frozenset({"k", "tr", "V", "W", "s", "0C", "l", "L", "Đ"}) | PRIMES
"""Units that count only without a space before them."""

_PER: Final = """
người hộ khẩu ngày tháng năm tuần giờ phút giây đêm buổi lần lượt con cây củ quả bao bó lá thẻ xe chiếc cái suất em
cháu trẻ vụ sào mẫu công thửa bình ca liều viên gói học lớp trường thôn bản xã phường chuyến vé tiết trang kỳ quý
mùa đợt phần lượng chỉ USD hécta héc-ta kilôgam
"""
PER: Final = frozenset(_PER.split())
"""Nouns that stand after a slash as "for each"."""

_COUNTED: Final = """
hộ thôn bản xã phường người học em cháu đại tổ đơn điểm chỉ tiêu con cây cụm lượt ca liều trường trạm công khu ấp
làng đảng phiếu thửa lớp ý nhà cử thành mẫu huyện tỉnh suất giáo cán đoàn hội viên trẻ gia phần số dân diện bài câu
bàn tấn tạ bao lít mét ha km
"""
COUNTED: Final = frozenset(_COUNTED.split())
"""First words of what is counted: 8/10 thôn is no date, 1,234 hộ no decimal."""
