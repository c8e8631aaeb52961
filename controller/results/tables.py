"""What the ledger adds up to, kept for lists: per broadcast and unit how it went, per device what last went wrong."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class Tally(Base):
    """How a closed broadcast went on the devices at a unit and below: Σ of the outcomes = `expected`.

    Only of units from the commune upwards: below it the ledger itself is counted. It counts while
    `broadcasts.tallied_at` stands; a late answer takes that away, in its own transaction, until it is counted anew.
    """

    __tablename__ = "tallies"
    __table_args__ = (Index("ix_tallies_of_unit", "unit_id", "start", "broadcast_id"),)

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    start: Mapped[datetime]
    expected: Mapped[int]
    played: Mapped[int]
    partial: Mapped[int]
    preempted: Mapped[int]
    skipped: Mapped[int]
    failed: Mapped[int]
    interrupted: Mapped[int]
    unknown: Mapped[int]


class Fault(Base):
    """A device that failed at a broadcast that began at `at`, and has played nothing whole that began later."""

    __tablename__ = "device_faults"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"))
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(40))
