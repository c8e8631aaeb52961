"""Devices, what they last said of themselves, and what was odd about them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class Device(Base):
    """A loudspeaker cluster or a board. `public_key` is its raw Ed25519 key in base64.

    `languages`: its own, the first spoken first; none: those of its unit (see `units.languages`).
    `latitude` and `longitude` in degrees, both or none; `reach_m`: how far it is heard, where somebody knows.
    """

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    public_key: Mapped[str] = mapped_column(String(100))
    profile: Mapped[str] = mapped_column(String(100), default="default")
    languages: Mapped[list[Any]] = mapped_column(default=list)
    stagger_ms: Mapped[int] = mapped_column(default=0)
    turn: Mapped[int] = mapped_column(default=0, server_default="0", index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    reach_m: Mapped[int | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class GroupMember(Base):
    """A device in a group."""

    __tablename__ = "group_members"

    group_id: Mapped[str] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True, index=True)


class DeviceReport(Base):
    """The newest signed state of a device, and whether it seems to be there."""

    __tablename__ = "device_reports"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    online: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime]
    state_issued: Mapped[datetime | None]
    state: Mapped[dict[str, Any]] = mapped_column(default=dict)
    health: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Finding(Base):
    """Something a person should look at: an unexpected receipt, a forked journal, an equivocation."""

    __tablename__ = "findings"

    id: Mapped[int] = mapped_column(Large, primary_key=True, autoincrement=True)
    device_id: Mapped[str] = mapped_column(String(40), index=True)
    code: Mapped[str] = mapped_column(String(60))
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
