"""What all devices of one process share: each distinct message is verified, and equal documents are merged, once.

Rules: an answer is remembered by everything it depends on (the bytes' SHA-256, the topic's family and the keys that
count there); who a document is for, its version and its time are judged for each device. What comes to one device
only is not remembered.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from collections.abc import Set as AbstractSet
from typing import TypeVar, cast

from edge_agent.agenda import Merging
from edge_agent.programmes import Catalogue
from loa_protocol import topics, trust
from loa_protocol.acceptance import Examined, Refusal, Ring, examine
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings
from loa_protocol.policy import EffectivePolicy, HardLimits
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda
from loa_protocol.topics import Family
from loa_protocol.trust import Trust

REMEMBERED = 2_000
T = TypeVar("T")


class _Memory:
    """The newest answers."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._held: OrderedDict[Hashable, object] = OrderedDict()

    def recall(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` answered for this key the first time."""
        if key in self._held:
            self._held.move_to_end(key)
            return cast("T", self._held[key])  # the key names what made it
        made = make()
        self._held[key] = made
        if len(self._held) > self._limit:
            self._held.popitem(last=False)
        return made


class SharedExamination:
    """`acceptance.examine` and `trust.advance`, once per distinct message.

    `asked` counts what devices wanted examined, `verified` what was, of documents for scopes and of trust.
    """

    def __init__(self) -> None:
        self._memory = _Memory()
        self.asked = 0
        self.verified = 0

    def examine(self, raw: bytes, family: Family, ring: Ring) -> Examined:
        """As `acceptance.examine`.

        Raises:
            Refusal: as there, also from memory.
        """
        if family not in topics.SCOPED:
            return examine(raw, family, ring)
        self.asked += 1
        key = (hashlib.sha256(raw).digest(), family, ring)
        found = self._memory.recall(key, lambda: self._examine(raw, family, ring))
        if isinstance(found, Refusal):
            raise Refusal(found.why, str(found))
        return found

    def advance(self, held: Trust, raw: bytes) -> Trust:
        """Walk to the newest list of a `trust` message.

        Raises:
            TrustRefused, DocumentInvalid: the device keeps the list it has.
        """
        self.asked += 1
        key = (hashlib.sha256(raw).digest(), held.raw)
        return self._memory.recall(key, lambda: self._advance(held, raw))

    def keep(self, raw: bytes) -> bytes:
        """The same bytes, held once for all devices."""
        return self._memory.recall(("bytes", raw), lambda: raw)

    def _examine(self, raw: bytes, family: Family, ring: Ring) -> Examined | Refusal:
        self.verified += 1
        try:
            return examine(raw, family, ring)
        except Refusal as refusal:
            return refusal

    def _advance(self, held: Trust, raw: bytes) -> Trust:
        self.verified += 1
        return trust.advance(held, trust.read_array(raw))


class SharedMerging(Merging):
    """Remembers by the identity of the documents, which `SharedExamination` makes the same object for all."""

    def __init__(self) -> None:
        self._memory = _Memory()

    def agenda(self, plans: tuple[Plan, ...], languages: tuple[str, ...], dropped: AbstractSet[Occurrence]) -> Agenda:
        """What all plans together ask of a device with these languages."""
        if dropped:
            return super().agenda(plans, languages, dropped)
        return self._recall("agenda", plans, languages, lambda: Merging.agenda(self, plans, languages, frozenset()))

    def catalogue(self, plans: tuple[Plan, ...], languages: tuple[str, ...]) -> Catalogue:
        """What each of it sounds."""
        return self._recall("catalogue", plans, languages, lambda: Merging.catalogue(self, plans, languages))

    def policy(self, policies: tuple[Policy, ...], ceilings: Ceilings, limits: HardLimits) -> EffectivePolicy:
        """The rules of the air.

        Raises:
            PolicyInvalid: they cannot be read.
        """
        documents = (*policies, ceilings)
        return self._recall("policy", documents, limits, lambda: Merging.policy(self, policies, ceilings, limits))

    def _recall(self, what: str, documents: Iterable[object], rest: Hashable, make: Callable[[], T]) -> T:
        """The documents are kept with the answer, so that their identities are not given to others."""
        held = tuple(documents)
        key = (what, tuple(id(one) for one in held), rest)
        return self._memory.recall(key, lambda: (make(), held))[0]
