"""Where journals stood at our last commit, kept in memory: most batches go on there, and nothing needs to be read.

A hint: a journal is moved only if it still stands there. Where it does not, another process was faster: what was known
of the group is forgotten, and whoever runs its transaction again reads and locks.
"""

from collections.abc import Iterable, Sequence

from controller.receipts.rows import HeadRow, Key
from controller.receipts.told import Received
from controller.runtime.database_faults import DatabaseBusy

_MOST = 50_000
"""Of them 20 MB."""


class Overtaken(DatabaseBusy):
    """Journals have moved on since they were looked at; look again."""


class Heads:
    """What one writer knows; `learn` only after the commit."""

    def __init__(self) -> None:
        self._known: dict[Key, HeadRow] = {}

    def learn(self, heads: Iterable[HeadRow]) -> None:
        """They are committed."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known |= {head[:2]: head for head in heads}

    def forget(self, keys: Iterable[Key]) -> None:
        """Some of them do not stand there any more."""
        for key in keys:
            self._known.pop(key, None)

    def going_on(self, group: Sequence[Received]) -> dict[Key, HeadRow]:
        """The journals that all their batches continue one after the other, and where they stand."""
        ends: dict[Key, str] = {}
        others: set[Key] = set()
        for one in group:
            key = one.device, one.journal
            end = ends.get(key)
            if end is None:
                end = self._known[key].hash if key in self._known else ""
            if one.plain and one.lines and one.lines[0].previous == end:
                ends[key] = one.lines[-1].hash
            else:
                others.add(key)
        return {key: self._known[key] for key in ends.keys() - others}
