"""Texts of a certain form, with the words that tell a person what to write instead. The words travel with the type."""

from msgspec import Meta

END = r"(?![\s\S])"
"""Of a pattern: `$` would let a line break pass."""


def form(pattern: str, vi: str, en: str, *, least: int | None = None, most: int | None = None) -> Meta:
    """What to annotate a text with: it must match `pattern` up to its end, and have so many characters."""
    return Meta(pattern=pattern + END, min_length=least, max_length=most, extra={"vi": vi, "en": en})
