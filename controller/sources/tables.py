"""What source systems have handed down: one row an item, and the broadcasts its revisions became."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class SourceItem(Base):
    """The newest accepted revision of an item. `bulletin` is it as JSON, `audio_sha256` that of its sound.

    `bulletin_id` is the bulletin that people see of it, with its revisions and steps; NULL for what was accepted before
    there were any. `state`: preparing → standing → closed, or refused, or withdrawn → closed. `audio_job_id` takes the
    sound in; `open` while its result may still change. `error_*` say why it was refused after it had been accepted.
    `key` is how the dialect finds it again (a file name), `audio_mark` what told its sound file apart when it was read.
    """

    __tablename__ = "source_items"
    __table_args__ = (
        Index("ix_source_items_open", "source", "open"),
        Index("ix_source_items_key", "source", "key"),
    )

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    item_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    revision: Mapped[int]
    key: Mapped[str] = mapped_column(String(255))
    bulletin: Mapped[dict[str, Any]]
    bulletin_id: Mapped[str | None] = mapped_column(ForeignKey("bulletins.id"), index=True)
    audio_sha256: Mapped[str | None] = mapped_column(String(64))
    audio_mark: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))
    open: Mapped[bool]
    audio_job_id: Mapped[str | None] = mapped_column(String(40))
    scopes: Mapped[list[Any]]
    notes: Mapped[list[Any]]
    accepted_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(String(1000))


class SourceBroadcast(Base):
    """A broadcast that a revision of an item became."""

    __tablename__ = "source_broadcasts"

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    item_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), index=True)
