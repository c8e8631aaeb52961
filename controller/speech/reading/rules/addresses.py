"""E-mail and web addresses: chấm, a còng, gạch chéo; words run together are taken apart (laocai: lao cai)."""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.syllables import split_bare
from controller.speech.reading.vocabulary.letters import spelled

_ENDS: Final = r"(?:vn|com|net|org|gov|edu|info|int|asia)"
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,40}(?:\.[A-Za-z0-9-]{1,40}){1,5}")
_URL: Final = re.compile(r"(?:https?://|www\.)[^\s<>\"“”]{1,300}", re.IGNORECASE)
_DOMAIN: Final = re.compile(
    rf"[a-z0-9][a-z0-9-]{{0,40}}(?:\.[a-z0-9-]{{1,40}}){{0,4}}\.{_ENDS}(?![^\W_])(?:/[^\s<>\"“”]{{0,200}})?"
)
_TRAILING: Final = ".,;:!?)'’"
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+|[^\w]|_")
_SIGNS: Final = {
    ".": "chấm",
    "@": "a còng",
    "/": "gạch chéo",
    "-": "gạch ngang",
    "_": "gạch dưới",
    ":": "hai chấm",
    "?": "hỏi",
}
_WORDS: Final = {
    "vn": "vê en", "com": "com", "gov": "gốp", "net": "nét", "org": "o rờ giê", "edu": "e đu",
    "www": "vê kép vê kép vê kép", "gmail": "gờ-meo", "yahoo": "da-hu", "facebook": "phây-búc", "zalo": "da-lô",
    "me": "mi", "youtube": "iu-túp", "dichvucong": "dịch vụ công", "info": "in-phô", "email": "i-meo", "mail": "meo",
    "vneid": "vi en i đi",
}  # fmt: skip
_MOST_SPELLED: Final = 5


def addresses(place: Place) -> Said | None:
    """An address, without the sign of the sentence that may end it."""
    for pattern in (_MAIL, _URL, _DOMAIN):
        found = place.match(pattern)
        if found:
            written = found.group().rstrip(_TRAILING)
            spoken = " ".join(filter(None, (_piece(piece) for piece in _PIECE.findall(_without_scheme(written)))))
            return Said(place.at + len(written), spoken, Kind.ADDRESS, doubts.ADDRESS)
    return None


def _without_scheme(written: str) -> str:
    return re.sub(r"\Ahttps?://", "", written, flags=re.IGNORECASE).rstrip("/")


def _piece(piece: str) -> str:
    if piece.isdigit():
        return numbers.in_groups(piece)
    if not piece.isalpha():
        return _SIGNS.get(piece, "")
    word = piece.lower()
    if word in _WORDS:
        return _WORDS[word]
    parts = split_bare(word)
    if parts is not None:
        return " ".join(parts)
    return spelled(word) if len(word) <= _MOST_SPELLED else word
