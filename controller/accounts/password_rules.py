"""Which passwords are taken: 12 to 128 characters of any kind, and not one that many people or a neighbour would guess.

No rule asks for signs or digits: they make passwords worse. What is guessed first is known words with years, digits
and keyboard rows around them; so those are taken out, and what remains has to be something. Pure. The words are our
own list of what people here choose, and whatever the account itself says.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable

from controller.library.folding import fold
from loa_protocol.errors import LoaError

SHORTEST, LONGEST = 12, 128
LEAST_LEFT = 4
"""Characters that must remain of a password without what is known of it."""
_LEAST_DIFFERENT = 5
_LEAST_WORD = 3
_USUAL_SIGNS = 3  # of those that people put into and behind a word
_ROWS = (
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "0123456789", "abcdefghijklmnopqrstuvwxyz"),
    *("1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm"),
)
_LEAST_RUN = 4
_LOOKS = str.maketrans({"@": "a", "$": "s", "0": "o", "1": "i", "3": "e", "4": "a", "5": "s"})
_FIGURES = re.compile(r"\d{3,}")
_TEXT = """
matkhau matma password passwort passw pass admin administrator quantri quanly root user login dangnhap welcome
letmein changeme secret bimat default macdinh test thunghiem demo master system hethong
loa phatthanh truyenthanh dai daitruyenthanh thongtin thongtincoso bantin tinxa banxa ubnd uyban nhandan hdnd
vietnam viet nam hanoi saigon hochiminh tphcm danang haiphong cantho hue tinh huyen quan phuong thitran
thon xom ban ap khupho todanpho xa vanhoa vanhoaxahoi congchuc canbo chutich bithu vanthu
anhyeuem emyeuanh yeuem yeuanh yeu iloveyou love motminh mottinhyeu hanhphuc giadinh conyeu bame
nguyen tran pham hoang huynh phan dang bui duong
monday summer winter spring mua xuan dragon monkey football bongda manchester ronaldo messi
facebook zalo google iphone samsung viettel vinaphone mobifone internet wifi computer maytinh
chao xinchao hello camon
"""
WORDS = frozenset(_TEXT.split())


class PasswordRefused(LoaError):
    """A password is too short, too long, or easily guessed."""

    code = "password_refused"


def normal(password: str) -> str:
    """As it is hashed: one way to write each letter (NFC), nothing else changed, nothing cut."""
    return unicodedata.normalize("NFC", password)


def require(password: str, about: Iterable[str] = ()) -> str:
    """The password as it is hashed; `about`: what the account says of itself (names, unit, mail).

    Raises:
        PasswordRefused: choose another.
    """
    text = normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise PasswordRefused(
            f"a password has {SHORTEST} to {LONGEST} characters, not {len(text)}; several words are easy to keep",
            vi=f"mật khẩu dài từ {SHORTEST} đến {LONGEST} ký tự; hãy ghép vài từ dễ nhớ với nhau",
        )
    if is_guessable(text, about):
        raise PasswordRefused(
            "this password is among the first that anybody would try; take a few words that say nothing of you",
            vi="mật khẩu này dễ đoán; hãy chọn vài từ không liên quan đến tên, đơn vị hay dãy phím",
        )
    return text


def is_guessable(password: str, about: Iterable[str] = ()) -> bool:
    """Whether little remains of it without words, years, runs of keys and repetitions."""
    plain = _squeezed(password)
    if len(set(password.casefold())) < _LEAST_DIFFERENT:
        return True
    signs = len({one for one in password if not one.isalnum() and not one.isspace()})
    known = WORDS.union(_words_of(about))
    as_letters = _squeezed(_FIGURES.sub(" ", password).translate(_LOOKS))
    left = min(len(_left(form, known)) for form in (plain, as_letters))
    return left + max(0, signs - _USUAL_SIGNS) < LEAST_LEFT


def _squeezed(text: str) -> str:
    return fold(text).replace(" ", "")


def _words_of(about: Iterable[str]) -> Iterable[str]:
    for text in about:
        parts = fold(text).split()
        yield from (part for part in [*parts, "".join(parts)] if len(part) >= _LEAST_WORD)


def _left(plain: str, known: Collection[str]) -> str:
    """What remains: longest words first, so that a short one does not break a longer one."""
    text = plain
    for word in sorted(known, key=lambda one: (-len(one), one)):
        text = text.replace(word, " ")
    text = re.sub(r"(19|20)\d\d", " ", text)
    text = _without_runs(text)
    text = re.sub(r"(.+?)\1{2,}", " ", text)  # the same thrice or more
    text = re.sub(r"\d{6,8}", " ", text)  # dates, and digits put behind
    return text.replace(" ", "").rstrip("0123456789")


def _without_runs(text: str) -> str:
    """Without four keys or more that lie in a row, either way."""
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for length in range(len(row), _LEAST_RUN - 1, -1):
            for start in range(len(row) - length + 1):
                text = text.replace(row[start : start + length], " ")
    return text
