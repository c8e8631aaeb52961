"""Which units have which assets, and how many bytes a unit may keep."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class AssetUnit(Base):
    """A unit that handed this asset in: it counts against the unit's quota, once however often it came."""

    __tablename__ = "asset_units"

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True, index=True)
    added_at: Mapped[datetime]


class UnitQuota(Base):
    """How many bytes a unit's library may hold, where that is not what the settings say for all."""

    __tablename__ = "unit_quotas"

    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), primary_key=True)
    most_bytes: Mapped[int] = mapped_column(Large)
    set_at: Mapped[datetime]
