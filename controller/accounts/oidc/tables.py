"""Who signs on at the province's identity provider, and the sign-ons that are under way."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controller.audit.marks import DERIVED, PRIVATE
from controller.runtime.database import Base


class OidcLink(Base):
    """A person is who a provider calls `subject`; one of each at a provider. `made_by`: they themselves, or another."""

    __tablename__ = "oidc_links"
    __table_args__ = (UniqueConstraint("subject", "issuer"), UniqueConstraint("person_id", "issuer"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255), info=PRIVATE)
    made_at: Mapped[datetime]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    used_at: Mapped[datetime | None] = mapped_column(info=DERIVED)


class OidcFlow(Base):
    """A browser was sent to the provider; `state_sha256` is of what it has to bring back, and the row goes with it.

    Nonce and verifier are kept by the browser alone. `person_id` and `session_id` are of who links themselves or proves
    anew who they are, none of who signs in.
    """

    __tablename__ = "oidc_flows"

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(index=True)
