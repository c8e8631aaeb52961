"""Answers already given, so that a repeated write with the same Idempotency-Key gets the same answer."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class IdempotencyRow(Base):
    """`request` is SHA-256 over method, path and body; `body` the answer as JSON text."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)
