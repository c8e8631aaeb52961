"""What a reading is: the words that an engine speaks, in sentences with pauses, and what an officer should know. Pure.

`Reading.spoken` holds letters, single spaces, line feeds between paragraphs, the signs . , ? ! : ; and hyphens or
apostrophes inside words: nothing that any engine could take for markup or a number.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Pause(StrEnum):
    """Why a voice rests."""

    PHRASE = "phrase"
    SENTENCE = "sentence"
    PARAGRAPH = "paragraph"
    END = "end"


PAUSES_MS: Final[dict[Pause, int]] = {Pause.PHRASE: 250, Pause.SENTENCE: 600, Pause.PARAGRAPH: 1_100, Pause.END: 0}
"""Rests at ordinary speed; an engine divides them by its speed."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words said in one breath, with the sign that ends them, and the rest after them."""

    text: str
    pause: Pause


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with its closing sign; the last phrase's pause is the sentence's."""

    text: str
    phrases: tuple[Phrase, ...]

    @property
    def pause(self) -> Pause:
        """The rest after it."""
        return self.phrases[-1].pause

    @property
    def pause_ms(self) -> int:
        """The rest after it at ordinary speed."""
        return PAUSES_MS[self.pause]


@unique
class Kind(StrEnum):
    """What was read in a way of its own."""

    LEXICON = "lexicon"
    DATE = "date"
    LUNAR_DATE = "lunar_date"
    TIME = "time"
    RANGE = "range"
    NUMBER = "number"
    MONEY = "money"
    PHONE = "phone"
    ROMAN = "roman"
    UNIT = "unit"
    DOCUMENT = "document"
    ABBREVIATION = "abbreviation"
    LETTERS = "letters"
    CAPITALS = "capitals"
    ADDRESS = "address"
    CODE = "code"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Note:
    """What was read how: `written` first stands at `start` of `Reading.written` and occurs `count` times.

    `doubtful` asks the officer to look; `vi` and `en` say what was done and, where in doubt, what else could be meant.
    """

    kind: Kind
    written: str
    spoken: str
    start: int
    doubtful: bool
    vi: str
    en: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is read: `written` is what was read (NFC), `spoken` the words, `sentences` the same in parts."""

    written: str
    spoken: str
    sentences: tuple[Sentence, ...]
    notes: tuple[Note, ...]

    @property
    def doubts(self) -> tuple[Note, ...]:
        """The notes that somebody should look at before approving."""
        return tuple(note for note in self.notes if note.doubtful)
