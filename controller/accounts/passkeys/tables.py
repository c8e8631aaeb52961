"""Passkeys of people, and the challenges that browsers are yet to answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED, PRIVATE
from controller.runtime.database import Base, Large


class Passkey(Base):
    """A public key of somebody's device; `credential_id` is base64url, `public_key` COSE, the private half never here.

    `copied_at`: its counter went back, so that somebody may have a copy; it is refused from then on. `backed_up`: its
    maker keeps it for all devices of the person.
    """

    __tablename__ = "passkeys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str] = mapped_column(String(100), info=PRIVATE)
    credential_id: Mapped[str] = mapped_column(String(1364), unique=True, info=DERIVED)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, info=DERIVED)
    sign_count: Mapped[int] = mapped_column(Large, info=DERIVED)
    transports: Mapped[list[Any]] = mapped_column(info=DERIVED)
    backed_up: Mapped[bool] = mapped_column(info=DERIVED)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(info=DERIVED)
    copied_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """What a browser was asked to sign, by its SHA-256; whoever answers takes the row away, so that it is good once.

    `person_id` and `session_id` are of who asked, none where somebody is about to sign in.
    """

    __tablename__ = "passkey_challenges"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(index=True)
