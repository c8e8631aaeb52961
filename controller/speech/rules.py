"""How a reading is cut into what is said in one breath, and whose turn it is to say it. Pure.

Pieces put together again are the reading, to the character; nothing is added, and only pauses lie between them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.speech.errors import LanguageUnspoken, VoiceUnknown
from controller.speech.port import Voice
from controller.units.languages import BY_CODE

_SENTENCE = re.compile(r"(?:[.!?…]+[\"”’»)\]]*(?=\s)|\n)\s*")
_CLAUSE = re.compile(r"[,;:]\s+")
_SPACE = re.compile(r"\s+")
_SHORTER = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that are said together, and the silence after them in ms."""

    text: str
    pause_ms: int


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a reading, each with the white space after it; put together they are the reading."""
    return tuple(_cut(text, _SENTENCE))


def pieces(text: str, pause_ms: int, most: int | None = None) -> tuple[Piece, ...]:
    """The sentences of a reading with the pauses between them; the last has none.

    `most`: characters of a piece; a longer sentence is parted at commas, else between words, else anywhere.
    """
    found: list[Piece] = []
    for sentence in sentences(text):
        parts = [sentence] if most is None else list(_short(sentence, most)) or [sentence]
        found += [Piece(part, pause_ms // _SHORTER) for part in parts[:-1]]
        found.append(Piece(parts[-1], pause_ms))
    last = len(found) - 1
    return tuple(Piece(piece.text, piece.pause_ms if at < last else 0) for at, piece in enumerate(found))


def _cut(text: str, end: re.Pattern[str]) -> Iterator[str]:
    """Parts that end as `end` says; signs without any word stay with what is beside them."""
    start = 0
    for found in end.finditer(text):
        if _worded(text[start : found.end()]) and _worded(text[found.end() :]):
            yield text[start : found.end()]
            start = found.end()
    yield text[start:]


def _worded(text: str) -> bool:
    return any(sign.isalnum() for sign in text)


def _short(sentence: str, most: int) -> Iterator[str]:
    """Parts of at most `most` characters, each as long as fits."""
    rest = sentence
    while len(rest) > most:
        at = _last_end(_CLAUSE, rest, most) or _last_end(_SPACE, rest, most) or most
        yield rest[:at]
        rest = rest[at:]
    if rest:
        yield rest


def _last_end(end: re.Pattern[str], text: str, most: int) -> int:
    return max((found.end() for found in end.finditer(text, 0, most + 1) if found.end() <= most), default=0)


def turns(known: Sequence[Voice], language: str, preferred: Sequence[str], wanted: str | None) -> tuple[Voice, ...]:
    """Voices of a language in the order in which they are tried: the wanted one, those preferred, all others.

    Raises:
        LanguageUnspoken: there is none.
        VoiceUnknown: the wanted one does not exist, or speaks another language.
    """
    fitting = {voice.name: voice for voice in known if voice.language == language}
    if wanted is not None and wanted not in fitting:
        raise VoiceUnknown(
            f"no voice for “{language}” is called {wanted}; there are {', '.join(fitting) or 'none'}", voice=wanted
        )
    if not fitting:
        name = BY_CODE[language].vi if language in BY_CODE else f"“{language}”"
        raise LanguageUnspoken(
            f"no machine voice speaks “{language}”; record somebody who does",
            vi=f"không có giọng máy nào đọc tiếng {name}; hãy thu âm người đọc",
            language=language,
        )
    first = [wanted] if wanted is not None else []
    order = dict.fromkeys(name for name in (*first, *preferred, *fitting) if name in fitting)
    return tuple(fitting[name] for name in order)
