"""What a device does with anything that arrives: accept it or refuse it with a reason. Pure.

Order: size → strict JSON → payload type fits the topic → signatures by enough distinct people of the role → scope in
the assignment → version above the floor → issued and expires against the clock. The caller then commits the floors
with fsync, and only then acts.

What depends on the bytes and the keys alone is `examine`; a process that stands for many devices may remember its
answers. Everything that depends on the device is judged for each device, every time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from loa_protocol import topics
from loa_protocol.clock import FUTURE_TOLERANCE, ClockReading
from loa_protocol.documents import Versioned, Wire
from loa_protocol.documents.device import Assignment, ClockState
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.trust import ApprovalOrigin, Role, TrustKey
from loa_protocol.envelope import Envelope, TooLarge, digest, kind_of, open_payload, parse
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.ids import Level, device_scope
from loa_protocol.keys import Witness, witnesses
from loa_protocol.kinds import KINDS
from loa_protocol.strict_json import DuplicateKey
from loa_protocol.topics import Address, Family
from loa_protocol.trust import Trust


class Why(StrEnum):
    """Reasons for a refusal, as journals and docs/operations.md name them."""

    OVERSIZE = "oversize"
    DUPLICATE_KEY = "duplicate_key"
    MALFORMED = "malformed"
    WRONG_TOPIC = "wrong_topic"
    WRONG_TYPE = "wrong_type"
    NOT_SIGNED = "not_signed"
    WRONG_SCOPE = "wrong_scope"
    NOT_ASSIGNED = "not_assigned"
    OLDER = "older"
    EQUIVOCATION = "equivocation"
    ISSUED_IN_FUTURE = "issued_in_future"
    EXPIRED = "expired"
    LIVES_TOO_LONG = "lives_too_long"
    TRUST_EXPIRED = "trust_expired"
    CLOCK_UNTRUSTED = "clock_untrusted"
    EMERGENCY_IN_PLAN = "emergency_in_plan"
    NOT_SUPPORTED = "not_supported"


class Refusal(LoaError):
    """A document was refused; `why` is journalled. What the device held before stays in force."""

    code = "document_refused"

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message, why=str(why))
        self.why = why


@dataclass(frozen=True, slots=True)
class Floor:
    """Highest version accepted on a topic from one key, and which document it was."""

    version: int
    digest: str


Floors = Mapping[tuple[str, str], Floor]
"""(topic, fingerprint of the raw signing key) → floor."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A verified document. `unchanged`: the very document that is already in force on this topic."""

    address: Address
    kind: str
    document: Wire
    digest: str
    witnesses: tuple[Witness, ...]
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who receives, and what is known there."""

    device_id: str
    trust: Trust
    assignment: Assignment | None
    floors: Floors
    clock: ClockReading


_FITS: dict[Family, dict[str, Role]] = {
    Family.POLICY: {"policy": Role.PLAN},
    Family.ASSIGNMENT: {"assignment": Role.PLAN},
    Family.PLAN: {"plan": Role.PLAN},
    Family.STOP: {"stop": Role.PLAN},
    Family.COMMAND: {"command": Role.PLAN},
    Family.REPLY: {"time-answer": Role.PLAN},
    Family.ACK: {"ack": Role.INGEST},
}
"""Kinds a topic may carry, with the role that signs them. Alerts, releases and sessions follow with their issues."""

_WITHOUT_CLOCK = frozenset({Family.REPLY, Family.STOP, Family.ACK})
_MAX_LIFE_DAYS = {Family.PLAN: 14, Family.STOP: 1}


@dataclass(frozen=True, slots=True)
class Ring:
    """Whose signatures count on a topic, as one device sees it: (role, people needed, its keys) of every role.

    Equal bytes of one family under equal rings have the same answer.
    """

    roles: tuple[tuple[Role, int, frozenset[tuple[str, TrustKey]]], ...]
    approval: ApprovalOrigin | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A document whose signatures were verified; nothing yet says that it is for this device, or for now."""

    kind: str
    document: Wire
    digest: str
    witnesses: tuple[Witness, ...]


Examine = Callable[[bytes, Family, Ring], Examined]


def examine(raw: bytes, family: Family, ring: Ring) -> Examined:
    """Size, strictness, type and signatures, then the document: everything that the bytes and the keys decide.

    Raises:
        Refusal: with the reason; nothing of the document may be used.
    """
    try:
        envelope = parse(raw)
        kind, role = _fitting(envelope, family)
        signers = _signed(envelope, role, ring)
        return Examined(kind, open_payload(envelope, KINDS[kind]), digest(envelope), signers)
    except TooLarge as error:
        raise Refusal(Why.OVERSIZE, str(error)) from error
    except DuplicateKey as error:
        raise Refusal(Why.DUPLICATE_KEY, str(error)) from error
    except DocumentInvalid as error:
        raise Refusal(Why.MALFORMED, str(error)) from error


def check(topic: str, raw: bytes, receiver: Receiver, examined: Examine = examine) -> Accepted:
    """Accept a document that arrived on `topic`; `examined` is `examine`, or remembers what it answered.

    Raises:
        Refusal: with the reason; nothing of the document may be used.
    """
    address = _address(topic, receiver)
    found = examined(raw, address.family, ring_of(address, receiver))
    document = found.document
    _require_scope(document, address, receiver)
    unchanged = _require_version(topic, document, found.digest, found.witnesses, receiver.floors)
    _require_time(document, address.family, receiver)
    _require_content(document)
    return Accepted(address, found.kind, document, found.digest, found.witnesses, unchanged)


def still_valid(document: Wire, now: datetime) -> bool:
    """Expiry, checked again at every start."""
    return not isinstance(document, Versioned) or document.expires > now


def raised_floors(topic: str, accepted: Accepted) -> Mapping[tuple[str, str], Floor]:
    """The floors to commit before acting; empty for documents without a version."""
    if not isinstance(accepted.document, Versioned):
        return {}
    floor = Floor(accepted.document.version, accepted.digest)
    return {(topic, witness.fingerprint): floor for witness in accepted.witnesses}


def kept_floors(floors: Floors, trust: Trust) -> dict[tuple[str, str], Floor]:
    """Floors after a trust change: those of keys the new list does not know are cleared."""
    known = trust.fingerprints()
    return {key: floor for key, floor in floors.items() if key[1] in known}


def _address(topic: str, receiver: Receiver) -> Address:
    try:
        address = topics.parse(topic)
    except topics.TopicUnknown as error:
        raise Refusal(Why.WRONG_TOPIC, str(error)) from error
    if address.family not in _FITS:
        raise Refusal(Why.NOT_SUPPORTED, f"{topic} carries nothing this agent acts on yet")
    if address.family not in topics.SCOPED and address.subject != receiver.device_id:
        raise Refusal(Why.NOT_ASSIGNED, f"{topic} is for another device")
    return address


def _fitting(envelope: Envelope, family: Family) -> tuple[str, Role]:
    try:
        kind, _ = kind_of(envelope.payload_type)
    except DocumentInvalid as error:
        raise Refusal(Why.WRONG_TYPE, str(error)) from error
    role = _FITS[family].get(kind)
    if role is None:
        raise Refusal(Why.WRONG_TYPE, f"a {kind} does not belong on a {family} topic")
    return kind, role


def ring_of(address: Address, receiver: Receiver) -> Ring:
    """The keys that may sign what comes on this topic to this receiver."""
    scope = address.subject if address.family in topics.SCOPED else device_scope(address.subject)
    scopes = receiver.assignment.scopes if receiver.assignment else (device_scope(receiver.device_id),)
    trust = receiver.trust
    roles = tuple(
        (
            role,
            trust.threshold_of(role),
            frozenset(
                (keyid, key)
                for keyid, key in trust.keys_of(role).items()
                if not key.scopes or covers(key.scopes, scope, scopes)
            ),
        )
        for role in dict.fromkeys(_FITS[address.family].values())
    )
    return Ring(roles, trust.current.approval)


def _signed(envelope: Envelope, role: Role, ring: Ring) -> tuple[Witness, ...]:
    needed, keys = next((needed, dict(keys)) for named, needed, keys in ring.roles if named is role)
    found = witnesses(envelope, keys, ring.approval)
    if len(found) < needed:
        raise Refusal(Why.NOT_SIGNED, f"signed by {len(found)} of the {needed} {role} keys needed there")
    return found


def covers(subtrees: Sequence[str], scope: str, chain: Sequence[str]) -> bool:
    """Whether `scope` lies in one of `subtrees`, by a device's own chain of scopes, narrowest first."""
    if scope not in chain:
        return scope in subtrees
    return any(subtree in chain and chain.index(scope) <= chain.index(subtree) for subtree in subtrees)


def _require_scope(document: Wire, address: Address, receiver: Receiver) -> None:
    expected = address.subject if address.family in topics.SCOPED else device_scope(address.subject)
    scope = getattr(document, "scope", None)
    if scope != expected:
        raise Refusal(Why.WRONG_SCOPE, f"a document for {scope} came on the topic of {expected}")
    own = device_scope(receiver.device_id)
    known = (own, *receiver.assignment.scopes) if receiver.assignment else (own,)
    if expected not in known:
        raise Refusal(Why.NOT_ASSIGNED, f"{expected} is not among this device's scopes")


def _require_version(topic: str, document: Wire, mark: str, signers: Sequence[Witness], floors: Floors) -> bool:
    if not isinstance(document, Versioned):
        return False
    held = [floor for w in signers if (floor := floors.get((topic, w.fingerprint))) is not None]
    for floor in held:
        if document.version < floor.version:
            raise Refusal(Why.OLDER, f"version {document.version} after {floor.version} on {topic}")
        if document.version == floor.version and mark != floor.digest:
            raise Refusal(Why.EQUIVOCATION, f"two documents of version {document.version} on {topic}")
    return any(document.version == floor.version for floor in held)


def _require_time(document: Wire, family: Family, receiver: Receiver) -> None:
    clock = receiver.clock
    if clock.state is ClockState.UNTRUSTED:
        if family in _WITHOUT_CLOCK:
            return
        raise Refusal(Why.CLOCK_UNTRUSTED, "the clock is not trusted yet; waiting for a time answer")
    if receiver.trust.expired(clock.now):
        raise Refusal(Why.TRUST_EXPIRED, "the trust list has run out; the province must publish a newer one")
    issued: datetime | None = getattr(document, "issued", None)
    expires: datetime | None = getattr(document, "expires", None)
    if issued is not None and issued > clock.now + FUTURE_TOLERANCE:
        raise Refusal(Why.ISSUED_IN_FUTURE, f"issued {issued.isoformat()}, later than this device's clock")
    if expires is not None and expires <= clock.now:
        raise Refusal(Why.EXPIRED, f"expired {expires.isoformat()}")
    limit_days = _MAX_LIFE_DAYS.get(family)
    if limit_days and issued and expires and (expires - issued).total_seconds() > limit_days * 86_400:
        raise Refusal(Why.LIVES_TOO_LONG, f"a {family} lives {limit_days} days at most")


def _require_content(document: Wire) -> None:
    if isinstance(document, Plan) and any(b.level is Level.EMERGENCY for b in document.broadcasts):
        raise Refusal(Why.EMERGENCY_IN_PLAN, "a plan carries an emergency; those are released as alerts only")
