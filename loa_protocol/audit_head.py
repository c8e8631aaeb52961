"""The head of the controller's audit as devices witness it; see docs/protocol.md, Witnesses of the audit.

Its text is `<sequence>:<hash>`: how many entries there are, and the hash of the newest in hex. A device keeps the
highest it ever saw in a signed answer. An answer to a question that was asked after that must not be behind it.
"""

import re
from dataclasses import dataclass

AUDIT_REWOUND = "audit_rewound"
"""Code of the note in a device's journal, and of the finding."""
_TEXT = re.compile(r"([0-9]{1,16}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """`sequence` entries, the newest of which has this hash (hex)."""

    sequence: int
    hash: str

    @property
    def text(self) -> str:
        """As it stands in documents."""
        return f"{self.sequence}:{self.hash}"


NOTHING = Head(0, "0" * 64)
"""Of an audit without entries."""


def parse(text: str) -> Head | None:
    """The head of a text; None for what is none, as from a controller that says nothing of its audit."""
    found = _TEXT.fullmatch(text)
    return None if found is None else Head(int(found[1]), found[2])


def contradicts(witnessed: Head, answered: Head) -> bool:
    """Whether an answer, asked for after `witnessed` was seen, takes back what was witnessed then."""
    if answered.sequence == witnessed.sequence:
        return answered.hash != witnessed.hash
    return answered.sequence < witnessed.sequence


def highest(witnessed: Head | None, answered: Head) -> Head:
    """What to keep: the longer one; of two as long ones the first."""
    return answered if witnessed is None or answered.sequence > witnessed.sequence else witnessed
