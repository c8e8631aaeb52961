"""Broadcasts, where they go, and the ledger: one row for every (broadcast, device) that must answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED
from controller.runtime.database import Base, Large

_OPEN = text("closed_at IS NULL")
_TAKEN_BACK = text("closed_at IS NULL AND cancelled_at IS NOT NULL")
_UNCOUNTED = text("tallied_at IS NULL")


class BroadcastRow(Base):
    """One occurrence. `segments` are wire segments as JSON; `cancelled_at` withdraws it.

    `expected_at`: when the expected set was fixed; `deadline`: when silence becomes `unknown`; `closed_at`: when every
    device had answered. `programme_id`, `session_id` and `occurrence` (when its rule begins it, local) are those of a
    programme's; `cancelled_by_plan`: it is the programme that no longer has it, nobody took it back. `named_until`:
    where it ended before it was moved; plans speak of it until then, for devices that were away. `tallied_at`: when its
    answers were counted for lists (`results.tallying`); `retry_of`: the one whose failed devices hear it again.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index("ix_broadcasts_open", "start", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_broadcasts_cancelled", "id", postgresql_where=_TAKEN_BACK, sqlite_where=_TAKEN_BACK),
        Index("ix_broadcasts_programme", "programme_id", "start"),
        Index("ix_broadcasts_untallied", "start", postgresql_where=_UNCOUNTED, sqlite_where=_UNCOUNTED),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    rev: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[str] = mapped_column(String(20))
    authority: Mapped[int]
    start: Mapped[datetime] = mapped_column(index=True)
    latest_start: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Large)
    segments: Mapped[list[Any]]
    board: Mapped[dict[str, Any] | None]
    repeats: Mapped[int]
    on_preempt: Mapped[str] = mapped_column(String(20))
    on_late: Mapped[str] = mapped_column(String(20), default="begin", server_default="begin")
    volume: Mapped[int]
    stagger: Mapped[bool]
    created_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]
    deadline: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"))
    session_id: Mapped[str | None] = mapped_column(String(40))
    occurrence: Mapped[str | None] = mapped_column(String(19))
    cancelled_by_plan: Mapped[bool] = mapped_column(default=False, server_default=false())
    named_until: Mapped[datetime | None]
    tallied_at: Mapped[datetime | None] = mapped_column(info=DERIVED)
    retry_of: Mapped[str | None] = mapped_column(String(40), index=True)


class BroadcastScope(Base):
    """One scope a broadcast goes to."""

    __tablename__ = "broadcast_scopes"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(42), primary_key=True, index=True)


class BroadcastScopeLeft(Base):
    """A scope that a broadcast went to before a change; its plan takes back everything up to this `rev`."""

    __tablename__ = "broadcast_scopes_left"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(42), primary_key=True, index=True)
    rev: Mapped[int]


class BroadcastRendition(Base):
    """Content a broadcast needs; its id is the reference in segments and manifest."""

    __tablename__ = "broadcast_renditions"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    rendition_id: Mapped[str] = mapped_column(ForeignKey("renditions.id"), primary_key=True)


class LedgerRow(Base):
    """What became of a broadcast on a device; no `outcome` until it is answered.

    The receipt itself is entry (`device_id`, `journal_id`, `sequence`) of the journals, and only there. On PostgreSQL
    pages keep room for the answers, so that they move no row and no index: for those of a whole page at once.
    """

    __tablename__ = "ledger"
    __table_args__ = ({"postgresql_with": {"fillfactor": 33}},)

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    outcome: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(40))
    started: Mapped[datetime | None]
    played_ms: Mapped[int | None] = mapped_column(Large)
    answered_at: Mapped[datetime | None]
    journal_id: Mapped[str | None] = mapped_column(String(40))
    sequence: Mapped[int | None] = mapped_column(BigInteger)
