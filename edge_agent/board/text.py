"""What a bulletin's text becomes before it is drawn: NFC, one kind of space, nothing invisible.

A letter that the font cannot draw refuses the whole text, because a board that leaves letters out says something
else than the bulletin; a symbol or emoji that it cannot draw is left out and named.
"""

import unicodedata
from dataclasses import dataclass

from edge_agent.board.typeface import Typeface
from loa_protocol.errors import LoaError

MAX_TEXT_CHARACTERS = 5_000


class TextUnshowable(LoaError):
    """This text cannot be shown truthfully on this board."""

    code = "board_text_unshowable"


@dataclass(frozen=True, slots=True)
class ShowableText:
    """Paragraphs of words, every character of which the font has; `left_out` are the symbols it had not."""

    paragraphs: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All words in one row."""
        return tuple(word for paragraph in self.paragraphs for word in paragraph)


def prepare(text: str, face: Typeface) -> ShowableText:
    """Bring a text into the form the layout takes.

    Raises:
        TextUnshowable: too long, empty, or with letters the font does not have.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextUnshowable(
            f"the text has {len(text)} characters and a board shows at most {MAX_TEXT_CHARACTERS}: shorten the bulletin"
        )
    visible = [_visible(character) for character in unicodedata.normalize("NFC", text)]
    missing = sorted({c for c in visible if not c.isspace() and c and not face.has(c)})
    letters = [c for c in missing if unicodedata.category(c)[0] in "LMN"]
    if letters:
        raise TextUnshowable(f"the board's font has no {', '.join(map(_name, letters))}: send this text as a picture")
    kept = "".join(c for c in visible if c not in missing)
    paragraphs = tuple(tuple(line.split()) for line in kept.split("\n") if line.strip())
    if not paragraphs:
        raise TextUnshowable("nothing of the text can be drawn: write at least one word")
    return ShowableText(paragraphs, tuple(missing))


def _visible(character: str) -> str:
    if character in "\n\u2028\u2029":
        return "\n"
    if character.isspace():
        return " "
    # Controls, formats (bidi overrides, zero-width joiners) and variation selectors draw nothing of their own.
    if unicodedata.category(character) in {"Cc", "Cf"} or "\ufe00" <= character <= "\ufe0f":
        return ""
    return character


def _name(character: str) -> str:
    return f"{character} (U+{ord(character):04X})"
