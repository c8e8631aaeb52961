"""Assets taken in and their renditions; the bytes lie in the object store under their SHA-256."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class Asset(Base):
    """One sound, image or video (`kind`), normalised. `source_sha256`: of the file handed in.

    `wishes`: the key of what was wished of it, "" for nothing (`wishes.IntakeWishes.key`); one file is one asset for
    each of them.
    Levels are LUFS and dBTP, and None where there is no sound. `unit_id` had it first; every unit that has it is in
    `asset_units`. `origin`: a word of `library.labels.Origin`. `folded` is title and text as they are searched.
    `content_sha256`: of the best rendition, so that the same content from another file is recognised. `purged_at`: its
    bytes have gone, what is known of it stays.
    """

    __tablename__ = "assets"
    __table_args__ = (
        Index("ix_assets_source_wishes", "source_sha256", "wishes", unique=True),
        Index("ix_assets_newest", "created_at", "id"),
        Index("ix_assets_of_unit", "unit_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    title: Mapped[str] = mapped_column(String(300))
    source_sha256: Mapped[str] = mapped_column(String(64))
    wishes: Mapped[str] = mapped_column(String(64), default="", server_default="")
    duration_ms: Mapped[int] = mapped_column(Large)
    loudness_lufs: Mapped[float | None]
    true_peak_dbtp: Mapped[float | None]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(10), default="sound", server_default="sound")
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    language: Mapped[str | None] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(20), default="upload", server_default="upload")
    text: Mapped[str] = mapped_column(Text, default="", server_default="")
    folded: Mapped[str] = mapped_column(Text, default="", server_default="")
    content_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    purged_at: Mapped[datetime | None]


class Rendition(Base):
    """One encoding of an asset as devices fetch it: `root` names its chunk index, `sha256` its bytes in the store.

    `purged_at`: those bytes have gone; the row stays as evidence of what was broadcast.
    """

    __tablename__ = "renditions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), index=True)
    codec: Mapped[str] = mapped_column(String(10))
    media_type: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    root: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int] = mapped_column(Large)
    chunk_bytes: Mapped[int]
    purged_at: Mapped[datetime | None]


class WaveformRow(Base):
    """The picture of an asset, as `waveform.Waveform.told`; sounds taken in before pictures were drawn have none."""

    __tablename__ = "waveforms"

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    picture: Mapped[dict[str, Any]]
