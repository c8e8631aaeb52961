"""A listener: the numbers heard in Vietnamese words. It knows nothing of how the words were made."""

from fractions import Fraction

UNITS = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "sáu": 6, "bảy": 7,
    "tám": 8, "chín": 9,
}  # fmt: skip
SCALES = {"nghìn": 10**3, "ngàn": 10**3, "triệu": 10**6, "tỷ": 10**9}
STOPS = ",.;:?!\n"
END = "|"


def numbers_in(spoken: str) -> list[Fraction]:
    """Numbers in the order they are heard; "năm" after a month is the word for year."""
    return list(_Listener(_words(spoken)).numbers())


def digits_in(spoken: str) -> str:
    """Digits said one by one."""
    return "".join(str(UNITS[word]) for word in _words(spoken) if word in UNITS)


def _words(spoken: str) -> list[str]:
    for stop in STOPS:
        spoken = spoken.replace(stop, f" {END} ")
    return [*spoken.lower().split(), END, END, END]


class _Listener:
    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        return self.words[min(self.at + ahead, len(self.words) - 1)]

    def numbers(self):
        while self.at < len(self.words):
            if self._starts():
                minus = self.at > 0 and self.words[self.at - 1] == "âm"
                heard = self._number()
                yield -heard if minus else heard
            else:
                self.at += 1

    def _starts(self) -> bool:
        if self.word() == "mười":
            return True
        if self.word() not in UNITS:
            return False
        a_year = self.word() == "năm" and self.word(1) in UNITS and self.word(2) in {"nghìn", "ngàn"}
        return not a_year or self.words[self.at - 1] == "tháng"

    def _number(self) -> Fraction:
        whole = self._whole()
        if self.word() == "phẩy":
            self.at += 1
            return whole + self._tail()
        if self.word() == "phần" and (self.word(1) in UNITS or self.word(1) == "mười"):
            self.at += 1
            return Fraction(whole) / self._whole()
        return Fraction(whole)

    def _tail(self) -> Fraction:
        if self.word() == "mười" or self.word(1) == "mươi":
            return Fraction(self._small(), 100)
        heard = ""
        while self.word() in UNITS:
            heard += str(UNITS[self.word()])
            self.at += 1
        return Fraction(int(heard), 10 ** len(heard))

    def _whole(self) -> int:
        billions, total, part = 0, 0, self._small()
        while True:
            if self.word() in SCALES:
                scale = SCALES[self.word()]
                self.at += 1
                if scale == SCALES["tỷ"]:
                    billions, total = (billions + total + part) * scale, 0
                else:
                    total += part * scale
                part = 0
            elif part == 0 and (billions or total) and self.word() in UNITS and self.word(1) == "trăm":
                part = self._small()
            else:
                return billions + total + part

    def _small(self) -> int:
        if self.word(1) != "trăm" or self.word() == "mười":
            return self._below_hundred()
        value = 100 * UNITS[self.word()]
        self.at += 2
        if self.word() in {"linh", "lẻ"}:
            self.at += 1
            return value + self._unit()
        return value + (self._below_hundred() if self.word() == "mười" or self.word(1) == "mươi" else 0)

    def _below_hundred(self) -> int:
        value = 10
        if self.word() != "mười":
            if self.word(1) != "mươi":
                return self._unit()
            value = 10 * self._unit()
        self.at += 1
        return value + (self._unit() if self.word() in UNITS and self.word() != "năm" and self.word(1) != "mươi" else 0)

    def _unit(self) -> int:
        value = UNITS[self.word()]
        self.at += 1
        return value
