"""The unit's pronunciation list, which wins over every rule.

An entry in small letters holds for any capitals, another one exactly as written; it matches whole words only.
"""

from collections import defaultdict
from collections.abc import Mapping

from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind


def by_first(entries: Mapping[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Entries by their first character in small, the longest first."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for written in sorted(entries, key=len, reverse=True):
        if written:
            found[written[0].lower()].append((written, entries[written]))
    return {first: tuple(listed) for first, listed in found.items()}


def pronunciations(place: Place) -> Said | None:
    """The longest entry that stands here."""
    for written, spoken in place.manner.lexicon.get(place.text[place.at].lower(), ()):
        end = place.at + len(written)
        here = place.text[place.at : end]
        if (here == written or (written.islower() and here.lower() == written)) and _is_whole(place, end):
            return Said(end, spoken, Kind.LEXICON)
    return None


def _is_whole(place: Place, end: int) -> bool:
    """Whether the words around do not go on: no letter, no digit, no number that is longer."""
    after = place.text[end : end + 2]
    if place.previous.isalnum() and place.text[place.at].isalnum():
        return False
    if after[:1].isalnum() and place.text[end - 1].isalnum():
        return False
    return not (place.text[end - 1].isdigit() and after[:1] in {".", ",", "/", ":"} and after[1:].isdigit())
