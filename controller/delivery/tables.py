"""The outbox: for every topic the newest signed document, and which scopes wait to be planned anew."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class DocumentRow(Base):
    """The newest signed document of a topic; a new version is a compare-and-set on `version`, envelope and all."""

    __tablename__ = "documents"

    topic: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    version: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    issued: Mapped[datetime]
    expires: Mapped[datetime]
    published_version: Mapped[int] = mapped_column(BigInteger, default=0)


class TrustListRow(Base):
    """Every root-signed trust list since the oldest supported one."""

    __tablename__ = "trust_lists"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)


class PendingTopic(Base):
    """`wanted` is raised in the transaction that changes what the topic says; `done` follows when it is signed."""

    __tablename__ = "pending_topics"

    topic: Mapped[str] = mapped_column(String(200), primary_key=True)
    wanted: Mapped[int] = mapped_column(default=1)
    done: Mapped[int] = mapped_column(default=0)


class StopRow(Base):
    """The newest stop of a scope; `broadcast_id` narrows it to one broadcast."""

    __tablename__ = "stops"

    scope: Mapped[str] = mapped_column(String(42), primary_key=True)
    issued: Mapped[datetime]
    until: Mapped[datetime]
    broadcast_id: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(300), default="")


class SentCommand(Base):
    """A command to one device and what it answered.

    `sent_at`: when a broker took it; it is sent until it `expires`. `asked_by`: the person who wanted it.
    """

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_waiting", "sent_at", "expires"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(40), index=True)
    name: Mapped[str] = mapped_column(String(40))
    issued: Mapped[datetime]
    expires: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    asked_by: Mapped[str | None] = mapped_column(String(40))
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    answered_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(60))
    message: Mapped[str | None] = mapped_column(String(1000))
