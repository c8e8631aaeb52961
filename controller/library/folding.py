"""Text as it is searched: without accents, case, or the two ways Unicode writes one letter. Pure.

What is stored beside a text and what somebody types go through the same `fold`, so "ủy ban", "UỶ BAN", "uy ban" and
the decomposed form of each meet. It is for finding only: two different words may fold alike, so nothing is ever
decided to be the same by it, and no folded text is shown.
"""

import unicodedata

FOLDED_CHARACTERS = 20_000
"""What a column of folded text holds at most; a text beyond it is found by its beginning."""

_LETTERS = str.maketrans({"đ": "d", "ð": "d", "ɖ": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


def fold(text: str) -> str:
    """Lower case letters and digits without marks, words one space apart; empty if nothing of that is in it.

    Everything that is neither letter nor digit (in any script; marks of scripts whose vowels are marks stay) parts
    words. Idempotent: `fold(fold(x)) == fold(x)`.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)
    kept = "".join(c if _is_word(c) else " " for c in plain if not _is_accent(c))
    return " ".join(kept.split())


def folded(*texts: str | None) -> str:
    """Several texts of one thing as one text to search, in their order; cut to what the column holds."""
    return " ".join(found for text in texts if text and (found := fold(text)))[:FOLDED_CHARACTERS].rstrip()


def words(query: str) -> tuple[str, ...]:
    """What must all be found for a query, longest first (the rarest as a rule), each once."""
    return tuple(sorted(dict.fromkeys(fold(query).split()), key=len, reverse=True))


def _is_accent(character: str) -> bool:
    """Marks of Latin, Greek and Cyrillic letters, which Unicode keeps in blocks of their own, and invisible ones."""
    return unicodedata.category(character) in ("Mn", "Cf", "Me") and unicodedata.name(character, "").startswith(
        ("COMBINING", "ZERO WIDTH", "SOFT HYPHEN", "LEFT-TO-RIGHT", "RIGHT-TO-LEFT", "POP DIRECTIONAL", "WORD JOINER")
    )


def _is_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
