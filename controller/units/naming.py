"""Ids of units, made of their names, so that nobody has to think of one. Pure but for chance."""

import re
from datetime import datetime

from controller.library.folding import fold
from controller.runtime.ids import new_id

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_NAME_CHARACTERS = 28
_CHANCE_CHARACTERS = 8


def fresh(name: str, now: datetime) -> str:
    """`thon-dong-1f0c93ab` of “Thôn Đông”: at most 37 characters; many villages have one name."""
    plain = _NOT_PLAIN.sub("-", fold(name)).strip("-")[:_NAME_CHARACTERS].strip("-") or "don-vi"
    return f"{plain}-{new_id(now).replace('-', '')[-_CHANCE_CHARACTERS:]}"
