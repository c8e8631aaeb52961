"""What one revision of a bulletin says: its facts and its language variants, as it is stored and approved. Pure.

Every text is cleaned before it is stored (`cleaned`), so that what is approved is what boards show and engines speak.
One language has one variant. The first of `vi`, else the first written, stands in for languages without one of theirs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from controller.bulletins.words import Field
from controller.runtime.years import FIRST_YEAR, LAST_YEAR, is_known
from loa_protocol.errors import LoaError
from loa_protocol.ids import Id, Language, Level

MOST_VARIANTS = 20
LONGEST_BOARD_TEXT = 4000
LONGEST_TITLE = 300
HOME = "vi"

Moment = Annotated[datetime, Meta(tz=True)]
Clean = Callable[[str], str]
"""Gives a text as it may be stored, or raises."""


class BulletinInvalid(LoaError):
    """A bulletin cannot be stored like this; `faults` of the details has everything that is wrong."""

    code = "bulletin_invalid"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field, in Vietnamese and in English."""

    field: str
    vi: str
    en: str


class AudioKind(StrEnum):
    """Where the sound of a variant comes from; `machine` is called giọng máy wherever people see it."""

    RECORDING = "recording"
    UPLOAD = "upload"
    MACHINE = "machine"
    JOINED = "joined"


class Board(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What boards show: `long` is paged, `short` scrolls; each stands in for the other. Images are asset ids."""

    short: str = ""
    long: str = ""
    layout: Annotated[str, Meta(pattern=r"^(page|scroll)\Z")] = "page"
    dwell_ms: Annotated[int, Meta(ge=500, le=600_000)] = 5000
    image: Id | None = None
    video: Id | None = None

    @property
    def text(self) -> str:
        """The text for its layout."""
        return (self.short or self.long) if self.layout == "scroll" else (self.long or self.short)


class Variant(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One language: `text` as written, `reading` as an engine speaks it (approved with the text), `audio` an asset."""

    language: Language
    text: str = ""
    reading: str | None = None
    audio: Id | None = None
    audio_kind: AudioKind | None = None
    voice: dict[str, Any] = {}
    board: Board | None = None


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A revision. Valid at `valid_from` <= t < `valid_until`; None is from its approval on, and without end."""

    title: str
    level: Level = Level.NORMAL
    field: Field = Field.OTHER
    essential: bool = False
    agency: str = ""
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    variants: tuple[Variant, ...] = ()

    @property
    def home(self) -> Variant | None:
        """What stands in for languages without a variant, if it has a sound; None without any sound."""
        sounding = [one for one in self.variants if one.audio is not None]
        return next((one for one in sounding if one.language == HOME), sounding[0] if sounding else None)

    @property
    def sounds(self) -> dict[str, str]:
        """Language → asset of every variant that has a sound."""
        return {one.language: one.audio for one in self.variants if one.audio is not None}

    @property
    def boards(self) -> tuple[Board, ...]:
        """What boards show, the home language first."""
        shown = [one for one in self.variants if one.board is not None and one.board.text]
        return tuple(one.board for one in sorted(shown, key=lambda one: one.language != HOME) if one.board)

    @property
    def pictured(self) -> tuple[Board, ...]:
        """What boards show with or without words, the home language first."""
        shown = sorted(self.variants, key=lambda one: one.language != HOME)
        return tuple(one.board for one in shown if one.board is not None)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Every image and video for boards."""
        return tuple(one for variant in self.variants for one in _pictures(variant.board) if one is not None)

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset it names, once."""
        named = [id_ for one in self.variants for id_ in (one.audio, *_pictures(one.board)) if id_ is not None]
        return tuple(dict.fromkeys(named))


def _pictures(board: Board | None) -> tuple[str | None, ...]:
    return () if board is None else (board.image, board.video)


def read(data: Any) -> Document:
    """A stored or sent document.

    Raises:
        BulletinInvalid: it is none.
    """
    try:
        return msgspec.convert(data, Document)
    except msgspec.ValidationError as error:
        _, _, where = str(error).partition(" - at ")
        raise BulletinInvalid(
            f"the bulletin is malformed: {error}; correct that field",
            vi=f"bản tin viết chưa đúng{f' ở mục {where}' if where else ''} ({error}); hãy sửa lại",
        ) from error


def plain(document: Document) -> dict[str, Any]:
    """As it is stored."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    return found


def cleaned(document: Document, clean: Clean) -> Document:
    """With every text cleaned; an empty one stays empty.

    Raises:
        BulletinInvalid: something of it contradicts itself.
        LoaError: a text was refused by `clean`.
    """

    def tidy(text: str) -> str:
        return clean(text) if text.strip() else ""

    variants = tuple(_tidy_variant(one, tidy) for one in document.variants)
    found = msgspec.structs.replace(
        document, title=" ".join(tidy(document.title).split()), agency=tidy(document.agency), variants=variants
    )
    refuse(_faults(found))
    return found


def refuse(faults: Iterable[Fault]) -> None:
    """Raise if there are any.

    Raises:
        BulletinInvalid: with all of them, in both languages.
    """
    found = list(faults)
    if found:
        told = [{"field": one.field, "vi": one.vi, "en": one.en} for one in found]
        raise BulletinInvalid("; ".join(f"{one.field}: {one.en}" for one in found), faults=told)


def _tidy_variant(one: Variant, tidy: Clean) -> Variant:
    board = one.board and msgspec.structs.replace(one.board, short=tidy(one.board.short), long=tidy(one.board.long))
    reading = None if one.reading is None else tidy(one.reading) or None
    return msgspec.structs.replace(one, text=tidy(one.text), reading=reading, board=board)


def _faults(document: Document) -> Iterator[Fault]:
    if not document.title or len(document.title) > LONGEST_TITLE:
        yield Fault("title", f"cần tiêu đề dài từ 1 đến {LONGEST_TITLE} ký tự", f"give 1 to {LONGEST_TITLE} characters")
    if len(document.agency) > LONGEST_TITLE:
        yield Fault("agency", f"dài nhất {LONGEST_TITLE} ký tự", f"at most {LONGEST_TITLE} characters")
    if document.level is Level.EMERGENCY:
        vi = "tin khẩn cấp phải do người có thẩm quyền phát cảnh báo, không soạn như bản tin"
        yield Fault("level", vi, "an emergency is released as an alert by its approvers, it is no bulletin")
    begin, end = document.valid_from, document.valid_until
    for field, at in (("valid_from", begin), ("valid_until", end)):
        if at is not None and not is_known(at):
            vi = f"năm phải từ {FIRST_YEAR} đến {LAST_YEAR}; bỏ trống nếu không có hạn"
            yield Fault(field, vi, f"the years from {FIRST_YEAR} to {LAST_YEAR} are known; leave out what has no end")
    if begin is not None and end is not None and end <= begin:
        vi, en = "hết hiệu lực trước khi có hiệu lực; sửa lại hai mốc", "over before it is valid; correct the instants"
        yield Fault("valid_until", vi, en)
    if len(document.variants) > MOST_VARIANTS:
        yield Fault("variants", f"nhiều nhất {MOST_VARIANTS} ngôn ngữ", f"at most {MOST_VARIANTS} languages")
    yield from _variant_faults(document.variants)


def _variant_faults(variants: Iterable[Variant]) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, one in enumerate(variants):
        if one.language in seen:
            en = f"{one.language} is there twice; write each language once"
            yield Fault(f"variants[{at}].language", f"ngôn ngữ {one.language} có hai lần; mỗi ngôn ngữ chỉ một", en)
        seen.add(one.language)
        if (one.audio is None) != (one.audio_kind is None):
            en = "say where the sound comes from, and only where there is one"
            yield Fault(f"variants[{at}].audio_kind", "ghi âm thanh từ đâu, và chỉ khi có âm thanh", en)
        board = one.board
        if board is not None and max(len(board.short), len(board.long)) > LONGEST_BOARD_TEXT:
            vi = f"bảng tin hiển thị nhiều nhất {LONGEST_BOARD_TEXT} ký tự; rút gọn nội dung"
            yield Fault(
                f"variants[{at}].board", vi, f"a board shows at most {LONGEST_BOARD_TEXT} characters; shorten it"
            )
