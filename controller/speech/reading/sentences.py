"""Words and signs become clean lines, lines become sentences with their phrases and pauses. Pure.

Every line but the last ends in a sign, so that reading the result again changes nothing.
"""

import re
import unicodedata
from typing import Final

from controller.speech.reading.spoken import Pause, Phrase, Sentence

_SPACES: Final = re.compile(r"\s+")
_STOPS: Final = re.compile(r" ?[,.;:?!](?: ?[,.;:?!])*")
_STRENGTH: Final = "?!.:;,"
_ELLIPSIS: Final = re.compile(r" ?…[ …]*(.?)")
_SENTENCE: Final = re.compile(r"[^.?!]+[.?!]?")
_PHRASE: Final = re.compile(r"[^,;:]+[,;:]?")


def tidy(text: str) -> str:
    """`text` of the allowed characters only, signs joined to the word before, a line feed between paragraphs."""
    lines = [line for line in map(_line, text.split("\n")) if line]
    ended = [_ended(line) for line in lines[:-1]] + [line.rstrip(",") for line in lines[-1:]]
    return "\n".join(ended)


def sentences(spoken: str) -> tuple[Sentence, ...]:
    """The sentences of a tidy text in order."""
    found: list[Sentence] = []
    for line in spoken.split("\n"):
        parts = [part.strip() for part in _SENTENCE.findall(line) if part.strip()]
        for index, part in enumerate(parts):
            found.append(_sentence(part, Pause.PARAGRAPH if index == len(parts) - 1 else Pause.SENTENCE))
    if found:
        found[-1] = _sentence(found[-1].text, Pause.END)
    return tuple(found)


def _sentence(text: str, after: Pause) -> Sentence:
    parts = [part.strip() for part in _PHRASE.findall(text)]
    parts = [part for part in parts if part.strip(" .?!,;:")]
    if not parts:
        return Sentence(text, (Phrase(text, after),))
    pauses = [Pause.PHRASE] * (len(parts) - 1) + [after]
    return Sentence(text, tuple(Phrase(part, pause) for part, pause in zip(parts, pauses, strict=True)))


def _line(line: str) -> str:
    """One line: allowed characters, single spaces, one sign at a time."""
    line = _ELLIPSIS.sub(_after_ellipsis, _SPACES.sub(" ", line))
    kept = "".join(_allowed(line, at) for at in range(len(line)))
    kept = _SPACES.sub(" ", kept)
    kept = _STOPS.sub(_strongest, kept)
    return _SPACES.sub(" ", kept).strip(" ,.;:?!") + _closing(kept)


def _closing(line: str) -> str:
    """The sign that ends the line, kept where the words are stripped."""
    words = line.rstrip(" ")
    return words[-1] if words and words[-1] in _STRENGTH and words.strip(" ,.;:?!") else ""


def _after_ellipsis(found: re.Match[str]) -> str:
    after = found.group(1)
    return ". " + after if not after or after.isupper() else ", " + after


def _allowed(line: str, at: int) -> str:
    """What one character becomes."""
    sign = line[at]
    if sign in " ,.;:?!" or sign.isalpha() or unicodedata.category(sign).startswith("M"):
        return sign
    between = 0 < at < len(line) - 1 and line[at - 1].isalpha() and line[at + 1].isalpha()
    if sign in "'’ʼ":
        return "'" if between else ""
    if sign == "-":
        return "-" if between else ","
    return " "


def _strongest(found: re.Match[str]) -> str:
    signs = found.group()
    return next(sign for sign in _STRENGTH if sign in signs) + " "


def _ended(line: str) -> str:
    return line if line[-1] in ".?!:;" else line.rstrip(",") + "."
