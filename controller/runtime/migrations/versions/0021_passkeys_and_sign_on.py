"""passkeys with the challenges of browsers, and links with a provider's accounts with the sign-ons under way"""

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_Instant = controller.runtime.database.UtcInstant
_LARGE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_people(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([one], ["people.id"], name=op.f(f"fk_{table}_{one}_people")) for one in columns]


def upgrade() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("credential_id", sa.String(length=1364), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", _LARGE, nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", _Instant(), nullable=False),
        sa.Column("used_at", _Instant(), nullable=True),
        sa.Column("copied_at", _Instant(), nullable=True),
        *_of_people("passkeys", "person_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_person_id"), "passkeys", ["person_id"], unique=False)
    op.create_table(
        "passkey_challenges",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("expires_at", _Instant(), nullable=False),
        *_of_people("passkey_challenges", "person_id"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_passkey_challenges")),
    )
    for column in ("person_id", "expires_at"):
        op.create_index(op.f(f"ix_passkey_challenges_{column}"), "passkey_challenges", [column], unique=False)
    op.create_table(
        "oidc_links",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("made_at", _Instant(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=True),
        sa.Column("used_at", _Instant(), nullable=True),
        *_of_people("oidc_links", "person_id", "made_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oidc_links")),
        sa.UniqueConstraint("subject", "issuer", name=op.f("uq_oidc_links_subject")),
        sa.UniqueConstraint("person_id", "issuer", name=op.f("uq_oidc_links_person_id")),
    )
    op.create_table(
        "oidc_flows",
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("expires_at", _Instant(), nullable=False),
        *_of_people("oidc_flows", "person_id"),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_oidc_flows")),
    )
    for column in ("person_id", "expires_at"):
        op.create_index(op.f(f"ix_oidc_flows_{column}"), "oidc_flows", [column], unique=False)


def downgrade() -> None:
    for table in ("oidc_flows", "oidc_links", "passkey_challenges", "passkeys"):
        op.drop_table(table)
