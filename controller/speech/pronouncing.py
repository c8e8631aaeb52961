"""What may stand on a unit's list of pronunciations: a word as it is written, and words that say it. Pure.

Nothing is put right here in silence: a word that cleaning would make another is refused, because it would never be
found in a text, and what is no words cannot say one.
"""

import re
import unicodedata
from typing import Final

from controller.speech.cleaning import clean
from controller.speech.errors import ReadingRefused

WRITTEN_CHARACTERS: Final = 100
SPOKEN_CHARACTERS: Final = 200
_LETTERS: Final = r"(?:[^\W\d_][\u0300-\u036f]*)+"
_WORDS: Final = re.compile(rf"{_LETTERS}(?:(?:, ?| |-|['’]){_LETTERS})*[.,]?")


def settled(text: str) -> str:
    """Letters joined with their marks, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def written(text: str) -> str:
    """A word, or a few on one line, as texts have it.

    Raises:
        ReadingRefused: it is none, or cleaning would change it.
        TextTooLong, TextUnsettled: as cleaning says.
    """
    word = settled(text)
    if not any(sign.isalnum() for sign in word) or _lines(text):
        raise ReadingRefused(
            f"“{word}” is no word on one line; write the word as it stands in texts",
            vi=f"“{word}” không phải là một từ trên một dòng; hãy nhập từ đúng như trong văn bản.",
        )
    cleaned = clean(word, limit=WRITTEN_CHARACTERS).text
    if cleaned != word:
        raise ReadingRefused(
            f"“{word}” never stands in a text: cleaning makes “{cleaned}” of it; give the word alone",
            vi=f"Không có văn bản nào giữ nguyên “{word}” (khi lưu sẽ thành “{cleaned}”); hãy nhập riêng từ cần đọc.",
            cleaned=cleaned,
        )
    return word


def spoken(text: str) -> str:
    """Words that say it: letters, with spaces, hyphens or commas between them.

    Raises:
        ReadingRefused: it is no words.
        TextTooLong, TextUnsettled: as cleaning says.
    """
    words = settled(text)
    if _lines(text) or not _WORDS.fullmatch(words) or clean(words, limit=SPOKEN_CHARACTERS).text != words:
        raise ReadingRefused(
            f"“{words}” is not how a word is said; write it in letters, as in “a tê ca”",
            vi=f"“{words}” không phải là cách đọc; hãy viết bằng chữ, không dùng số hay ký hiệu, ví dụ “a tê ca”.",
        )
    return words


def _lines(text: str) -> bool:
    return len(text.strip().splitlines()) > 1
