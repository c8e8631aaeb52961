"""What is kept so that people can sign in. No secret lies here as it is: digests, hashes, or sealed by a key of a file.

Whoever retires loses all of it. Passkeys and provincial sign-ons have tables of their own beside these.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED, PRIVATE, SECRET
from controller.runtime.database import Base, Large


class Account(Base):
    """The name somebody signs in by, folded; one without an account cannot sign in."""

    __tablename__ = "accounts"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(String(100), unique=True, info=PRIVATE)
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))


class Password(Base):
    """An argon2id hash with its own parameters and salt."""

    __tablename__ = "passwords"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(200), info=SECRET)
    changed_at: Mapped[datetime]


class Totp(Base):
    """The secret of an authenticator, sealed. One that no code has confirmed yet stands beside the one in use.

    `last_step` is the time step of the last code taken: none before it or of it is taken again.
    """

    __tablename__ = "totp_secrets"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    confirmed: Mapped[bool] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    made_at: Mapped[datetime]
    last_step: Mapped[int | None] = mapped_column(Large, info=DERIVED)


class RecoveryCode(Base):
    """One code on paper; it stands in for the authenticator once."""

    __tablename__ = "recovery_codes"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    code_sha256: Mapped[str] = mapped_column(String(64), unique=True, info=SECRET)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignedIn(Base):
    """A session. `pending`: the password was right and the second factor is still to come; it may do nothing else.

    `how` names the ways that were used; `proved_at` is when they last proved who they are; `seen_at` is kept to the
    minute. `agent` and `address` let people recognise their own sessions. A session that ends is deleted.
    """

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True, info=SECRET)
    how: Mapped[str] = mapped_column(String(40))
    strong: Mapped[bool]
    pending: Mapped[bool]
    began_at: Mapped[datetime] = mapped_column(index=True)
    proved_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(info=DERIVED)
    agent: Mapped[str] = mapped_column(String(200), info=PRIVATE)
    address: Mapped[str] = mapped_column(String(45), info=PRIVATE)


class Invitation(Base):
    """A one-time link, by the digest of its secret; `person_id` is None for the one that makes the first administrator.

    `forgets_factors`: whoever uses it starts without a second factor.
    """

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True, info=SECRET)
    kind: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    forgets_factors: Mapped[bool]
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[datetime]


class IntegrationToken(Base):
    """What another system acts by, as the person of role `integration` it was made for; `used_at` to the hour."""

    __tablename__ = "integration_tokens"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True, info=SECRET)
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    used_at: Mapped[datetime | None] = mapped_column(info=DERIVED)


class Failures(Base):
    """Wrong proofs in a row. `key` says of what; names are in it as digests, whether somebody has them or not."""

    __tablename__ = "sign_in_failures"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
