"""Assets taken in and their renditions; the bytes lie in the object store under their SHA-256."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.runtime.database import Base, Large


class Asset(Base):
    """One sound, normalised. `source_sha256`: of the file handed in, one asset each; levels are LUFS and dBTP."""

    __tablename__ = "assets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    title: Mapped[str] = mapped_column(String(300))
    source_sha256: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    duration_ms: Mapped[int] = mapped_column(Large)
    loudness_lufs: Mapped[float]
    true_peak_dbtp: Mapped[float]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Rendition(Base):
    """One encoding of an asset as devices fetch it: `root` names its chunk index, `sha256` its bytes in the store."""

    __tablename__ = "renditions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), index=True)
    codec: Mapped[str] = mapped_column(String(10))
    media_type: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    root: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int] = mapped_column(Large)
    chunk_bytes: Mapped[int]
