"""how people sign in: names, passwords, authenticators, sessions, links, tokens"""

from __future__ import annotations

from alembic import op
import sqlalchemy as sa

import controller.runtime.database

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_Instant = controller.runtime.database.UtcInstant


def _id() -> "sa.Column[object]":
    return sa.Column("id", sa.String(length=40), nullable=False)


def _person(name: str = "person_id", *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.String(length=40), nullable=nullable)


def _of_people(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([one], ["people.id"], name=op.f(f"fk_{table}_{one}_people")) for one in columns]


def _instant(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, _Instant(), nullable=nullable)


def _digest(name: str = "secret_sha256") -> "sa.Column[object]":
    return sa.Column(name, sa.String(length=64), nullable=False)


def upgrade() -> None:
    op.create_table(
        "accounts",
        _person(),
        sa.Column("sign_in_name", sa.String(length=100), nullable=False),
        _instant("made_at"),
        _person("made_by", nullable=True),
        *_of_people("accounts", "person_id", "made_by"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("sign_in_name", name=op.f("uq_accounts_sign_in_name")),
    )
    op.create_table(
        "passwords",
        _person(),
        sa.Column("hash", sa.String(length=200), nullable=False),
        _instant("changed_at"),
        *_of_people("passwords", "person_id"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "totp_secrets",
        _person(),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _instant("made_at"),
        sa.Column("last_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        *_of_people("totp_secrets", "person_id"),
        sa.PrimaryKeyConstraint("person_id", "confirmed", name=op.f("pk_totp_secrets")),
    )
    op.create_table(
        "recovery_codes",
        _id(),
        _person(),
        _digest("code_sha256"),
        _instant("made_at"),
        _instant("used_at", nullable=True),
        *_of_people("recovery_codes", "person_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_recovery_codes_code_sha256")),
    )
    op.create_table(
        "sessions",
        _id(),
        _person(),
        _digest(),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("strong", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        *(_instant(name) for name in ("began_at", "proved_at", "seen_at")),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        *_of_people("sessions", "person_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_sessions_secret_sha256")),
    )
    op.create_table(
        "invitations",
        _id(),
        _digest(),
        sa.Column("kind", sa.String(length=20), nullable=False),
        _person(nullable=True),
        sa.Column("forgets_factors", sa.Boolean(), nullable=False),
        _instant("made_at"),
        _person("made_by", nullable=True),
        _instant("expires_at"),
        *_of_people("invitations", "person_id", "made_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_invitations_secret_sha256")),
    )
    op.create_table(
        "integration_tokens",
        _id(),
        _person(),
        sa.Column("name", sa.String(length=200), nullable=False),
        _digest(),
        _instant("made_at"),
        _person("made_by", nullable=True),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
        _person("revoked_by", nullable=True),
        _instant("used_at", nullable=True),
        *_of_people("integration_tokens", "person_id", "made_by", "revoked_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integration_tokens")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_integration_tokens_secret_sha256")),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _instant("last_at"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_failures")),
    )
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


_INDEXES = (
    ("recovery_codes", "person_id"),
    ("sessions", "person_id"),
    ("sessions", "began_at"),
    ("invitations", "person_id"),
    ("integration_tokens", "person_id"),
    ("sign_in_failures", "last_at"),
)


def downgrade() -> None:
    for table, column in reversed(_INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    for table in (
        "sign_in_failures",
        "integration_tokens",
        "invitations",
        "sessions",
        "recovery_codes",
        "totp_secrets",
        "passwords",
        "accounts",
    ):
        op.drop_table(table)
