"""Text of others as one line of a list: made so on a device before it is sent, and again where it arrives."""

import re

ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys: controls but for the new line and the tab, and marks that turn the direction."""


def one_line(text: str) -> str:
    """The text with a space for everything that is not shown: line breaks, controls, marks that turn the direction."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
