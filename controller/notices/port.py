"""What is sent and to where, and what a channel says when it cannot.

Sending is at least once: a process may die after the message has left and before that is noted. Whoever receives
knows the same message again by `Letter.id`, which every channel carries: in `Message-ID`, `X-Loa-Notice` or `Topic`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from loa_protocol.errors import LoaError

WITHIN_S = 30.0
"""A sending that takes longer has failed."""


class NoticeNotDelivered(LoaError):
    """A message did not get through this time; it is tried again."""

    code = "notice_not_delivered"


class NoticeRefused(LoaError):
    """The other side does not take this message, and will not."""

    code = "notice_refused"


class ChannelNotSetUp(LoaError):
    """A person is to be told on a channel that this installation does not have."""

    code = "channel_not_set_up"


class NoticeNoAddress(LoaError):
    """The person has no address on this channel any more."""

    code = "notice_no_address"


class NoticeTooLate(LoaError):
    """A message could not be sent while it was of use."""

    code = "notice_too_late"


class SubscriptionGone(LoaError):
    """A browser does not want to be told any more, or is gone."""

    code = "subscription_gone"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of electronic mail."""

    email: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """A unit's webhook; `made_at` because every time it is set it has another secret."""

    unit_id: str
    url: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Browser:
    """A push subscription; the keys are base64url."""

    subscription_id: str
    endpoint: str
    p256dh: str
    auth: str


Address = Mailbox | Gateway | Browser


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way to one address of one person; `id` is the same in every attempt."""

    id: str
    to: Address
    person_id: str
    name: str
    language: str
    unit_id: str
    kind: str
    about: str
    subject: str
    text: str
    path: str
    at: datetime
    useful_until: datetime


class Post(Protocol):
    """Brings letters to their addresses."""

    async def send(self, letter: Letter) -> None:
        """Send one; it has been taken over by the other side when this returns.

        Raises:
            LoaError: it was not; what `dispatcher.FOR_GOOD` names is not tried again.
        """
