"""Programmes with their history, and what waits in a unit's slots.

A row of `programme_revisions` or `programme_changes` is never changed and never deleted: both are numbered by one
counter, the programme's `head`. Dates and wall times of a programme belong to its zone and stay text.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class ProgrammeRow(Base):
    """A programme; `head` is the newest number of its history, `planned_until` how far its broadcasts are made."""

    __tablename__ = "programmes"
    __table_args__ = (Index("ix_programmes_horizon", "retired_at", "planned_until"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    head: Mapped[int]
    planned_until: Mapped[datetime]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class ProgrammeRevision(Base):
    """What a programme is from a day on: of those with `effective_from` <= a day the highest number counts.

    `document` is a `ProgrammeFile` as JSON, without its changes.
    """

    __tablename__ = "programme_revisions"

    programme_id: Mapped[str] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    effective_from: Mapped[str] = mapped_column(String(10))
    document: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(100), default="")
    note: Mapped[str] = mapped_column(String(500), default="")


class ProgrammeChange(Base):
    """One occurrence that is not as its rule has it; the highest number of a (session, occurrence) counts.

    `last_day`: the later of the days on which the rule begins it and the change does.
    """

    __tablename__ = "programme_changes"
    __table_args__ = (Index("ix_programme_changes_days", "programme_id", "last_day"),)

    programme_id: Mapped[str] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    session_id: Mapped[str] = mapped_column(String(40))
    occurrence: Mapped[str] = mapped_column(String(19))
    last_day: Mapped[str] = mapped_column(String(10))
    change: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(100), default="")


class ProgrammeSlot(Base):
    """A programme that has a slot for what waits at a unit; found by it when something there changes."""

    __tablename__ = "programme_slots"

    programme_id: Mapped[str] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class SlotItem(Base):
    """A sound that may fill the slots of `unit_id` while it is valid (tin chờ phát).

    `owner_id` is the unit that put it there, with its `authority`; `position` is its place among the items of the
    unit's own. `variants`: language → the sound for devices that list it, instead of `asset_id`. `origin`: what it was
    handed in for, e.g. the placement of a bulletin.
    """

    __tablename__ = "slot_items"
    __table_args__ = (Index("ix_slot_items_waiting", "unit_id", "withdrawn_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    authority: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[str] = mapped_column(String(20))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"))
    variants: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    position: Mapped[int]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    origin: Mapped[str | None] = mapped_column(String(40), index=True)


class BroadcastSlotItem(Base):
    """What of a queue a broadcast was composed of when it was planned last; what begins keeps what it has."""

    __tablename__ = "broadcast_slot_items"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("slot_items.id"), primary_key=True, index=True)
