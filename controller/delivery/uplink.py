"""The door for everything devices say: which topic, whose, is it at home there; then to whoever handles that kind.

What does not belong (an unknown topic, a shard that is not the device's) is dropped and counted.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from controller.runtime.mqtt import Arrival
from loa_protocol import topics
from loa_protocol.envelope import MAX_ENVELOPE_BYTES
from loa_protocol.topics import Family, TopicUnknown

log = logging.getLogger(__name__)

_TOLD = 20
"""So many drops of each reason are told one by one, then the 32nd, the 64th, the 128th and so on."""

Handler = Callable[[Arrival, str], None]
"""Takes an arrival and the device id of its topic; must not wait."""


class Uplink:
    """Hands arrivals to their handlers; `dropped` counts by reason."""

    def __init__(self, handlers: Mapping[Family, Handler]) -> None:
        self._handlers = dict(handlers)
        self.dropped: Counter[str] = Counter()

    def handle(self, handlers: Mapping[Family, Handler]) -> None:
        """Hand these kinds of messages over from now on."""
        self._handlers.update(handlers)

    def take(self, arrival: Arrival) -> None:
        """One message from a broker."""
        try:
            address = topics.parse(arrival.topic)
        except TopicUnknown:
            self.drop("topic_unknown", arrival)
            return
        if not arrival.payload:
            return
        if len(arrival.payload) > MAX_ENVELOPE_BYTES:
            self.drop("oversize", arrival)
            return
        handler = self._handlers.get(address.family)
        if handler is not None:
            handler(arrival, address.subject)

    def drop(self, reason: str, arrival: Arrival, detail: object = "") -> None:
        """Count a message that is not acted on; the log tells of the first ones and then ever more seldom."""
        self.dropped[reason] += 1
        count = self.dropped[reason]
        if count <= _TOLD or count.bit_count() == 1:
            log.warning("dropped a message on %.200s: %s %s (%d so far)", arrival.topic, reason, detail, count)
