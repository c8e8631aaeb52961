"""Numbers as words: cardinals, digits one by one, decimals, fractions. Pure.

School usage: 21 hai mươi mốt, 24 hai mươi tư, 25 hai mươi lăm, 104 một trăm linh bốn.
"""

from typing import Final

from controller.speech.reading.usage import Usage

DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_TEN: Final = 10
_HUNDRED: Final = 100
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000
_BILLION: Final = 1_000_000_000
_LONGEST_TAIL: Final = 2
"""Digits after the comma that are said as one number; more are said one by one."""


def cardinal(number: int, usage: Usage) -> str:
    """`number` from 0 up to below 10^18 in words."""
    return DIGITS[0] if number == 0 else " ".join(_parts(number, usage, full=False))


def digits(written: str) -> str:
    """Each digit by itself: bốn, never tư."""
    return " ".join(DIGITS[int(digit)] for digit in written)


def in_groups(written: str, size: int = 3) -> str:
    """Digits one by one in groups of `size`, from the left; a last single digit joins its neighbours."""
    groups = [written[at : at + size] for at in range(0, len(written), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return ", ".join(map(digits, groups))


def decimal(whole: int, tail: str, usage: Usage) -> str:
    """`whole` phẩy `tail`: 3,25 ba phẩy hai mươi lăm; 3,05 ba phẩy không năm; 3,141 ba phẩy một bốn một."""
    as_one = len(tail) <= _LONGEST_TAIL and not tail.startswith("0")
    return f"{cardinal(whole, usage)} phẩy {cardinal(int(tail), usage) if as_one else digits(tail)}"


def fraction(above: int, below: int, usage: Usage) -> str:
    """Small ones as parts (một phần tư), the others as a ratio (mười lăm trên mười chín)."""
    if 0 < above < below <= _TEN:
        return f"{cardinal(above, usage)} phần {'tư' if below == 4 else cardinal(below, usage)}"  # noqa: PLR2004
    return f"{cardinal(above, usage)} trên {cardinal(below, usage)}"


def ordinal(number: int, usage: Usage) -> str:
    """As said after "thứ": nhất, hai, ba, tư, năm and so on."""
    return {1: "nhất", 4: "tư"}.get(number) or cardinal(number, usage)


def month(number: int, usage: Usage) -> str:
    """After "tháng": the fourth is tư."""
    return "tư" if number == 4 else cardinal(number, usage)  # noqa: PLR2004


def _parts(number: int, usage: Usage, *, full: bool) -> list[str]:
    """Words of `number` > 0; `full` says hundreds that are not there, because something greater went before."""
    for size, name in ((_BILLION, "tỷ"), (_MILLION, "triệu"), (_THOUSAND, usage.thousand)):
        if number >= size:
            above, below = divmod(number, size)
            said = [*_parts(above, usage, full=full), name]
            return said + (_parts(below, usage, full=True) if below else [])
    return _below_thousand(number, usage, full=full)


def _below_thousand(number: int, usage: Usage, *, full: bool) -> list[str]:
    hundreds, rest = divmod(number, _HUNDRED)
    said = [DIGITS[hundreds], "trăm"] if hundreds or full else []
    tens, ones = divmod(rest, _TEN)
    if tens > 1:
        return [*said, DIGITS[tens], "mươi", *([_after_tens(ones)] if ones else [])]
    if tens == 1:
        return [*said, "mười", *(["lăm" if ones == 5 else DIGITS[ones]] if ones else [])]  # noqa: PLR2004
    if ones:
        return [*said, *([usage.no_tens] if said else []), DIGITS[ones]]
    return said


def _after_tens(ones: int) -> str:
    return {1: "mốt", 4: "tư", 5: "lăm"}.get(ones) or DIGITS[ones]
