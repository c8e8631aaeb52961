"""Remembers how far the controller's audit had come: what was once seen in a signed answer cannot be taken back unseen.

An answer is held against what was witnessed when its question was asked: answers may overtake each other. The highest
head is on the disk before anything is said of it; of a contradiction, what was taken back is kept for good, too.
"""

from pathlib import Path

import msgspec

from edge_agent import durable
from loa_protocol.audit_head import Head, contradicts, highest, parse


class _Saved(msgspec.Struct, frozen=True, omit_defaults=True):
    head: str = ""
    disowned: str = ""


class Witness:
    """What this device has seen; `path` None keeps it in memory, for devices that are simulated.

    `disowned` is the newest head that a later answer contradicted.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.head: Head | None = None
        self.disowned: Head | None = None

    def load(self) -> bool:
        """Carry on from the disk; whether it was damaged and set aside. Blocks."""
        raw = None if self._path is None else durable.read(self._path)
        if raw is None or self._path is None:
            return False
        try:
            saved = msgspec.json.decode(raw, type=_Saved)
        except msgspec.MsgspecError:
            durable.set_aside(self._path)
            return True
        self.head, self.disowned = parse(saved.head), parse(saved.disowned)
        return False

    def take(self, text: str, before: Head | None) -> str | None:
        """Take the head of a verified answer; `before` is what was witnessed when it was asked for. Blocks.

        Gives words for the journal where the answer takes back what was witnessed, and that is new.
        """
        answered = parse(text)
        if answered is None:
            return None
        told = None
        if before is not None and contradicts(before, answered) and before != self.disowned:
            self.disowned = before
            told = f"witnessed {before.sequence}:{before.hash[:16]}, answered {answered.sequence}:{answered.hash[:16]}"
        after = highest(self.head, answered)
        if after != self.head or told is not None:
            self.head = after
            self._save()
        return told

    @property
    def texts(self) -> tuple[str, str]:
        """The head and the disowned head as the signed state says them."""
        return tuple("" if one is None else one.text for one in (self.head, self.disowned))  # type: ignore[return-value]

    def _save(self) -> None:
        if self._path is not None:
            durable.write(self._path, msgspec.json.encode(_Saved(*self.texts)))
