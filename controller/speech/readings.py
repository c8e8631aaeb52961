"""From a text as written to what a person approves and an engine says. Pure.

Vietnamese is read by the rules of `speech.reading`; other languages are said as they are written.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from controller.speech import reading as rules
from controller.speech.cleaning import Change, clean
from controller.speech.errors import ReadingRefused
from controller.speech.reading import Note
from controller.speech.reading.usage import NORTHERN, SOUTHERN, Usage

VIETNAMESE = "vi"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a unit has Vietnamese read: its pronunciations, its day, and the words its voice has for numbers."""

    lexicon: Mapping[str, str]
    today: date
    usage: Usage = NORTHERN


def usage_of(voices: Sequence[str]) -> Usage:
    """The number words that suit the first of these voices: southern ones where its name ends with `south`."""
    return SOUTHERN if voices and voices[0].endswith("south") else NORTHERN


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reading for somebody to approve: what was taken out of the text, and what is read how."""

    written: str
    reading: str
    changes: tuple[Change, ...]
    notes: tuple[Note, ...]


def proposed(text: str, language: str, manner: Manner) -> Proposal:
    """The reading of a text; a long one takes a second, so have it read beside the loop.

    Raises:
        TextEmpty, TextTooLong, TextUnsettled: it is no text.
    """
    cleaned = clean(text)
    if language == VIETNAMESE:
        found = rules.read(cleaned.text, lexicon=manner.lexicon, today=manner.today, usage=manner.usage)
    else:
        found = rules.as_written(cleaned.text)
    return Proposal(found.written, found.spoken, cleaned.notes, found.notes)


def approved(reading: str) -> str:
    """An approved reading as an engine is given it: letters joined with their marks, white space put right.

    Raises:
        TextEmpty, TextUnsettled: it is no text.
        ReadingRefused: cleaning would change what it says, so that something else would be spoken than was approved.
    """
    cleaned = clean(reading, limit=max(1, len(reading)))
    if _words(cleaned.text) != _words(reading):
        told = " ".join(change.en for change in cleaned.notes)
        raise ReadingRefused(
            f"the reading is not fit to be spoken as it stands ({told}); take it from POST /speech/readings",
            vi=" ".join(change.vi for change in cleaned.notes),
            cleaned=cleaned.text,
        )
    return cleaned.text


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()
