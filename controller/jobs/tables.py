"""Background jobs: one row a job, from the moment it is accepted until long after it has ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class JobRow(Base):
    """One job. `progress` is 0…1 and never goes back; `given` is what its kind needs to do it, as JSON.

    `lease_owner` works on it until `lease_until`; after that instant anybody may take it up again, as attempt
    `attempts` + 1. `asset_id` is its result. `error_code` says why it failed.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_open", "state", "lease_until"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(20))
    progress: Mapped[float] = mapped_column(default=0.0)
    given: Mapped[dict[str, Any]]
    requested_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(40))
    lease_until: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(String(1000))
    error_details: Mapped[dict[str, Any] | None]
    asset_id: Mapped[str | None] = mapped_column(ForeignKey("assets.id"))
