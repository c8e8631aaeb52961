"""Which recorded phrases make up a reading. Pure.

A phrase stands for the very words of it, in any case, whatever commas are between them; it never runs over the end of
a sentence. The whole reading is covered or nothing is: of all ways the one with the fewest phrases is taken, and of
those the one that begins with the longest.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controller.speech.rules import sentences

_WORD = re.compile(r"\w+(?:['’-]\w+)*")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """The phrases of each sentence, in their order; `missing`: the first words that no phrase covers, if any."""

    phrases: tuple[tuple[Words, ...], ...]
    missing: str = ""


def words(text: str) -> Words:
    """The words of a text, composed and in one case."""
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text).casefold()))


def cover(text: str, known: Iterable[Words]) -> Cover:
    """Cover a reading with phrases."""
    by_first: dict[str, list[Words]] = {}
    for phrase in sorted(set(known), key=len, reverse=True):
        if phrase:
            by_first.setdefault(phrase[0], []).append(phrase)
    done: list[tuple[Words, ...]] = []
    for sentence in sentences(text):
        said = words(sentence)
        if not said:
            continue
        found, reached = _sentence(said, by_first)
        if found is None:
            return Cover((), " ".join(said[reached : reached + 8]))
        done.append(found)
    return Cover(tuple(done))


def _sentence(said: Words, by_first: Mapping[str, Sequence[Words]]) -> tuple[tuple[Words, ...] | None, int]:
    """The phrases of a sentence, or None and how far any row of phrases reaches."""
    best: list[tuple[int, Words] | None] = [None] * len(said) + [(0, ())]
    for at in range(len(said) - 1, -1, -1):
        for phrase in by_first.get(said[at], ()):
            if said[at : at + len(phrase)] != phrase:
                continue
            rest = best[at + len(phrase)]
            mine = best[at]
            if rest is not None and (mine is None or rest[0] + 1 < mine[0]):
                best[at] = (rest[0] + 1, phrase)
    if best[0] is None:
        return None, _reach(said, by_first)
    found: list[Words] = []
    at = 0
    while at < len(said):
        step = best[at]
        assert step is not None  # noqa: S101  # every step of a way that reaches the end
        found.append(step[1])
        at += len(step[1])
    return tuple(found), len(said)


def _reach(said: Words, by_first: Mapping[str, Sequence[Words]]) -> int:
    reached = {0}
    for at in range(len(said)):
        if at in reached:
            reached |= {
                at + len(phrase) for phrase in by_first.get(said[at], ()) if said[at : at + len(phrase)] == phrase
            }
    return max(reached)
