"""What follows the commit of a group: acknowledgements, changes to be told, what devices may lack."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from controller.delivery.directory import Known
from controller.receipts.rows import HeadRow
from controller.runtime.changes import Change
from controller.runtime.mqtt import Link
from loa_protocol.documents.device import Ack, DeviceState


@dataclass(slots=True)
class Effects:
    """`acks`: the newest of each (device, journal), and the link its batch came over; `states`: what devices hold."""

    acks: dict[tuple[str, str], tuple[Ack, Link]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    states: list[tuple[Known, DeviceState]] = field(default_factory=list)

    def heads(self) -> Iterator[HeadRow]:
        """Where the journals stand then."""
        for (device, journal), (ack, _) in self.acks.items():
            yield HeadRow(device, journal, ack.sequence, ack.hash)
