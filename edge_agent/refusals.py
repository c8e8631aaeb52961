"""Refused documents: counted by reason for `health`, and written into the journal without letting anybody flood it.

Rules: the first refusal of a (topic, reason) is written at once, equal ones are folded into one more entry after 1 s,
then 2 s, 4 s … up to a minute; above 20 kinds at a time only the reason is told apart; above 600 entries an hour they
are only counted.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from loa_protocol.receipts import Refused

SECOND_NS = 1_000_000_000
LONGEST_WINDOW_NS = 60 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS
KINDS_AT_A_TIME = 20
ENTRIES_AN_HOUR = 600
SEVERAL = "(several)"
_TOPIC_MAX = 200


@dataclass(slots=True)
class _Fold:
    """Equal refusals since the last entry that told of them."""

    digest: str
    due_ns: int
    window_ns: int = SECOND_NS
    count: int = 0


@dataclass(slots=True)
class Refusals:
    """What was refused; times are monotonic nanoseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    _folds: dict[tuple[str, str], _Fold] = field(default_factory=dict)
    _hour: int = -1
    _entries: int = 0

    def note(self, topic: str, reason: str, payload: bytes, now_ns: int) -> tuple[Refused, ...]:
        """Count one refusal; returns what to journal now."""
        self.counts[reason] += 1
        due = list(self.due(now_ns))
        key = (topic[:_TOPIC_MAX], reason)
        if key not in self._folds and len(self._folds) >= KINDS_AT_A_TIME:
            key = (SEVERAL, reason)
        digest = hashlib.sha256(payload).hexdigest()
        fold = self._folds.get(key)
        if fold is not None:
            fold.count, fold.digest = fold.count + 1, digest
        else:
            self._folds[key] = _Fold(digest, now_ns + SECOND_NS)
            due += self._within_hour(Refused(topic=key[0], reason=reason, digest=digest), now_ns)
        return tuple(due)

    def due(self, now_ns: int) -> Iterator[Refused]:
        """Entries for what has been folded long enough; what has been quiet for a whole window is forgotten."""
        for key, fold in list(self._folds.items()):
            if fold.due_ns > now_ns:
                continue
            if not fold.count:
                del self._folds[key]
                continue
            entry = Refused(topic=key[0], reason=key[1], digest=fold.digest, count=fold.count)
            fold.count, fold.window_ns = 0, min(LONGEST_WINDOW_NS, fold.window_ns * 2)
            fold.due_ns = now_ns + fold.window_ns
            yield from self._within_hour(entry, now_ns)

    def _within_hour(self, entry: Refused, now_ns: int) -> Iterator[Refused]:
        hour = now_ns // HOUR_NS
        if hour != self._hour:
            self._hour, self._entries = hour, 0
        self._entries += 1
        if self._entries <= ENTRIES_AN_HOUR:
            yield entry
