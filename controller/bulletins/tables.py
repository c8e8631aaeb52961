"""Bulletins with everything that was ever written and decided, where they shall go on air, and how they came off it.

A row of `bulletin_revisions`, `bulletin_steps`, `bulletin_rules` or `placement_misses` is never changed and never
deleted: what was approved is a revision, bound by its number.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class Bulletin(Base):
    """A bulletin as it stands; `head` is its newest revision, `approved_revision` the one that may be on the air.

    What lists are filtered by (`title` to `valid_until`, `search`) is the head's; `air_until` is the end of validity of
    what is approved. `languages` stand apart, with a space before and behind each. `steps` is the number of the last
    step. `source_ref` is the id that its source knows it by. Without an author a source system handed it down.
    """

    __tablename__ = "bulletins"
    __table_args__ = (
        Index("ix_bulletins_unit", "unit_id", "changed_at"),
        Index("ix_bulletins_state", "state", "valid_until"),
        Index("ix_bulletins_changed", "changed_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    author_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    source: Mapped[str] = mapped_column(String(20))
    source_ref: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    head: Mapped[int]
    approved_revision: Mapped[int | None]
    steps: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[str] = mapped_column(String(20))
    field: Mapped[str] = mapped_column(String(20))
    essential: Mapped[bool]
    languages: Mapped[str] = mapped_column(String(500))
    search: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    air_until: Mapped[datetime | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def handed_down(self) -> bool:
        """Whether nobody here wrote it: a source system did, and it alone changes it."""
        return self.author_id is None


class BulletinRevision(Base):
    """What a bulletin said: `document` is `document.Document` as JSON."""

    __tablename__ = "bulletin_revisions"

    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(500), default="")


class BulletinStep(Base):
    """Who did what with which revision, when and why; `for_person_id` is whom a deputy stood in for.

    `by_rule`: the approver wrote it himself, and only the unit's rule `self_approval` allowed that. `despite`: codes of
    the points of the pre-flight list that he took upon himself.
    """

    __tablename__ = "bulletin_steps"

    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    for_person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    by_rule: Mapped[bool] = mapped_column(default=False)
    despite: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    at: Mapped[datetime]
    why: Mapped[str] = mapped_column(String(500), default="")


class BulletinRulesRow(Base):
    """What a unit says about its bulletins; the highest number counts, NULL is what the units above say."""

    __tablename__ = "bulletin_rules"

    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    self_approval: Mapped[bool | None]
    remind_before_min: Mapped[list[Any] | None]
    fallback_asset: Mapped[str | None] = mapped_column(ForeignKey("assets.id"))
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(String(500))


class Placement(Base):
    """Where and when a bulletin shall go on air: `kind` slot (of `slot_unit_id`) or time (`scopes` at `start`).

    `start` NULL is at once when it is approved. `revision` is the one that is placed, as `slot_item_id` or
    `broadcast_id`; of a reserved one nothing is placed yet, and it is looked at again at `look_at`; it misses starts
    after `waits_since`. `until`: when it is over, by the clock.
    """

    __tablename__ = "placements"
    __table_args__ = (Index("ix_placements_state", "state", "look_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(20))
    slot_unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    scopes: Mapped[list[Any]]
    start: Mapped[datetime | None]
    late_s: Mapped[int]
    volume: Mapped[int]
    repeats: Mapped[int]
    chime: Mapped[bool]
    board_s: Mapped[int]
    fallback_asset: Mapped[str | None] = mapped_column(ForeignKey("assets.id"))
    revision: Mapped[int | None]
    slot_item_id: Mapped[str | None] = mapped_column(ForeignKey("slot_items.id"), index=True)
    broadcast_id: Mapped[str | None] = mapped_column(ForeignKey("broadcasts.id"), index=True)
    until: Mapped[datetime | None] = mapped_column(index=True)
    look_at: Mapped[datetime]
    waits_since: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class PlacementReminder(Base):
    """A start of a placement of which was told beforehand that it is not approved, so many minutes before."""

    __tablename__ = "placement_reminders"

    placement_id: Mapped[str] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    before_min: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class PlacementMiss(Base):
    """A start that a placement missed because nothing was approved, and what stood in for it.

    Of a slot `programme_id`, `session_id` and `occurrence` name what it would have been in. `scopes`: who would have
    heard it.
    """

    __tablename__ = "placement_misses"

    placement_id: Mapped[str] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    reason: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    programme_id: Mapped[str | None] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(String(40))
    occurrence: Mapped[str | None] = mapped_column(String(19))
    scopes: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    fallback_asset: Mapped[str | None] = mapped_column(String(40))
    fallback_broadcast_id: Mapped[str | None] = mapped_column(String(40))
    fallback_slot_item_id: Mapped[str | None] = mapped_column(String(40))
    fallback_error: Mapped[str | None] = mapped_column(String(60))


class Recall(Base):
    """A broadcast that a withdrawal took a bulletin out of: whom it goes to, and which plan versions still had it.

    A device that holds a plan of `scope` later than `after_version` has heard of it. `until`: when it is over anyway.
    """

    __tablename__ = "bulletin_recalls"

    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(42), primary_key=True)
    after_version: Mapped[int] = mapped_column(Large)
    until: Mapped[datetime]
