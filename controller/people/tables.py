"""People, what they may do where, and when somebody stands in for them. As little about them as the work needs.

docs/personal-data.md lists every column that tells something of a person, and when it goes.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import PRIVATE
from controller.runtime.database import Base


class Person(Base):
    """Somebody who works with Loa; `unit_id` is where they belong, grants say what they may do.

    `webhook`: notices also go to the gateway of their unit, which knows their telephone or Zalo; Loa does not.
    One who has `retired_at` acts no more and has no address; an erased one has no name either.
    """

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(200), info=PRIVATE)
    email: Mapped[str | None] = mapped_column(String(254), info=PRIVATE)
    webhook: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(20), default="vi")
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class Grant(Base):
    """A role at a unit, from `begins` to `ends`, both included; a revoked one counts no more.

    `granted_by` and `revoked_by` are people, or nobody where the token did it.
    """

    __tablename__ = "grants"
    __table_args__ = (Index("ix_grants_unit_role", "unit_id", "role"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    begins: Mapped[date]
    ends: Mapped[date | None]
    granted_at: Mapped[datetime]
    granted_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))


class Leave(Base):
    """Days on which a person is away, both included, and who stands in; no reason is kept."""

    __tablename__ = "leaves"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    deputy_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    cancelled_at: Mapped[datetime | None]
