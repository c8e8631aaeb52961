"""What units decide about machine voices: how words are pronounced, whose voice is preferred."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class Pronunciation(Base):
    """How a unit, and all below it, has a word or a few words read: `written` as `spoken`, both composed (NFC)."""

    __tablename__ = "pronunciations"

    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    written: Mapped[str] = mapped_column(String(100), primary_key=True)
    spoken: Mapped[str] = mapped_column(String(200))
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]


class SpeechChoice(Base):
    """Which voices a unit, and all below it, prefers, best first; how fast, and with what pauses (None: as ever)."""

    __tablename__ = "speech_choices"

    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    voices: Mapped[list[Any]]
    speed: Mapped[float | None]
    pause_ms: Mapped[int | None]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
