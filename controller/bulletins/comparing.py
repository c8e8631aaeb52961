"""What one revision of a bulletin says otherwise than another: field by field, texts word by word. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum

from controller.bulletins.document import Board, Document, Variant

MOST_WORDS = 2000
"""Longer texts are compared by their lines: comparing words costs their product."""


class Kind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a text."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that says something else; `language` of a variant's. Of texts `pieces` has both of them, in order.

    `field`: title, level, field, essential, agency, valid_from, valid_until, language (a whole variant came or went),
    text, reading, sound, board, picture.
    """

    field: str
    before: str
    after: str
    language: str = ""
    pieces: tuple[Piece, ...] = ()


def differences(before: Document, after: Document) -> list[Difference]:
    """All of them, in the order in which they are read."""
    return [*_whole(before, after), *_variants(before, after)]


def _whole(before: Document, after: Document) -> Iterator[Difference]:
    for name in ("title", "level", "field", "essential", "agency", "valid_from", "valid_until"):
        was, now = _told(getattr(before, name)), _told(getattr(after, name))
        if was != now:
            yield Difference(name, was, now, pieces=tuple(pieces(was, now)) if name == "title" else ())


def _told(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variants(before: Document, after: Document) -> Iterator[Difference]:
    were = {one.language: one for one in before.variants}
    are = {one.language: one for one in after.variants}
    for language in dict.fromkeys((*are, *were)):
        was, now = were.get(language), are.get(language)
        if was is None or now is None:
            yield Difference("language", language if was else "", language if now else "", language)
        if now is not None:
            yield from _variant(was or Variant(language=language), now)


def _variant(was: Variant, now: Variant) -> Iterator[Difference]:
    boards = (was.board or Board(), now.board or Board())
    for name, old, new in (
        ("text", was.text, now.text),
        ("reading", was.reading or "", now.reading or ""),
        ("board", boards[0].text, boards[1].text),
    ):
        if old != new:
            yield Difference(name, old, new, now.language, tuple(pieces(old, new)))
    if was.audio != now.audio:
        yield Difference("sound", was.audio or "", now.audio or "", now.language)
    shown = [one.image or one.video or "" for one in boards]
    if shown[0] != shown[1]:
        yield Difference("picture", shown[0], shown[1], now.language)


def pieces(before: str, after: str) -> Iterator[Piece]:
    """Both texts as one: what stayed and came, in order, is `after`; what stayed and went is `before`."""
    was, now = _parts(before), _parts(after)
    if max(len(was), len(now)) > MOST_WORDS:
        was, now = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matched = SequenceMatcher(None, was, now, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matched.get_opcodes():
        if tag == "equal":
            yield Piece(Kind.SAME, "".join(was[old_from:old_to]))
            continue
        yield from _piece(Kind.REMOVED, was[old_from:old_to])
        yield from _piece(Kind.ADDED, now[new_from:new_to])


def _piece(kind: Kind, parts: Sequence[str]) -> Iterable[Piece]:
    return [Piece(kind, "".join(parts))] if parts else []


def _parts(text: str) -> list[str]:
    """Words and the blanks between them, one after another; together they are the text."""
    return re.findall(r"\S+|\s+", text)
