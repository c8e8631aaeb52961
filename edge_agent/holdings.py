"""What the device holds: the verified documents in memory, their floors and the trust they stand on. No I/O.

Rules: a document is here only after `acceptance.check` let it in, whether it came from the broker or from the disk; a
policy or an assignment stands until a newer one replaces it, also past its expiry (an expired policy must not loosen
the rules); a plan's expiry is the timeline's business. Plans and policies count while their scope is the device's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edge_agent.documents import StoredDocument
from loa_protocol import topics
from loa_protocol.acceptance import Accepted, Floor, Receiver, Refusal, check, kept_floors, raised_floors
from loa_protocol.clock import ClockReading
from loa_protocol.documents import Versioned
from loa_protocol.documents.device import Assignment, ClockState
from loa_protocol.documents.emergency import Stop
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import StopOrder, stop_order
from loa_protocol.topics import Family
from loa_protocol.trust import Trust

D = TypeVar("D", Plan, Policy)


@dataclass(frozen=True, slots=True)
class Held:
    """One document in force, and how it is stored."""

    stored: StoredDocument
    document: Versioned


@dataclass(slots=True)
class Holdings:
    """Documents by topic, newest last; `dropped` are occurrences whose plan lost its key."""

    device_id: str
    trust: Trust
    floors: dict[tuple[str, str], Floor] = field(default_factory=dict)
    held: dict[str, list[Held]] = field(default_factory=dict)
    dropped: set[Occurrence] = field(default_factory=set)

    def receiver(self, clock: ClockReading) -> Receiver:
        """What `acceptance.check` needs to know."""
        return Receiver(self.device_id, self.trust, self.assignment, self.floors, clock)

    @property
    def assignment(self) -> Assignment | None:
        """The device's own assignment."""
        held = self.held.get(topics.to_device(Family.ASSIGNMENT, self.device_id))
        document = held[-1].document if held else None
        return document if isinstance(document, Assignment) else None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans of the scopes the device belongs to now, older versions too."""
        return tuple(self._own(held.document for held in self._all() if isinstance(held.document, Plan)))

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies of the scopes the device belongs to now; without an assignment all that are held."""
        return tuple(self._own(held.document for held in self._all() if isinstance(held.document, Policy)))

    @property
    def stops(self) -> tuple[StopOrder, ...]:
        """The stops in force, with when each was first accepted."""
        return tuple(
            stop_order(held.document, received=held.stored.received, by_plan_key=True)
            for held in self._all()
            if isinstance(held.document, Stop)
        )

    @property
    def versions(self) -> dict[str, int]:
        """Topic → newest version that is held."""
        versions = {topic: held[-1].stored.version for topic, held in self.held.items() if held}
        return versions | {topics.TRUST: self.trust.current.version}

    def plans_by_topic(self) -> Iterator[tuple[str, list[tuple[str, Plan]]]]:
        """(topic, [(digest, plan)]) of every plan topic."""
        for topic, held in self.held.items():
            plans = [(one.stored.digest, one.document) for one in held if isinstance(one.document, Plan)]
            if plans:
                yield topic, plans

    def has(self, topic: str, digest: str) -> bool:
        """Whether that very document is held."""
        return any(held.stored.digest == digest for held in self.held.get(topic, ()))

    def add(self, stored: StoredDocument, accepted: Accepted) -> None:
        """Put an accepted document in force; its floors are committed."""
        document = accepted.document
        if not isinstance(document, Versioned):
            raise TypeError(f"a {accepted.kind} is not held")
        older = self.held.get(stored.topic, []) if isinstance(document, Plan) else []
        kept = [held for held in older if held.stored.digest != stored.digest]
        self.held[stored.topic] = sorted([*kept, Held(stored, document)], key=lambda held: held.stored.version)
        self.floors.update(raised_floors(stored.topic, accepted))
        self.dropped -= {Occurrence(id=one.id) for one in getattr(document, "broadcasts", ())}

    def remove(self, topic: str, digests: Iterable[str]) -> None:
        """Take documents out."""
        gone = set(digests)
        left = [held for held in self.held.get(topic, ()) if held.stored.digest not in gone]
        if left:
            self.held[topic] = left
        else:
            self.held.pop(topic, None)

    def restore(self, documents: Iterable[StoredDocument]) -> tuple[tuple[StoredDocument, Refusal], ...]:
        """Verify what the disk holds and put it in force; returns what was refused. The assignment goes first."""
        own = topics.to_device(Family.ASSIGNMENT, self.device_id)
        refused = []
        for stored in sorted(documents, key=lambda one: (one.topic != own, one.version)):
            try:
                accepted = check(stored.topic, stored.raw, replace(self.receiver(_as_of(stored)), floors={}))
            except Refusal as refusal:
                refused.append((stored, refusal))
                continue
            if isinstance(accepted.document, Versioned):
                self.add(replace(stored, digest=accepted.digest, version=accepted.document.version), accepted)
        return tuple(refused)

    def trusted(self, trust: Trust) -> tuple[StoredDocument, ...]:
        """Stand on a newer trust list; returns the documents that fall with it, whose items must not sound."""
        before = list(self._all())
        self.trust, self.held = trust, {}
        fallen = tuple(stored for stored, _ in self.restore(held.stored for held in before))
        self.floors = kept_floors(self.floors, trust)
        gone = {stored.digest for stored in fallen}
        still = {broadcast.id for plan in self.plans for broadcast in plan.broadcasts}
        for held in before:
            if held.stored.digest in gone and isinstance(held.document, Plan):
                self.dropped |= {Occurrence(id=one.id) for one in held.document.broadcasts if one.id not in still}
        return fallen

    def _own(self, documents: Iterable[D]) -> Iterator[D]:
        """Those whose scope is one of the device's."""
        own = self.assignment
        return (one for one in documents if own is None or one.scope in own.scopes)

    def _all(self) -> Iterator[Held]:
        return (held for versions in self.held.values() for held in versions)


def named_occurrences(plans: Iterable[Plan]) -> frozenset[Occurrence]:
    """Every occurrence that plans still speak of."""
    ids = {one.id for plan in plans for one in plan.broadcasts} | {one.id for plan in plans for one in plan.withdrawn}
    return frozenset(Occurrence(id=one) for one in ids)


def newer_elsewhere(have: Mapping[str, int], newest: Mapping[str, int]) -> tuple[str, ...]:
    """Topics of which the controller has newer versions than the device."""
    return tuple(sorted(topic for topic, version in newest.items() if version > have.get(topic, 0)))


def _as_of(stored: StoredDocument) -> ClockReading:
    """The clock by which a stored document is verified again: when it came, it was in time.

    Its expiry is judged where something would begin; a stop needed no clock and needs none now.
    """
    stop = topics.parse(stored.topic).family is Family.STOP
    return ClockReading(ClockState.UNTRUSTED if stop else ClockState.TRUSTED, stored.received, 0, "received")
