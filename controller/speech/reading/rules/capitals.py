"""Words in capitals that no list knows: a headline is said as words, an unknown abbreviation is spelled and told."""

import re
from typing import Final

from controller.speech.reading import doubts
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.syllables import is_syllable
from controller.speech.reading.vocabulary.letters import LETTERS, spelled

_CAPITALS: Final = re.compile(r"[^\W\d_]{2,40}(?![^\W\d_])")
_NEXT: Final = re.compile(r"[ ,–-]{1,3}([^\W\d_]{1,20})(?![^\W_])")
_BEFORE: Final = re.compile(r"([^\W\d_]{1,20})[ ,–-]{1,3}\Z")
_SINGLE: Final = re.compile(r"[BCDĐFGHKLMNPQRSTVXZJW](?![^\W\d_])(?!\.|['’ʼ][^\W\d_])")
_INITIAL: Final = re.compile(r"([A-ZĐ])\.(?=[^\W\d_]|,| \()")
_VOWELS: Final = frozenset("AEIOUY")
_SHORTEST_WORD: Final = 3


def capitals(place: Place) -> Said | None:
    """Two or more capital letters."""
    found = place.match(_CAPITALS)
    if not found or not found.group().isupper():
        return None
    word = found.group()
    if in_headline(place, found.end()) and is_syllable(word):
        return Said(found.end(), word.lower(), Kind.CAPITALS, told=False)
    if is_syllable(word) and (len(word) >= _SHORTEST_WORD or not word.isascii()):
        plain = not word.isascii()
        return Said(
            found.end(), word.lower(), Kind.CAPITALS, None if plain else doubts.WORD_IN_CAPITALS, told=not plain
        )
    if all(letter in LETTERS for letter in word.lower()):
        return Said(found.end(), spelled(word), Kind.LETTERS, doubts.UNKNOWN_ABBREVIATION)
    return Said(found.end(), word.lower(), Kind.CAPITALS, doubts.WORD_IN_CAPITALS)


def single_letter(place: Place) -> Said | None:
    """A consonant by itself (vitamin C, tổ B) has a name; vowels say themselves, and so do initials of names."""
    initial = place.match(_INITIAL)
    if initial and not place.previous.isalnum():
        letter = initial.group(1)
        return Said(initial.end(), letter if letter in _VOWELS else spelled(letter), Kind.LETTERS, told=False)
    found = place.match(_SINGLE)
    if not found:
        return None
    return Said(found.end(), spelled(found.group()), Kind.LETTERS)


def in_headline(place: Place, end: int) -> bool:
    """Whether a word in capitals, which ends at `end`, stands beside another that is no abbreviation."""
    begin = max(0, place.at - 24)
    before = _BEFORE.search(place.text[begin : place.at])
    after = _NEXT.match(place.text, end)
    return any(found is not None and _is_loud(found.group(1)) for found in (before, after))


def _is_loud(word: str) -> bool:
    return len(word) > 1 and word.isupper() and is_syllable(word)
