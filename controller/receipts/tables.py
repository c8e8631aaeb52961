"""Journals of the devices as far as they are committed, and their entries."""

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class JournalRow(Base):
    """How far a device's journal is committed, and the chain hash there. Pages keep room for it to move on."""

    __tablename__ = "journals"
    __table_args__ = ({"postgresql_with": {"fillfactor": 45}},)

    device_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    journal_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    hash: Mapped[str] = mapped_column(String(64))
    first_seen: Mapped[datetime]


class JournalEntry(Base):
    """One entry, as exact bytes. Key: (device, journal, sequence)."""

    __tablename__ = "journal_entries"

    device_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    journal_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(20))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]


class JournalGap(Base):
    """Entries a device no longer had when they were asked for: recorded, shown, passed."""

    __tablename__ = "journal_gaps"

    device_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    journal_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime]
