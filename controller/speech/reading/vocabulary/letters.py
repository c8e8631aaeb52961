"""Names of letters as announcers say them in abbreviations."""

from typing import Final

LETTERS: Final[dict[str, str]] = {
    "a": "a", "ă": "á", "â": "ớ", "b": "bê", "c": "xê", "d": "dê", "đ": "đê", "e": "e", "ê": "ê", "f": "ép",
    "g": "giê", "h": "hát", "i": "i", "j": "gi", "k": "ca", "l": "lờ", "m": "em", "n": "en", "o": "o", "ô": "ô",
    "ơ": "ơ", "p": "pê", "q": "quy", "r": "rờ", "s": "ét", "t": "tê", "u": "u", "ư": "ư", "v": "vê", "w": "vê kép",
    "x": "ích", "y": "i dài", "z": "dét",
}  # fmt: skip


def spelled(word: str) -> str:
    """`word` letter by letter; a letter that has no name stays itself."""
    return " ".join(LETTERS.get(letter, letter) for letter in word.lower())
