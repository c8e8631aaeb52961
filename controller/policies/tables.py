"""Policies by scope with every revision they had, and quiet zones: circles whose devices are a group."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base


class PolicyRow(Base):
    """The newest revision of a scope's policy; one that is not `in_force` was removed, and is signed as empty."""

    __tablename__ = "policies"

    scope: Mapped[str] = mapped_column(String(42), primary_key=True)
    revision: Mapped[int]
    document: Mapped[dict[str, Any]]
    in_force: Mapped[bool]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(100), default="")


class PolicyRevision(Base):
    """Every revision there was; rows are never changed."""

    __tablename__ = "policy_revisions"

    scope: Mapped[str] = mapped_column(ForeignKey("policies.scope"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    in_force: Mapped[bool]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(100), default="")


class QuietZone(Base):
    """A circle, e.g. around a school; group `id` holds the devices inside, its policy is that of scope `g-<id>`."""

    __tablename__ = "quiet_zones"

    id: Mapped[str] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    radius_m: Mapped[int]
    revision: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(100), default="")
    retired_at: Mapped[datetime | None]
