"""A province in memory: root, plan and ingest keys, a trust list, and devices' receivers. Keys are made per test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from loa_protocol.acceptance import Floor, Receiver
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import Assignment, ClockState, DeviceKind
from loa_protocol.documents.plan import Broadcast, Plan
from loa_protocol.documents.trust import ApprovalOrigin, Role, RoleKeys, TrustKey, TrustList
from loa_protocol.envelope import seal
from loa_protocol.keys import Ed25519Signer
from loa_protocol.trust import Trust, pin

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DEVICE = "loa-1"
COMMUNE = "u-xa-1"


@dataclass
class Province:
    """Everything that can sign. `trust_list()` names the keys; roots: threshold 2 of 3."""

    roots: list[Ed25519Signer] = field(default_factory=lambda: [Ed25519Signer.generate(f"root-{n}") for n in range(3)])
    plan: Ed25519Signer = field(default_factory=lambda: Ed25519Signer.generate("plan-1"))
    ingest: Ed25519Signer = field(default_factory=lambda: Ed25519Signer.generate("ingest-1"))
    approval: ApprovalOrigin | None = None

    def trust_list(self, version: int = 1, **changes: object) -> TrustList:
        keys: dict[str, TrustKey] = {s.keyid: s.trust_key(f"person-{s.keyid}") for s in self.roots}
        keys |= {self.plan.keyid: self.plan.trust_key("signer"), self.ingest.keyid: self.ingest.trust_key("ingest")}
        fields: dict[str, object] = {
            "version": version,
            "issued": NOW - timedelta(days=1),
            "expires": NOW + timedelta(days=700),
            "keys": keys,
            "roles": {
                Role.ROOT: RoleKeys(threshold=2, keys=tuple(s.keyid for s in self.roots)),
                Role.PLAN: RoleKeys(threshold=1, keys=(self.plan.keyid,)),
                Role.INGEST: RoleKeys(threshold=1, keys=(self.ingest.keyid,)),
            },
            "approval": self.approval,
        }
        return TrustList(**{**fields, **changes})  # type: ignore[arg-type]

    def signed_trust(self, version: int = 1, **changes: object) -> bytes:
        return seal("trust", self.trust_list(version, **changes), self.roots[:2])

    def trust(self) -> Trust:
        return pin(self.signed_trust())


def assignment(**changes: object) -> Assignment:
    fields: dict[str, object] = {
        "scope": f"d-{DEVICE}",
        "version": 1,
        "issued": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=300),
        "kind": DeviceKind.SPEAKER,
        "units": ("u-thon-1", COMMUNE, "u-tinh-1"),
    }
    return Assignment(**{**fields, **changes})  # type: ignore[arg-type]


def broadcast(**changes: object) -> Broadcast:
    fields: dict[str, object] = {
        "id": "lp-1",
        "start": NOW + timedelta(minutes=5),
        "latest_start": NOW + timedelta(minutes=10),
        "duration_ms": 60_000,
    }
    return Broadcast(**{**fields, **changes})  # type: ignore[arg-type]


def plan(**changes: object) -> Plan:
    fields: dict[str, object] = {
        "scope": COMMUNE,
        "version": 1000,
        "issued": NOW - timedelta(minutes=1),
        "expires": NOW + timedelta(days=13),
        "horizon": NOW + timedelta(days=13),
        "broadcasts": (broadcast(),),
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def receiver(
    trust: Trust,
    *,
    floors: dict[tuple[str, str], Floor] | None = None,
    state: ClockState = ClockState.TRUSTED,
    now: datetime = NOW,
    held: Assignment | None = None,
) -> Receiver:
    reading = ClockReading(state, now, None if state is ClockState.UNTRUSTED else 5, "test")
    return Receiver(DEVICE, trust, held or assignment(), floors or {}, reading)
