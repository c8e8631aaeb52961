"""What a person should know before a bulletin goes on air, out of what was looked up. Pure.

`stop`: it would not be heard or shown as meant; `warning`: somebody should look. An approval is refused for a stop that
the approver does not name (`own_stops`), but for those of which is decided elsewhere. Whose voice a sound is, the sound
says, not its author.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.bulletins.document import AudioKind, Document, Variant
from loa_protocol.errors import LoaError

DECIDED_ELSEWHERE = frozenset({"nothing_to_say", "no_approver", "slot_needs_sound", "outside_rules"})
"""Stops that are refused for themselves, and that nobody may take upon himself."""


class BulletinNotReady(LoaError):
    """It would not be heard or shown as meant, and the approver did not say that he approves it in spite of that."""

    code = "bulletin_not_ready"


class Weight(StrEnum):
    """How much a point matters."""

    STOP = "stop"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to know: about a language, a placement, or (both empty) the whole bulletin."""

    code: str
    weight: Weight
    vi: str
    en: str
    language: str = ""
    placement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a sound. `findings`: (code, vi, en) of the intake; `fell_back`: why another voice speaks.

    `machine`: a machine spoke it.
    """

    duration_ms: int = 0
    playable: bool = True
    machine: bool = False
    findings: tuple[tuple[str, str, str], ...] = ()
    reading_sha256: str | None = None
    fell_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A placement: the lists of languages its loudspeakers speak, how many boards, and what stands against it there.

    `name`: where that is, for people. `slot_ms`: the longest slot that comes within a week, 0 where none does; None for
    a placement at a time. `night`: the local time it begins, where people sleep at that time.
    """

    id: str
    name: str = ""
    classes: frozenset[tuple[str, ...]] = frozenset()
    boards: int = 0
    slot_ms: int | None = None
    longest_ms: int = 0
    objections: tuple[tuple[str, str], ...] = ()
    night: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that was looked up."""

    sounds: Mapping[str, Heard] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    """Images and videos that are not kept any more."""
    places: tuple[Place, ...] = ()
    approvers: int = 1
    readings: Mapping[str, str] = field(default_factory=dict)
    """Language → SHA-256 of the approved reading."""


def points(text: Document, known: Known, names: Mapping[str, str]) -> list[Point]:
    """Everything to know, what stops it first; `names`: language → its Vietnamese name."""
    found = [*_whole(text, known)]
    for one in text.variants:
        found += _variant(one, known, names.get(one.language, one.language))
    for place in known.places:
        found += _place(text, place, names)
    return sorted(found, key=lambda one: one.weight is not Weight.STOP)


def _whole(text: Document, known: Known) -> Iterator[Point]:
    if not text.sounds and not text.boards and not text.pictures:
        yield _stop(
            "nothing_to_say",
            "Chưa có âm thanh, cũng chưa có nội dung cho bảng tin.",
            "It has neither a sound nor anything for boards.",
        )
    if not known.places:
        yield _warn("no_place", "Chưa chọn nơi phát.", "It is placed nowhere.")
    if not known.approvers:
        yield _stop(
            "no_approver",
            "Hôm nay không ai có quyền duyệt bản tin này (ngoài người soạn).",
            "Nobody but who wrote it may approve it today.",
        )


def _variant(one: Variant, known: Known, name: str) -> Iterator[Point]:
    if one.board is not None and known.gone & {one.board.image, one.board.video}:
        vi = f"Tiếng {name}: hình ảnh hoặc video cho bảng tin không còn trong kho."
        en = f"{one.language}: the picture for boards is not in the library any more."
        yield _stop("picture_missing", vi, en, one.language)
    if one.audio is None:
        if one.text:
            vi = f"Tiếng {name}: có chữ nhưng chưa có âm thanh, loa sẽ không phát."
            yield _warn("text_without_sound", vi, f"{one.language}: a text, but no sound.", one.language)
        return
    sound = known.sounds.get(one.audio)
    if sound is None or not sound.playable:
        vi = f"Tiếng {name}: âm thanh không còn trong kho."
        yield _stop("sound_missing", vi, f"{one.language}: the sound is not in the library any more.", one.language)
        return
    for code, vi, en in sound.findings:
        yield _warn(f"sound_{code}", f"Tiếng {name}: {vi}", f"{one.language}: {en}", one.language)
    if sound.fell_back is not None:
        vi = f"Tiếng {name}: giọng máy đã chọn không đọc được, giọng máy khác đọc thay."
        yield _warn("voice_fell_back", vi, f"{one.language}: another voice speaks: {sound.fell_back}", one.language)
    if sound.machine or one.audio_kind is AudioKind.MACHINE:
        yield from _machine(one, sound, known, name)


def _machine(one: Variant, sound: Heard, known: Known, name: str) -> Iterator[Point]:
    reading = known.readings.get(one.language)
    if reading is None:
        vi = f"Tiếng {name}: giọng máy đọc nhưng chưa có lời đọc để duyệt."
        yield _warn("reading_missing", vi, f"{one.language}: machine speech without its reading.", one.language)
    elif sound.reading_sha256 is not None and sound.reading_sha256 != reading:
        vi = f"Tiếng {name}: giọng máy đã đọc một lời đọc khác; hãy cho đọc lại."
        en = f"{one.language}: the machine spoke another reading than this one; have it spoken again."
        yield _stop("reading_differs", vi, en, one.language)


def _place(text: Document, place: Place, names: Mapping[str, str]) -> Iterator[Point]:
    nobody = text.sounds and not place.classes and not (place.boards and text.boards)
    if nobody and place.slot_ms != 0:
        vi, en = f"{_where(place)}: không có thiết bị nào.", f"No device is at {place.name or place.id}."
        yield _stop("nobody_there", vi, en, placement=place.id)
    missing = sorted({one for spoken in place.classes for one in spoken} - text.sounds.keys()) if text.sounds else []
    if missing:
        told = ", ".join(f"tiếng {names.get(one, one)}" for one in missing)
        vi = f"Thiết bị ở đây còn nghe {told}, bản tin chưa có."
        yield _warn("language_missing", vi, f"Devices here speak {', '.join(missing)}, too.", placement=place.id)
    if place.boards and not text.boards and not text.pictures:
        vi = f"Ở đây có {place.boards} bảng tin, bản tin chưa có nội dung cho bảng."
        yield _warn("board_empty", vi, f"{place.boards} boards here would show nothing.", placement=place.id)
    if place.slot_ms is not None:
        yield from _slot(text, place)
    if place.night and text.sounds:
        vi = f"{_where(place)}: {place.night} là giờ bà con đang ngủ, hãy xem lại giờ phát."
        yield _warn("at_night", vi, f"People sleep at {place.night}; look at the time again.", placement=place.id)
    for vi, en in place.objections:
        yield _stop("outside_rules", vi, en, placement=place.id)


def _slot(text: Document, place: Place) -> Iterator[Point]:
    if not text.sounds:
        yield _stop("slot_needs_sound", "Buổi phát cần âm thanh.", "A slot needs a sound.", placement=place.id)
    if not place.slot_ms:
        vi = f"{_where(place)}: trong bảy ngày tới không có buổi phát nào dành chỗ cho bản tin ở đây."
        en = f"No session of the next seven days has a slot there ({place.name or place.id})."
        yield _warn("no_slot", vi, en, placement=place.id)
    elif place.longest_ms > place.slot_ms:
        vi = f"{_where(place)}: bản tin dài {_length(place.longest_ms)}, buổi phát chỉ dành {_length(place.slot_ms)}."
        en = f"It lasts {place.longest_ms} ms, the slot {place.slot_ms} ms."
        yield _stop("longer_than_slot", vi, en, placement=place.id)


def _where(place: Place) -> str:
    return f"Nơi phát “{place.name or place.id}”"


def _length(milliseconds: int) -> str:
    seconds = round(milliseconds / 1000)
    return f"{seconds // 60} phút {seconds % 60} giây" if seconds >= 60 else f"{seconds} giây"  # noqa: PLR2004 - a minute


def _stop(code: str, vi: str, en: str, language: str = "", placement: str = "") -> Point:
    return Point(code, Weight.STOP, vi, en, language, placement)


def _warn(code: str, vi: str, en: str, language: str = "", placement: str = "") -> Point:
    return Point(code, Weight.WARNING, vi, en, language, placement)


def stops(found: Iterable[Point]) -> bool:
    """Whether anything of it would not be heard or shown as meant."""
    return any(one.weight is Weight.STOP for one in found)


def own_stops(found: Iterable[Point]) -> list[Point]:
    """What stops an approval by itself, unless the approver names it."""
    return [one for one in found if one.weight is Weight.STOP and one.code not in DECIDED_ELSEWHERE]
