"""What a rule of the air says, in a sentence for people: Vietnamese, and English."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from controller.policies.rules import BLACKOUT, VOLUME, Airing, Trouble
from controller.policies.times import Nearest
from loa_protocol.documents.policy import Window
from loa_protocol.policy import Part, zone

CEILINGS = ("quy định chung cho mọi thiết bị", "the ceiling that binds every device")
_DAYS_VI = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALL = 7
DEFAULT_ZONE = "Asia/Ho_Chi_Minh"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in both languages; what stands in braces is filled in by `with_`."""

    vi: str
    en: str

    def with_(self, **words: str) -> "Sentence":
        """The sentence with its gaps filled."""
        return Sentence(self.vi.format_map(words), self.en.format_map(words))


def why(trouble: Trouble, whose: Sentence) -> Sentence:
    """The rule, whose it is, and what it allows."""
    part = trouble.part
    if trouble.rule == VOLUME or part is None:
        return Sentence(
            f"{whose.vi} giới hạn âm lượng: {trouble.detail}", f"{whose.en} caps the volume: {trouble.detail}"
        )
    day = _local(trouble.at, part.timezone)
    if trouble.rule == BLACKOUT:
        titles = "; ".join(_blackouts(part, day.date()))
        return Sentence(f"{whose.vi} không cho phát {titles}", f"{whose.en} keeps silence {titles}")
    if trouble.rule in {"minutes", "slots"}:
        return _budget(trouble.rule, part, day, whose)
    hours_vi, hours_en = (_hours(part.windows or (), names) for names in (_DAYS_VI, _DAYS_EN))
    return Sentence(
        f"{whose.vi} chỉ cho phát {hours_vi or 'không giờ nào'}", f"{whose.en} allows only {hours_en or 'no hour'}"
    )


def _budget(rule: str, part: Part, day: datetime, whose: Sentence) -> Sentence:
    most = part.max_minutes if rule == "minutes" else part.max_slots
    vi, en = ("phút", "minutes") if rule == "minutes" else ("buổi phát", "slots")
    return Sentence(
        f"{whose.vi} cho phát tối đa {most} {vi} một ngày, ngày {day:%d/%m/%Y} không còn đủ",
        f"{whose.en} allows {most} {en} a day, which do not last on {day:%Y-%m-%d}",
    )


def _hours(windows: Iterable[Window], names: tuple[str, ...]) -> str:
    texts = []
    for window in sorted(windows, key=lambda one: (one.from_minute, one.to_minute, one.weekdays)):
        days = "" if len(window.weekdays) == _ALL else f" ({', '.join(names[day - 1] for day in window.weekdays)})"
        texts.append(f"{_clock(window.from_minute)}–{_clock(window.to_minute)}{days}")
    return ", ".join(texts)


def _blackouts(part: Part, day: date) -> list[str]:
    found = sorted((b for b in part.blackouts if b.first <= day <= b.last), key=lambda b: (b.first, b.last, b.title))
    return [_days(b.first, b.last) + (f" ({b.title})" if b.title else "") for b in found]


def _days(first: date, last: date) -> str:
    return f"{first:%d/%m/%Y}" if first == last else f"{first:%d/%m/%Y}–{last:%d/%m/%Y}"


def times(found: Nearest, timezone: str) -> Sentence:
    """The times that may be offered instead; empty where there is none."""
    offered = [_local(at, timezone) for at in (found.before, found.after) if at is not None]
    if not offered:
        return Sentence("trong 7 ngày trước và sau không có giờ nào phù hợp", "no time within 7 days would do")
    vi = " hoặc ".join(f"{at:%H:%M} ngày {at:%d/%m/%Y}" for at in offered)
    return Sentence(
        f"giờ gần nhất được phép: {vi}", f"nearest allowed: {' or '.join(f'{a:%F %H:%M}' for a in offered)}"
    )


def objection(rule: Sentence, one: Airing, fell: Airing | None, devices: int) -> Sentence:
    """A rule against a broadcast, and what would fall in its stead."""
    at = _local(one.start, DEFAULT_ZONE)
    instead = Sentence("", "")
    if fell is not None:
        then = _local(fell.start, DEFAULT_ZONE)
        instead = Sentence(
            f", nên “{fell.title}” lúc {then:%H:%M} ngày {then:%d/%m/%Y} sẽ bị bỏ",
            f", so that “{fell.title}” of {then:%F %H:%M} would be skipped",
        )
    return Sentence(
        f"“{one.title}” lúc {at:%H:%M} ngày {at:%d/%m/%Y}: {rule.vi}{instead.vi} ({devices} thiết bị)",
        f"“{one.title}” at {at:%F %H:%M}: {rule.en}{instead.en} ({devices} devices)",
    )


def _local(at: datetime, timezone: str) -> datetime:
    return at.astimezone(zone(timezone))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
