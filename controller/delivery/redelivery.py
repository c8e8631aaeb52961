"""When a device says it lacks a document, that document is published again: seldom enough to harm nobody. Pure.

The first lack is answered at once, further ones of the same version after doubling pauses, because thousands of
devices may lack the same plan together, and one that refuses a document will go on saying that it lacks it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 600.0
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class _Turn:
    version: int
    next_s: float
    pause_s: float


class Redelivery:
    """Remembers, per topic, when it may be published again."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    def due(self, lacking: Iterable[str], newest: Mapping[str, int], now_s: float) -> list[str]:
        """Those of the lacking topics whose turn it is; their next turn is put off."""
        found = []
        for topic in lacking:
            turn = self._turns.get(topic)
            fresh = turn is None or turn.version != newest[topic]
            if turn is not None and not fresh and now_s < turn.next_s:
                continue
            pause_s = FIRST_PAUSE_S if turn is None or fresh else min(2 * turn.pause_s, LONGEST_PAUSE_S)
            self._turns[topic] = _Turn(newest[topic], now_s + pause_s, pause_s)
            found.append(topic)
        if len(self._turns) > _REMEMBERED:
            self._turns = {topic: turn for topic, turn in self._turns.items() if turn.next_s > now_s}
        return found
