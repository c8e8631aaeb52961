"""Letters and digits in one word: 5A, 12A1, H5N1, A320, Km12, F0."""

import re
from typing import Final

from controller.speech.reading import numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.letters import LETTERS, spelled
from controller.speech.reading.vocabulary.units import PHYSICAL

_LETTERS_FIRST: Final = re.compile(r"[A-Za-zĐđ]{1,6}-?\d[A-Za-z0-9Đđ]{0,14}(?![^\W_])")
_DIGITS_FIRST: Final = re.compile(r"\d{1,4}-?[A-ZĐ]{1,3}(?:\d{1,3}[A-Z]?)?(?![^\W_])")
_PIECE: Final = re.compile(r"\d+|[^\W\d_]+")
_KILOMETRE: Final = re.compile(r"(?:Km|KM|km) ?(?=\d)")
_BARE_UNIT: Final = re.compile(r"(?:(?:k|c)?m[23²³]|k[gm]|[cm]m|m[gl]|ha|kWh|kW|dB|MW)(?![^\W_])(?! ha)")
_TIMES: Final = re.compile(r"x(?= ?\d)")
_EXPANDED: Final = {"NQ": "nghị quyết", "NĐ": "nghị định", "QĐ": "quyết định", "KP": "khu phố", "TDP": "tổ dân phố"}
_SHORT: Final = 2
_SPELLED: Final = 4


def letters_first(place: Place) -> Said | None:
    """H5N1, A1, B52."""
    found = place.match(_LETTERS_FIRST)
    return Said(found.end(), _pieces(found.group(), place), Kind.CODE) if found else None


def digits_first(place: Place) -> Said | None:
    """5A, 12A1."""
    found = place.match(_DIGITS_FIRST)
    return Said(found.end(), _pieces(found.group(), place), Kind.CODE) if found else None


def kilometre(place: Place) -> Said | None:
    """Km12: the number is read by itself."""
    found = place.match(_KILOMETRE)
    return Said(found.end(), "ki-lô-mét", Kind.UNIT, told=False) if found else None


def times_sign(place: Place) -> Said | None:
    """10 viên x 500 mg."""
    found = place.match(_TIMES)
    return Said(found.end(), "nhân", Kind.SYMBOL) if found and any(map(str.isdigit, place.before[-15:])) else None


def bare_unit(place: Place) -> Said | None:
    """A unit without a number before it: mỗi kg, tính theo m2."""
    found = place.match(_BARE_UNIT)
    if not found or place.last == "ha":
        return None
    return Said(found.end(), PHYSICAL[found.group()], Kind.UNIT, told=False)


def _pieces(written: str, place: Place) -> str:
    return " ".join(_piece(piece, place) for piece in _PIECE.findall(written))


def _piece(piece: str, place: Place) -> str:
    if piece.isdigit():
        if len(piece) > _SHORT or (len(piece) > 1 and piece.startswith("0")):
            return numbers.digits(piece)
        return numbers.cardinal(int(piece), place.usage)
    if piece in _EXPANDED:
        return _EXPANDED[piece]
    known = all(letter in LETTERS for letter in piece.lower())
    return (
        spelled(piece) if known and (piece.isupper() or len(piece) == 1) and len(piece) <= _SPELLED else piece.lower()
    )
