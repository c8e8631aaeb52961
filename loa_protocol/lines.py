"""Text of others as one line of a list: made so on a device before it is sent, and again where it arrives."""


def one_line(text: str) -> str:
    """The text with a space for everything that is not shown: line breaks, controls, marks that turn the direction."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
