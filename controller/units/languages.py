"""The languages of villages: their names, and which ones a device speaks. Pure.

Codes are those of ISO 639 (two letters where there are two), as BCP 47 has them; any other code may be used, too. A
device that lists none speaks those of its unit, else of the nearest unit above that lists any, else Vietnamese.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DEFAULT = ("vi",)


@dataclass(frozen=True, slots=True)
class LanguageName:
    """A language: its code, its Vietnamese name (behind “tiếng”), its English one and what its speakers call it."""

    code: str
    vi: str
    en: str
    own: str


KNOWN = (
    LanguageName("vi", "Việt", "Vietnamese", "Tiếng Việt"),
    LanguageName("en", "Anh", "English", "English"),
    LanguageName("hmn", "Mông", "Hmong", "Hmoob"),
    LanguageName("tyz", "Tày", "Tày", "Tày"),
    LanguageName("nut", "Nùng", "Nùng", "Nùng"),
    LanguageName("blt", "Thái", "Tai Dam (Black Thai)", "Tày Đằm"),
    LanguageName("twh", "Thái trắng", "Tai Dón (White Thai)", "Tày Đón"),
    LanguageName("ium", "Dao", "Iu Mien (Dao)", "Iu Mienh"),
    LanguageName("mji", "Dao Kim Mun", "Kim Mun (Dao)", "Kim Mun"),
    LanguageName("mtq", "Mường", "Mường", "Mường"),
    LanguageName("km", "Khmer", "Khmer", "ភាសាខ្មែរ"),
    LanguageName("cjm", "Chăm", "Cham (Eastern)", "Cam"),
    LanguageName("cja", "Chăm An Giang", "Cham (Western)", "Cam"),
    LanguageName("rad", "Ê Đê", "Rade", "Êđê"),
    LanguageName("jra", "Gia Rai", "Jarai", "Jrai"),
    LanguageName("bdq", "Ba Na", "Bahnar", "Bahnar"),
    LanguageName("sed", "Xơ Đăng", "Sedang", "Rơteang"),
    LanguageName("hre", "Hrê", "Hrê", "Hrê"),
    LanguageName("kpm", "Cơ Ho", "Koho", "Kơho"),
    LanguageName("cmo", "Mnông", "Mnong (Central)", "Bunong"),
    LanguageName("stt", "Xtiêng", "Stieng", "Stiêng"),
    LanguageName("rog", "Ra Glai", "Roglai (Northern)", "Radlai"),
    LanguageName("cje", "Chu Ru", "Chru", "Cru"),
    LanguageName("cma", "Mạ", "Maa", "Maa"),
    LanguageName("ktv", "Cơ Tu", "Katu", "Katu"),
    LanguageName("pac", "Pa Cô", "Pacoh", "Pacoh"),
    LanguageName("tth", "Tà Ôi", "Ta'oih", "Ta'oih"),
    LanguageName("bru", "Bru – Vân Kiều", "Bru (Eastern)", "Bru"),
    LanguageName("kjg", "Khơ Mú", "Khmu", "Kmhmu"),
    LanguageName("hni", "Hà Nhì", "Hani", "Haqniq"),
    LanguageName("lhu", "La Hủ", "Lahu", "Ladhof"),
    LanguageName("lo", "Lào", "Lao", "ພາສາລາວ"),
    LanguageName("zh", "Hoa", "Chinese", "中文"),
    LanguageName("yue", "Hoa (Quảng Đông)", "Cantonese", "粵語"),
)
BY_CODE = {one.code: one for one in KNOWN}


def spoken(own: Sequence[str], above: Iterable[Sequence[str] | None]) -> tuple[str, ...]:
    """What a device speaks that lists `own`; `above` are the lists of its unit and of those above, narrowest first."""
    return next((tuple(listed) for listed in (own, *above) if listed), DEFAULT)
