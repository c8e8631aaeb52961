"""Devices, what they last said of themselves, and what was odd about them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.devices import names
from controller.runtime.database import Base, Large


def _folded(context: Any) -> str:
    return names.searched(context.get_current_parameters()["name"])


def _sort_key(context: Any) -> str:
    return names.sort_key(context.get_current_parameters()["name"])


class Device(Base):
    """A loudspeaker cluster or a board. `public_key` is its raw Ed25519 key in base64.

    `languages`: its own, the first spoken first; none: those of its unit (see `units.languages`).
    `folded`: the name as it is searched; `sort_key`: as it stands in lists (“Cụm loa 2” before “Cụm loa 10”).
    `latitude` and `longitude` in degrees, both or none; `reach_m`: how far it is heard, where somebody knows.
    """

    __tablename__ = "devices"
    __table_args__ = (Index("ix_devices_listed", "sort_key", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    public_key: Mapped[str] = mapped_column(String(100))
    profile: Mapped[str] = mapped_column(String(100), default="default")
    folded: Mapped[str] = mapped_column(String(400), default=_folded, server_default="")
    sort_key: Mapped[str] = mapped_column(String(400), default=_sort_key, server_default="")
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
    """The newest signed state of a device, and whether it seems to be there.

    `alarms`: what is wrong by the newest report, as bits of `beats.Alarm`; `beat_slot` and `beat`: the quarter of an
    hour (since 1970) in which it was last heard, and what was noted of that.
    """

    __tablename__ = "device_reports"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    online: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime]
    state_issued: Mapped[datetime | None]
    state: Mapped[dict[str, Any]] = mapped_column(default=dict)
    health: Mapped[dict[str, Any]] = mapped_column(default=dict)
    alarms: Mapped[int] = mapped_column(default=0, server_default="0")
    beat_slot: Mapped[int] = mapped_column(default=0, server_default="0")
    beat: Mapped[int] = mapped_column(default=0, server_default="0")


class DeviceDay(Base):
    """How a device was on one day (UTC): a byte for each quarter of an hour, see `beats`; kept for a week."""

    __tablename__ = "device_days"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    slots: Mapped[bytes] = mapped_column(LargeBinary)


class DeviceLog(Base):
    """The newest lines of the log of a device's agent, oldest first, see `logs`."""

    __tablename__ = "device_logs"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    lines: Mapped[list[Any]] = mapped_column(default=list)


class Finding(Base):
    """Something a person should look at: an unexpected receipt, a forked journal, an equivocation."""

    __tablename__ = "findings"

    id: Mapped[int] = mapped_column(Large, primary_key=True, autoincrement=True)
    device_id: Mapped[str] = mapped_column(String(40), index=True)
    code: Mapped[str] = mapped_column(String(60))
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
