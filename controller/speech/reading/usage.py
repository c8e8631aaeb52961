"""How numbers are said in a part of the country. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Usage:
    """The words that differ: a thousand, and the tens that are not there (105: một trăm *linh* năm)."""

    thousand: str
    no_tens: str


NORTHERN: Final = Usage(thousand="nghìn", no_tens="linh")
SOUTHERN: Final = Usage(thousand="ngàn", no_tens="lẻ")
