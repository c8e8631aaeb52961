"""Who may sign what: root-signed trust lists and, delegated from them, the approvers of a scope."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from loa_protocol.documents.base import Versioned, Wire
from loa_protocol.ids import Id, Instant, Scope, Sha256Hex, Version, Volume

KeyId = Annotated[str, Meta(min_length=1, max_length=64)]
Threshold = Annotated[int, Meta(ge=1, le=10)]
Minute = Annotated[int, Meta(ge=0, le=1440)]


class Role(StrEnum):
    """What a key may sign; see docs/protocol.md for thresholds."""

    ROOT = "root"
    REGISTRAR = "registrar"
    APPROVER = "approver"
    TRIGGER = "trigger"
    PLAN = "plan"
    INGEST = "ingest"
    DEVICE = "device"
    SOFTWARE = "software"


class KeyStatus(StrEnum):
    """Documents of a retired key stand until they expire; those of a revoked key are dropped at once."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


class TrustKey(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A public key: 32 raw bytes for `ed25519`, the 65-byte uncompressed point for `webauthn-es256`, in base64.

    `person` is who holds it; a threshold counts people, not keys. Empty `scopes`: valid in every scope.
    """

    alg: Annotated[str, Meta(pattern=r"^(ed25519|webauthn-es256)(?![\s\S])")]
    public: Annotated[str, Meta(max_length=200)]
    person: Id
    scopes: tuple[Scope, ...] = ()
    status: KeyStatus = KeyStatus.ACTIVE


class RoleKeys(Wire, frozen=True, kw_only=True):
    """The keys of a role and how many distinct people must sign."""

    threshold: Threshold
    keys: tuple[KeyId, ...]


class Delegation(Wire, frozen=True, kw_only=True):
    """Registrars of one subtree: they sign its approvers' documents."""

    subtree: Scope
    threshold: Annotated[int, Meta(ge=2, le=10)]
    keys: tuple[KeyId, ...]


class LegalHours(Wire, frozen=True, kw_only=True):
    """Minutes of the local day between which ordinary sound is lawful."""

    from_minute: Minute
    to_minute: Minute
    timezone: Annotated[str, Meta(max_length=60)] = "Asia/Ho_Chi_Minh"


class Ceilings(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Limits no online key can raise."""

    max_volume: Volume = 100
    legal_hours: LegalHours | None = None


class ApprovalOrigin(Wire, frozen=True, kw_only=True):
    """Where approvers' passkeys are valid; never the sign-in origin."""

    origin: Annotated[str, Meta(max_length=300)]
    rp_id: Annotated[str, Meta(max_length=300)]


class TrustList(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Version n + 1 is signed by the root thresholds of version n and of itself."""

    version: Version
    issued: Instant
    expires: Instant
    keys: dict[KeyId, TrustKey]
    roles: dict[Role, RoleKeys]
    registrars: tuple[Delegation, ...] = ()
    alert_thresholds: dict[Scope, Threshold] = {}
    ceilings: Ceilings = Ceilings()
    tones: tuple[Sha256Hex, ...] = ()
    approval: ApprovalOrigin | None = None


class Approvers(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """Who may release alerts in `scope`, signed by two registrars of its subtree."""

    keys: dict[KeyId, TrustKey]
