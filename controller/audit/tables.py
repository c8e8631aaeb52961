"""The audit's entries in their chain, the head that locks it, what stands beside it, and where it was cut."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class AuditEntry(Base):
    """One entry: `raw` is what was chained; other columns repeat parts of it for queries and are checked with it."""

    __tablename__ = "audit_entries"

    sequence: Mapped[int] = mapped_column(Large, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    person_id: Mapped[str] = mapped_column(String(40), index=True)
    action: Mapped[str] = mapped_column(String(200))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditUnit(Base):
    """A unit that an entry concerns; written before the chain's lock is taken, hence by the entry's id."""

    __tablename__ = "audit_units"
    __table_args__ = (Index("ix_audit_units_unit_id", "unit_id"),)

    entry_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit_id: Mapped[str] = mapped_column(String(40), primary_key=True)


class AuditHead(Base):
    """The one row (id 1) that says where the chain ends; whoever appends locks it until the commit."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(Large)
    hash: Mapped[str] = mapped_column(String(64))


class AuditPrivate(Base):
    """An erasable value of an entry, found by its commitment; `subject` is the person it is about."""

    __tablename__ = "audit_private"

    commitment: Mapped[str] = mapped_column(String(64), primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(40), index=True)
    subject: Mapped[str | None] = mapped_column(String(40), index=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    value: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheckpoint(Base):
    """Up to `sequence` entries were deleted, as the signed envelope says."""

    __tablename__ = "audit_checkpoints"

    sequence: Mapped[int] = mapped_column(Large, primary_key=True, autoincrement=False)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
