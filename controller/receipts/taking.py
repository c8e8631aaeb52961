"""What a group of opened messages does to the database, in one transaction: receipts all together, then the others."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import witnesses
from controller.delivery import commands
from controller.receipts import journals, ledger, reports, store
from controller.receipts.effects import Effects
from controller.receipts.heads import Heads
from controller.receipts.journals import Taken
from controller.receipts.odd import Odd
from controller.receipts.opening import Message
from controller.receipts.reports import Said
from controller.receipts.told import Received
from controller.runtime.changes import Change
from controller.runtime.clock import Clock
from loa_protocol.acceptance import Why
from loa_protocol.audit_head import AUDIT_REWOUND
from loa_protocol.content import ContentBadFrame, ContentBadSize, ContentWrongChunk, ContentWrongIndex
from loa_protocol.documents.device import Ack, CommandReply, DeviceState, Health, Presence
from loa_protocol.errors import DocumentInvalid
from loa_protocol.ids import device_scope
from loa_protocol.policy import PolicyInvalid
from loa_protocol.receipts import Note, Refused, decode_entry
from loa_protocol.topics import TopicUnknown
from loa_protocol.trust import TrustRefused

log = logging.getLogger(__name__)

_TELLING = frozenset(str(body.__struct_config__.tag) for body in (Refused, Note))
"""Kinds of entries that may tell of something odd; they are few."""
_NOTED = frozenset({"equivocation", AUDIT_REWOUND})
"""Codes of notes that are findings."""
_ERRORS = (
    ContentBadFrame,
    ContentBadSize,
    ContentWrongChunk,
    ContentWrongIndex,
    DocumentInvalid,
    PolicyInvalid,
    TopicUnknown,
    TrustRefused,
)
_REASONS = frozenset({*map(str, Why), *(error.code for error in _ERRORS)})
"""Why agents refuse documents; with any other reason one device could make findings without end."""


async def take(session: AsyncSession, group: Sequence[Message], clock: Clock, known: Heads | None = None) -> Effects:
    """Everything of the group; gives what is to be done after the commit. It may be run again.

    `known` is where journals stand, as far as the caller knows; it learns of their moving after the commit.
    """
    effects, now = Effects(), clock.now()
    batches = [message for message in group if isinstance(message.document, Received)]
    if batches:
        await _take_receipts(session, batches, effects, now, known)
    await _take_reports(session, group, effects, now)
    for message in group:
        await _take_other(session, message, effects, clock)
    return effects


async def _take_reports(session: AsyncSession, group: Sequence[Message], effects: Effects, now: datetime) -> None:
    said = [
        Said(message.known.device_id, message.document, message.arrival.retained)
        for message in group
        if isinstance(message.document, DeviceState | Health | Presence)
    ]
    if said:
        known = {message.known.device_id: message.known for message in group}
        heard = await reports.hear(session, said, now)
        effects.changes += heard.changes
        for one in heard.states:
            if isinstance(one.document, DeviceState) and not one.retained:
                effects.states.append((known[one.device_id], one.document))
        states = {one.device_id: one.document for one in heard.states if isinstance(one.document, DeviceState)}
        odd = [(device, Odd(AUDIT_REWOUND, told)) for device, told in await witnesses.contradicted(session, states)]
        await _note(session, odd, effects, now)


async def _take_other(session: AsyncSession, message: Message, effects: Effects, clock: Clock) -> None:
    device_id = message.known.device_id
    match message.document:
        case Received() | DeviceState() | Health() | Presence():
            pass
        case CommandReply() as reply:
            if not await commands.record_reply(session, reply, clock):
                told = f"command {reply.id} was not sent"
                await store.note(session, device_id, "reply_unexpected", told, clock.now())
            effects.changes.append(Change("device", {"device_id": device_id, "command": reply.id}))
        case _:
            log.warning("%s: nothing takes a %s", device_id, type(message.document).__name__)


async def _take_receipts(
    session: AsyncSession, batches: Sequence[Message], effects: Effects, now: datetime, known: Heads | None
) -> None:
    received = [message.document for message in batches if isinstance(message.document, Received)]
    taken = await journals.take_all(session, received, now, known)
    heard = await ledger.hear(session, taken, now)
    effects.changes += heard.changes
    odd = [(one.device, odd) for one in taken for odd in (*one.odd, *_told(one))] + heard.odd
    await _note(session, odd, effects, now)
    for message, one in zip(batches, taken, strict=True):
        effects.acks[one.device, one.journal] = (_ack(one), message.arrival.link)


def _told(taken: Taken) -> Iterable[Odd]:
    """What the device itself found odd."""
    for line in taken.entries:
        if line.kind not in _TELLING:
            continue
        match decode_entry(line.raw).body:
            case Refused() as refused:
                yield _refused(refused)
            case Note() as note if note.code in _NOTED:
                yield Odd(note.code, note.text)
            case _:
                pass


def _refused(refused: Refused) -> Odd:
    told = f"{refused.count} on {refused.topic}"
    if refused.reason in _REASONS:
        return Odd(f"refused_{refused.reason}", told)
    return Odd("refused_other", f"{refused.reason}: {told}")


async def _note(session: AsyncSession, odd: Sequence[tuple[str, Odd]], effects: Effects, now: datetime) -> None:
    if not odd:
        return
    found = {(device, one.code): one.detail for device, one in odd}
    for (device, code), detail in (await store.note_all(session, found, now)).items():
        log.warning("%s: %s: %s", device, code, detail)
        effects.changes.append(Change("finding", {"device_id": device, "code": code}))


def _ack(taken: Taken) -> Ack:
    return Ack(
        scope=device_scope(taken.device),
        journal=taken.journal,
        sequence=taken.sequence,
        hash=taken.hash,
        resend_from=taken.resend_from,
    )
