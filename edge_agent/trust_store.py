"""The trust list of the device: the pinned one, and the way from it to the newest, on disk and verified at each start.

The walked lists are kept as one array, so that a start can follow every step again: the disk is not believed either.
"""

from collections.abc import Sequence
from pathlib import Path

from edge_agent import durable
from loa_protocol.trust import Trust, TrustRefused, advance, join_array, pin, read_array


class TrustStore:
    """All methods block on the disk; run them in a thread where a loop is waiting."""

    def __init__(self, pinned: Path, walked: Path) -> None:
        self._pinned, self._path = pinned, walked
        self._steps: list[bytes] = []

    def load(self) -> tuple[Trust, bool]:
        """The newest trust that follows from the pinned list, and whether a damaged file was set aside for it.

        Raises:
            TrustRefused: the pinned list itself is missing or does not vouch for itself.
        """
        trust = self._load_pinned()
        stored = durable.read(self._path)
        if stored is None:
            return trust, False
        try:
            newest, steps = _walk(trust, read_array(stored))
        except Exception:  # noqa: BLE001 - whatever a damaged file holds, the pinned list remains
            durable.set_aside(self._path)
            return trust, True
        self._steps = steps
        return newest, False

    def walk(self, trust: Trust, message: bytes) -> Trust:
        """Follow a `trust` message; the way is on the disk before the new list is returned.

        Raises:
            TrustRefused, DocumentInvalid: the list in force stays.
        """
        newest, steps = _walk(trust, read_array(message))
        if steps:
            durable.write(self._path, join_array([*self._steps, *steps]))
            self._steps += steps
        return newest

    def _load_pinned(self) -> Trust:
        raw = durable.read(self._pinned)
        if raw is None:
            raise TrustRefused(f"there is no pinned trust list at {self._pinned}; provision the device again")
        lists = read_array(raw) if raw.lstrip().startswith(b"[") else (raw,)
        if not lists:
            raise TrustRefused(f"the pinned trust list at {self._pinned} is empty; provision the device again")
        return advance(pin(lists[0]), lists[1:])


def _walk(trust: Trust, lists: Sequence[bytes]) -> tuple[Trust, list[bytes]]:
    steps = []
    for raw in lists:
        further = advance(trust, [raw])
        if further.current.version > trust.current.version:
            steps.append(raw)
        trust = further
    return trust, steps
