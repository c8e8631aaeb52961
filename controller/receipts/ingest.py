"""Takes in what devices send: journal batches, states, telemetry, presence, answers to commands.

Rules: signature and name are checked before anything is read; several messages share one transaction when they queue
up; an acknowledgement is signed and sent only after the commit; what was lost on the way is asked for by the device.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import commands, rules
from controller.delivery import store as delivery
from controller.delivery.directory import Directory, Known
from controller.delivery.redelivery import Redelivery
from controller.delivery.uplink import Uplink
from controller.receipts import journals, reports, service, store
from controller.runtime.changes import Change, Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Arrival, Link
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import unbroken
from loa_protocol import failpoints, strict_json, topics
from loa_protocol.documents import Wire
from loa_protocol.documents.device import Ack, CommandReply, DeviceState, Health, Presence
from loa_protocol.envelope import seal
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope
from loa_protocol.receipts import Entry, Note, Receipt, ReceiptBatch, Refused, Started
from loa_protocol.topics import Family
from loa_protocol.uplink import open_uplink

log = logging.getLogger(__name__)

WAITING = 10_000
AT_ONCE = 64
_SIGNED: dict[Family, tuple[str, type[Wire]]] = {
    Family.RECEIPTS: ("receipts", ReceiptBatch),
    Family.STATE: ("state", DeviceState),
    Family.UP_REPLY: ("command-reply", CommandReply),
}
_PLAIN: dict[Family, type[Wire]] = {Family.HEALTH: Health, Family.PRESENCE: Presence}
FAMILIES = frozenset({*_SIGNED, *_PLAIN})


@dataclass(frozen=True, slots=True)
class _Message:
    """One message that passed the door and its signature check."""

    arrival: Arrival
    known: Known
    document: Wire


@dataclass(slots=True)
class _Effects:
    """What follows the commit."""

    acks: dict[tuple[str, str], tuple[Ack, Link]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    publish_again: bool = False


class Ingest:
    """One worker; `redelivered` is called when documents are to be published again."""

    def __init__(
        self,
        *,
        db: Database,
        directory: Directory,
        keys: Signers,
        clock: Clock,
        changes: Changes,
        redelivered: Callable[[], None],
    ) -> None:
        self._db, self._directory, self._keys, self._clock = db, directory, keys, clock
        self._changes, self._redelivered = changes, redelivered
        self._redelivery = Redelivery()
        self._queue: asyncio.Queue[tuple[Arrival, Family, str]] = asyncio.Queue(WAITING)

    def offer(self, arrival: Arrival, family: Family, device_id: str, uplink: Uplink) -> None:
        """A message that came through the door."""
        if self._queue.full():
            uplink.drop("ingest_busy", arrival)
        else:
            self._queue.put_nowait((arrival, family, device_id))

    async def run(self, uplink: Uplink) -> None:
        """Work until cancelled."""
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < AT_ONCE and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            try:
                await unbroken(self._take_in(waiting, uplink))
            except Exception:
                log.exception("%d messages were not taken in; devices send them again", len(waiting))

    async def _take_in(self, waiting: Sequence[tuple[Arrival, Family, str]], uplink: Uplink) -> None:
        messages = [one for each in waiting if (one := await self._opened(*each, uplink)) is not None]
        await self._take_all(messages, uplink)

    async def _opened(self, arrival: Arrival, family: Family, device_id: str, uplink: Uplink) -> _Message | None:
        known = await self._directory.find(device_id)
        if known is None:
            uplink.drop("device_unknown", arrival)
            return None
        try:
            if family in _PLAIN:
                document = strict_json.decode(arrival.payload, _PLAIN[family])
                if getattr(document, "device", device_id) != device_id:
                    uplink.drop("wrong_device", arrival)
                    return None
            else:
                kind, model = _SIGNED[family]
                document = open_uplink(arrival.payload, kind=kind, model=model, device_id=device_id, key=known.key)
        except LoaError as error:
            uplink.drop(error.code, arrival, error)
            return None
        return _Message(arrival, known, document)

    async def _take_all(self, messages: Sequence[_Message], uplink: Uplink) -> None:
        """All in one transaction; where that fails, each alone, so that one bad message harms only itself."""
        if not messages:
            return
        try:
            await self._take(messages)
        except Exception:
            if len(messages) == 1:
                uplink.drop("not_taken_in", messages[0].arrival)
                raise
            log.exception("%d messages together could not be taken in; trying each alone", len(messages))
            for message in messages:
                try:
                    await self._take([message])
                except Exception:
                    log.exception("%s: a message could not be taken in", message.known.device_id)
                    uplink.drop("not_taken_in", message.arrival)

    async def _take(self, messages: Sequence[_Message]) -> None:
        effects, now = _Effects(), self._clock.now()
        receipts = any(isinstance(message.document, ReceiptBatch) for message in messages)
        async with self._db.transaction() as session:
            for message in messages:
                await self._apply(session, message, effects, now)
            if receipts:
                failpoints.reach("controller.ingest.before_commit")
        if receipts:
            failpoints.reach("controller.ingest.after_commit")
        await self._acknowledge(effects)
        for change in effects.changes:
            self._changes.publish(change.kind, change.data)
        if effects.publish_again:
            self._redelivered()

    async def _acknowledge(self, effects: _Effects) -> None:
        posted = []
        for (device, _), (ack, link) in effects.acks.items():
            raw = seal("ack", ack, [self._keys.ingest])
            posted.append(link.post(topics.to_device(Family.ACK, device), raw, Urgency.ACK))
        await asyncio.gather(*posted)
        if posted:
            failpoints.reach("controller.ack.after")

    async def _apply(self, session: AsyncSession, message: _Message, effects: _Effects, now: datetime) -> None:
        device_id, arrival = message.known.device_id, message.arrival
        match message.document:
            case ReceiptBatch() as batch:
                await _take_batch(session, batch, arrival.link, effects, now)
            case DeviceState() as state:
                taken, changes = await reports.take_state(session, state, retained=arrival.retained, now=now)
                effects.changes += changes
                if taken and not arrival.retained:
                    effects.publish_again |= await self._redeliver(session, message.known, state, now)
            case Health() as health:
                effects.changes += await reports.take_health(session, health, now=now)
            case Presence() as presence:
                effects.changes += await reports.take_presence(session, device_id, presence, now=now)
            case CommandReply() as reply:
                if not await commands.record_reply(session, reply, self._clock):
                    await store.note(session, device_id, "reply_unexpected", f"command {reply.id} was not sent", now)
            case _:
                log.warning("%s: nothing takes a %s", device_id, type(message.document).__name__)

    async def _redeliver(self, session: AsyncSession, known: Known, state: DeviceState, now: datetime) -> bool:
        newest = await delivery.versions(session, known.topics, now)
        lacking = rules.lacking(state.have, newest)
        again = self._redelivery.due(lacking, newest, self._clock.monotonic())
        if again:
            log.info("%s lacks %s; publishing again", known.device_id, ", ".join(again))
            await delivery.publish_again(session, again)
        return bool(again)


async def _take_batch(session: AsyncSession, batch: ReceiptBatch, link: Link, effects: _Effects, now: datetime) -> None:
    taken = await journals.take(session, batch, now)
    for entry in taken.entries:
        odd = await _apply_entry(session, batch.device, entry, effects, now)
        if odd is not None:
            taken.odd.append(odd)
    for odd in taken.odd:
        if await store.note(session, batch.device, odd.code, odd.detail, now):
            log.warning("%s: %s: %s", batch.device, odd.code, odd.detail)
            effects.changes.append(Change("finding", {"device_id": batch.device, "code": odd.code}))
    ack = Ack(
        scope=device_scope(batch.device),
        journal=taken.journal,
        sequence=taken.sequence,
        hash=taken.hash,
        resend_from=taken.resend_from,
    )
    effects.acks[batch.device, batch.journal] = (ack, link)


async def _apply_entry(
    session: AsyncSession, device_id: str, entry: Entry, effects: _Effects, now: datetime
) -> service.Odd | None:
    match entry.body:
        case Receipt() as receipt:
            changes, odd = await service.answered(session, device_id, receipt, now)
            effects.changes += changes
            return odd
        case Started() as started:
            effects.changes += await service.began(session, device_id, started, now)
        case Refused() as refused:
            return service.Odd(f"refused_{refused.reason}"[:60], f"{refused.count} on {refused.topic}")
        case Note() as note if note.code == "equivocation":
            return service.Odd(note.code, note.text)
        case Note():
            pass
    return None
