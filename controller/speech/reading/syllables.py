"""Which letters make a Vietnamese syllable, with or without its tone. Pure.

Tells a word in capitals (THÔNG BÁO) from an abbreviation (UBND), and finds the words in an address (laocai).
"""

import unicodedata
from functools import lru_cache
from typing import Final

_ONSETS: Final = (
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "qu",
    "r", "s", "t", "th", "tr", "v", "x",
)  # fmt: skip
_RHYMES: Final = """
a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo ep et ê êch
êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu y yêm yên yêng yêt yêu o oa oac oach oai
oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong ooc oong op ot ô ôc ôi ôm ôn
ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt uơ up ut uy
uya uych uyên uyêt uynh uyt uyu ư ưa ưc ưi ưm ưn ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu
"""
_TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")
_LONGEST: Final = 7
_MOST_LETTERS: Final = 40


def without_tone(word: str) -> str:
    """`word` without its tone; ă â đ ê ô ơ ư stay."""
    apart = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in _TONES))


def bare(word: str) -> str:
    """`word` in plain Latin letters: đ becomes d."""
    apart = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "D"))
    return "".join(mark for mark in apart if not unicodedata.combining(mark))


_SYLLABLES: Final = frozenset(onset + rhyme for onset in _ONSETS for rhyme in _RHYMES.split())
_BARE: Final = frozenset(map(bare, _SYLLABLES))


def is_syllable(word: str) -> bool:
    """Whether `word` can be said as one Vietnamese syllable, written with or without accents."""
    return len(word) <= _LONGEST and (without_tone(word.lower()) in _SYLLABLES or word.lower() in _BARE)


@lru_cache(maxsize=4_096)
def split_bare(word: str) -> tuple[str, ...] | None:
    """The fewest syllables that `word` (small letters without accents) is made of; None if it is of none."""
    if not 0 < len(word) <= _MOST_LETTERS:
        return None
    best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for begin in range(max(0, end - _LONGEST), end):
            before, part = best[begin], word[begin:end]
            shortest = best[end]
            if before is not None and part in _BARE and (shortest is None or len(before) + 1 <= len(shortest)):
                best[end] = (*before, part)
    return best[-1]
