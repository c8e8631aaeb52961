"""The words of bulletins as people read them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from controller.policies.words import DEFAULT_ZONE
from loa_protocol.policy import zone


class Field(StrEnum):
    """What a bulletin is about (lĩnh vực)."""

    HEALTH = "health"
    WEATHER = "weather"
    SECURITY = "security"
    AGRICULTURE = "agriculture"
    CULTURE = "culture"
    ECONOMY = "economy"
    LAW = "law"
    DISASTER = "disaster"
    NOTICE = "notice"
    OTHER = "other"


FIELDS: Mapping[Field, str] = {
    Field.HEALTH: "Y tế",
    Field.WEATHER: "Thời tiết",
    Field.SECURITY: "An ninh, trật tự",
    Field.AGRICULTURE: "Nông nghiệp",
    Field.CULTURE: "Văn hóa, thể thao",
    Field.ECONOMY: "Kinh tế",
    Field.LAW: "Pháp luật",
    Field.DISASTER: "Thiên tai",
    Field.NOTICE: "Thông báo",
    Field.OTHER: "Khác",
}
STATES: Mapping[str, str] = {
    "draft": "bản nháp",
    "in_review": "chờ duyệt",
    "approved": "đã duyệt",
    "withdrawn": "đã thu hồi",
    "expired": "hết hiệu lực",
}
STEPS: Mapping[str, str] = {
    "created": "soạn",
    "edited": "sửa",
    "reopened": "mở lại",
    "submitted": "trình duyệt",
    "returned": "trả lại",
    "approved": "duyệt",
    "withdrawn": "thu hồi",
    "expired": "hết hiệu lực",
    "placed": "đặt nơi phát",
    "unplaced": "bỏ nơi phát",
    "skipped": "không phát vì chưa duyệt",
}
LEVELS: Mapping[str, str] = {"normal": "thông thường", "priority": "ưu tiên"}
AUDIO_KINDS: Mapping[str, str] = {
    "recording": "thu âm",
    "upload": "tệp âm thanh",
    "machine": "giọng máy",
    "joined": "ghép",
}
PLACEMENTS: Mapping[str, str] = {
    "reserved": "giữ chỗ, chờ duyệt",
    "placed": "đã xếp",
    "skipped": "không phát: chưa duyệt",
    "over": "đã xong",
    "withdrawn": "đã bỏ",
}
SOURCES: Mapping[str, str] = {"own": "tự soạn", "province": "tỉnh", "ministry": "bộ", "cap": "CAP"}


def local(instant: datetime) -> str:
    """An instant as people in Vietnam say it."""
    return f"{instant.astimezone(zone(DEFAULT_ZONE)):%H:%M ngày %d/%m/%Y}"


def local_en(instant: datetime) -> str:
    """The same in English: to the minute, with its offset."""
    return f"{instant.astimezone(zone(DEFAULT_ZONE)):%Y-%m-%d %H:%M %z}"
