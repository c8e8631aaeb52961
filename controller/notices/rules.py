"""How people are told. Pure.

waiting → sent | failed; an ended sending never changes again. What fails for a while is tried again after ever longer
pauses, until nobody has a use for it any more; what was refused for good is not tried again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

USEFUL_FOR = timedelta(days=1)
KEPT = timedelta(days=90)
PAUSES_S = (10, 30, 60, 300, 900, 1800, 3600)
"""After the first, the second … attempt that failed; then the last one again and again."""
LEASE = timedelta(seconds=90)
"""Longer than any sending may take (`port.WITHIN_S`)."""


class Channel(StrEnum):
    """A way to a person."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    PUSH = "push"


class SendingState(StrEnum):
    """What became of a notice on one channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """What to tell people, in Vietnamese, plain text.

    `kind` names the occasion (`bulletin_submitted`), `about` the id of what it is about, `key` tells one occasion of
    that kind from the next (a step's number, a start); all three together are told to a person once. `path` is where
    it is seen, from the pages' address on. After `useful_for` it is sent no more.
    """

    kind: str
    about: str
    subject: str
    text: str
    path: str = ""
    key: str = ""
    useful_for: timedelta = USEFUL_FOR

    def dedupe(self, person_id: str) -> str:
        """The same for the same occasion and person, else another; 64 hex digits."""
        parts = f"{self.kind}\x00{self.about}\x00{self.key}\x00{person_id}"
        return hashlib.sha256(parts.encode()).hexdigest()


def one_line(text: str) -> str:
    """A subject: what would end a header's line is a space."""
    return " ".join(text.split())


def again_at(attempts: int, now: datetime, useful_until: datetime) -> datetime | None:
    """When to try after so many attempts that failed; None: never."""
    at = now + timedelta(seconds=PAUSES_S[min(attempts, len(PAUSES_S)) - 1])
    return at if at < useful_until else None
