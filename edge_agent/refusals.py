"""Refused documents: counted by reason for `health`, and written into the journal without letting anybody flood it.

Rules: the first refusal of a (topic, reason) in a minute is written at once, equal ones are folded into one more entry
when the minute is over; above 20 kinds a minute, or 600 entries an hour, only the reason is folded, then only counted.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from loa_protocol.receipts import Refused

MINUTE_NS = 60_000_000_000
KINDS_A_MINUTE = 20
ENTRIES_AN_HOUR = 600
SEVERAL = "(several)"
_TOPIC_MAX = 200


@dataclass(slots=True)
class Refusals:
    """The ledger of what was refused; times are monotonic nanoseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    _folded: dict[tuple[str, str], list[int | str]] = field(default_factory=dict)
    _minute: int = -1
    _hour: int = -1
    _entries: int = 0

    def note(self, topic: str, reason: str, payload: bytes, now_ns: int) -> tuple[Refused, ...]:
        """Count one refusal; returns what to journal now."""
        self.counts[reason] += 1
        due = list(self.due(now_ns))
        key = (topic[:_TOPIC_MAX], reason)
        if key not in self._folded and len(self._folded) >= KINDS_A_MINUTE:
            key = (SEVERAL, reason)
        mark = hashlib.sha256(payload).hexdigest()
        if key in self._folded:
            entry = self._folded[key]
            entry[0] = int(entry[0]) + 1
            entry[1] = mark
        else:
            self._folded[key] = [0, mark]
            due += self._within_hour(Refused(topic=key[0], reason=reason, digest=mark), now_ns)
        return tuple(due)

    def due(self, now_ns: int) -> Iterator[Refused]:
        """What the minute that is over has folded."""
        minute = now_ns // MINUTE_NS
        if minute == self._minute:
            return
        folded, self._folded, self._minute = self._folded, {}, minute
        for (topic, reason), (count, mark) in folded.items():
            if int(count):
                yield from self._within_hour(
                    Refused(topic=topic, reason=reason, digest=str(mark), count=int(count)), now_ns
                )

    def _within_hour(self, entry: Refused, now_ns: int) -> Iterator[Refused]:
        hour = now_ns // (60 * MINUTE_NS)
        if hour != self._hour:
            self._hour, self._entries = hour, 0
        self._entries += 1
        if self._entries <= ENTRIES_AN_HOUR:
            yield entry
