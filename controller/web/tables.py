"""Long lists as pages of 50 rows, searched without accents; what is shown stands in the address. Pure."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

ROWS = 50


@dataclass(frozen=True, slots=True)
class Table:
    """One page of a list; `number` from 1 to `pages`."""

    rows: Sequence[Mapping[str, Any]]
    total: int
    number: int
    pages: int
    sought: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], query: Mapping[str, str], *, by: Sequence[str]) -> "Table":
        """What is asked for by `q` (in the fields `by`) and `page` of an address."""
        sought = query.get("q", "").strip()
        wanted = folded(sought).split()
        found = [row for row in rows if _holds(row, by, wanted)]
        pages = max(1, math.ceil(len(found) / ROWS))
        given = query.get("page", "")
        number = min(max(1, int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 1), pages)  # noqa: PLR2004
        return cls(found[(number - 1) * ROWS : number * ROWS], len(found), number, pages, sought, dict(query))

    def address(self, number: int) -> str:
        """Of another page, with the same filters."""
        return "?" + urlencode({**self.query, "page": number})


def folded(text: str) -> str:
    """Small letters without accents."""
    parts = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(one for one in parts if not unicodedata.combining(one))


def _holds(row: Mapping[str, Any], by: Sequence[str], wanted: Sequence[str]) -> bool:
    text = folded(" ".join(str(row[name] or "") for name in by))
    return all(word in text for word in wanted)
