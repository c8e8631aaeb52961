"""What people are told: one notice a person, and one sending for each way it goes to them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED, PRIVATE, SECRET
from controller.runtime.database import Base


class Notice(Base):
    """One message to one person; `dedupe` lets the same occasion tell them once, however often it is told.

    `about` is the id of what it speaks of, `path` where it is seen. After `useful_until` nothing is sent any more.
    """

    __tablename__ = "notices"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    dedupe: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(60))
    about: Mapped[str] = mapped_column(String(80), index=True)
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(index=True)
    useful_until: Mapped[datetime]


class Sending(Base):
    """A notice on one channel: waiting → sent | failed. The outbox, written with what it tells of.

    `due_at` is when it is tried next; whoever holds the lease sends it, after `lease_until` anybody may. `sent_to` is
    the push subscription of a `push`. `error_*` say why the last attempt, or all of them, failed.
    """

    __tablename__ = "notice_sendings"
    __table_args__ = (Index("ix_notice_sendings_open", "state", "channel", "due_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    notice_id: Mapped[str] = mapped_column(ForeignKey("notices.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("push_subscriptions.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    lease_owner: Mapped[str | None] = mapped_column(String(40))
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(String(1000))


class PushSubscription(Base):
    """A browser that asked to be told (RFC 8030): where, and its keys as base64url (RFC 8291)."""

    __tablename__ = "push_subscriptions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    endpoint_sha256: Mapped[str] = mapped_column(String(64), unique=True, info=DERIVED)
    endpoint: Mapped[str] = mapped_column(String(2000), info=PRIVATE)
    p256dh: Mapped[str] = mapped_column(String(100), info=SECRET)
    auth: Mapped[str] = mapped_column(String(40), info=SECRET)
    created_at: Mapped[datetime]


class Webhook(Base):
    """The gateway to which the notices of a unit's people go; units below without one of their own use it, too."""

    __tablename__ = "webhooks"

    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
