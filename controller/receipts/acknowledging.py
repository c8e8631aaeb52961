"""Tells devices what is committed: signed in a thread, posted, never waited for by the next group's commit."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from controller.runtime.keys import Signers
from controller.runtime.mqtt import Link
from controller.runtime.urgency import Urgency
from loa_protocol import failpoints, topics
from loa_protocol.documents.device import Ack
from loa_protocol.envelope import Signer, seal
from loa_protocol.topics import Family

log = logging.getLogger(__name__)


class Acknowledger:
    """One group's acknowledgements are on their way at a time; the one after the next waits."""

    def __init__(self, keys: Signers) -> None:
        self._keys = keys
        self._sending: asyncio.Task[None] | None = None

    async def send(self, acks: Mapping[tuple[str, str], tuple[Ack, Link]]) -> None:
        """Start sending; waits only for those of the group before."""
        if not acks:
            return
        await self.end()
        self._sending = asyncio.create_task(self._send(acks, self._keys.ingest), name="ingest-acknowledge")

    async def end(self) -> None:
        """Wait until everything is sent, or could not be."""
        if self._sending is None:
            return
        await asyncio.wait({self._sending})
        if not self._sending.cancelled() and (error := self._sending.exception()) is not None:
            log.error("acknowledgements were not sent; devices send their batches again", exc_info=error)
        self._sending = None

    async def _send(self, acks: Mapping[tuple[str, str], tuple[Ack, Link]], signer: Signer) -> None:
        sealed = await asyncio.to_thread(_seal_all, [ack for ack, _ in acks.values()], signer)
        posted = [
            link.post(topics.to_device(Family.ACK, device), raw, Urgency.ACK)
            for ((device, _), (_, link)), raw in zip(acks.items(), sealed, strict=True)
        ]
        await asyncio.gather(*posted)
        failpoints.reach("controller.ack.after")


def _seal_all(acks: Sequence[Ack], signer: Signer) -> list[bytes]:
    return [seal("ack", ack, [signer]) for ack in acks]
