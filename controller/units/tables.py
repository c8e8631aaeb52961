"""The tree of units: country, province, commune, village, agency. Any depth."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED
from controller.devices import names
from controller.runtime.database import Base


def _folded(context: Any) -> str:
    return names.searched(context.get_current_parameters()["name"])


def _sort_key(context: Any) -> str:
    return names.sort_key(context.get_current_parameters()["name"])


class Unit(Base):
    """A node; `kind` is a word of the domain (province, commune, village, agency); `code` is the official one.

    `languages`: those of its devices, the first spoken first; None: as above it. `closed_at`: since when it is no more.
    `folded`: the name as it is searched; `sort_key`: as it stands in lists.
    """

    __tablename__ = "units"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(40))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    languages: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    closed_at: Mapped[datetime | None]
    folded: Mapped[str] = mapped_column(String(400), default=_folded, server_default="", info=DERIVED)
    sort_key: Mapped[str] = mapped_column(String(400), default=_sort_key, server_default="", info=DERIVED)


class Group(Base):
    """Devices spoken to together, owned by a unit. `retired_at`: since when it is no more."""

    __tablename__ = "groups"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    retired_at: Mapped[datetime | None]
