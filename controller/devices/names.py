"""Names of devices as they are searched and as lists are ordered. Pure."""

import re

from controller.library.folding import folded

_NUMBER = re.compile(r"\d{1,9}")
_DIGITS = 9
_CHARACTERS = 400


def searched(name: str) -> str:
    """Without accents, with a blank before each word."""
    return f" {folded(name)}"[:_CHARACTERS]


def sort_key(name: str) -> str:
    """So that “Cụm loa 2” stands before “Cụm loa 10”."""
    return _NUMBER.sub(lambda found: found.group().zfill(_DIGITS), folded(name))[:_CHARACTERS]
