"""Use cases of the ledger: who must answer, what was answered, when silence becomes `unknown`.

The expected set is fixed at the start of a broadcast, or at the first answer or tick after it, and never shrinks. An
answer before the start (a device whose clock runs ahead) is kept on its own row and does not fix the set early. Every
function works in the caller's transaction and returns what changed, to be told after the commit.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.receipts import rules, store
from controller.receipts.rules import Step, Summary
from controller.runtime.changes import Change
from loa_protocol.receipts import Receipt, Started

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Odd:
    """A finding to write down."""

    code: str
    detail: str


async def tick(session: AsyncSession, now: datetime) -> list[Change]:
    """Fix sets that are due, give up on those past their deadline, close what is answered. Idempotent."""
    changes: list[Change] = []
    for broadcast in await store.cancelled_early(session, locked=True):
        await _fix(session, broadcast, now)
        changes += await _close(session, broadcast, now)
    for broadcast in await store.due(session, now, locked=True):
        await _fix(session, broadcast, now)
        if broadcast.deadline <= now:
            given_up = await store.give_up(session, broadcast.id, now)
            changes += [_changed(broadcast.id, device, "unknown") for device in given_up]
        changes += await _close(session, broadcast, now)
    return changes


async def has_work(session: AsyncSession, now: datetime) -> bool:
    """Whether a tick would find anything open; takes no lock."""
    return bool(await store.due(session, now) or await store.cancelled_early(session))


async def summary(session: AsyncSession, broadcast_id: str) -> Summary:
    """The answers of a broadcast, counted."""
    return rules.summarise(await store.outcomes(session, broadcast_id))


async def rows(session: AsyncSession, broadcast_id: str) -> Sequence[LedgerRow]:
    """The answers of a broadcast, one a device."""
    return await store.rows(session, broadcast_id)


async def began(session: AsyncSession, device_id: str, started: Started, now: datetime) -> list[Change]:
    """A device has begun a broadcast; its answer follows."""
    if started.occurrence.kind != "broadcast":
        return []
    found = await _row(session, device_id, started.occurrence.id, now)
    if isinstance(found, Odd) or found.outcome is not None:
        return []
    found.started = started.at
    return [_changed(found.broadcast_id, device_id, None)]


async def answered(
    session: AsyncSession, device_id: str, receipt: Receipt, now: datetime
) -> tuple[list[Change], Odd | None]:
    """Put a device's receipt into the ledger; gives the changes, or what is odd about it."""
    if receipt.occurrence.kind != "broadcast":
        return [], None
    found = await _row(session, device_id, receipt.occurrence.id, now)
    if isinstance(found, Odd):
        harmless = found.code == "receipt_after_cancel" and receipt.outcome in rules.SOUNDLESS
        return [], None if harmless else found
    body = msgspec.to_builtins(receipt)
    match rules.step(found.outcome, receipt.outcome, same=found.receipt == body):
        case Step.SAME:
            return [], None
        case Step.CONFLICT:
            told = f"{receipt.occurrence.id}: first {found.outcome}, now {receipt.outcome}; the first stays"
            return [], Odd("receipt_conflict", told)
        case Step.NOT_A_DEVICES_WORD:
            return [], Odd("receipt_unknown", f"{receipt.occurrence.id}: a device cannot answer “unknown”")
        case _:
            _set(found, receipt, body, now)
    changes = [_changed(found.broadcast_id, device_id, str(receipt.outcome))]
    broadcast = await session.get(BroadcastRow, found.broadcast_id)
    if broadcast is not None:
        await session.flush()
        changes += await _close(session, broadcast, now)
    return changes, None


async def _row(session: AsyncSession, device_id: str, broadcast_id: str, now: datetime) -> LedgerRow | Odd:
    """The row a device's word belongs to, opened on demand while the set may still be fixed."""
    broadcast = await session.get(BroadcastRow, broadcast_id, populate_existing=True)
    if broadcast is None:
        return Odd("receipt_unexpected", f"{broadcast_id}: there is no such broadcast")
    if broadcast.expected_at is None:
        await _open(session, broadcast, device_id, now)
    found = await store.row(session, broadcast_id, device_id)
    if found is not None:
        return found
    if rules.expects_nobody(broadcast.start, broadcast.cancelled_at):
        return Odd("receipt_after_cancel", f"{broadcast_id}: it was cancelled before its start and still sounded")
    return Odd("receipt_unexpected", f"{broadcast_id}: this device is not in its expected set")


async def _open(session: AsyncSession, broadcast: BroadcastRow, device_id: str, now: datetime) -> None:
    if rules.may_fix(broadcast.start, now):
        await _fix(session, broadcast, now)
    elif not rules.expects_nobody(broadcast.start, broadcast.cancelled_at) and device_id in (
        await store.expected_devices(session, broadcast.id)
    ):
        await store.expect(session, broadcast.id, [device_id])


async def _fix(session: AsyncSession, broadcast: BroadcastRow, now: datetime) -> None:
    if broadcast.expected_at is None:
        await session.refresh(broadcast, with_for_update={"key_share": True})
    if broadcast.expected_at is not None:
        return
    nobody = rules.expects_nobody(broadcast.start, broadcast.cancelled_at)
    devices = () if nobody else await store.expected_devices(session, broadcast.id)
    await store.expect(session, broadcast.id, devices)
    broadcast.expected_at = now
    log.info("broadcast %s: %d devices must answer by %s", broadcast.id, len(devices), broadcast.deadline)


async def _close(session: AsyncSession, broadcast: BroadcastRow, now: datetime) -> list[Change]:
    if broadcast.closed_at is not None or broadcast.expected_at is None or await store.waiting(session, broadcast.id):
        return []
    broadcast.closed_at = now
    await session.flush()
    return [Change("ledger", {"broadcast_id": broadcast.id, "closed": True})]


def _set(found: LedgerRow, receipt: Receipt, body: dict[str, object], now: datetime) -> None:
    found.outcome = str(receipt.outcome)
    found.reason = None if receipt.reason is None else str(receipt.reason)
    found.started = receipt.started or found.started
    found.played_ms = receipt.played_ms
    found.receipt = body
    found.answered_at = now


def _changed(broadcast_id: str, device_id: str, outcome: str | None) -> Change:
    return Change("ledger", {"broadcast_id": broadcast_id, "device_id": device_id, "outcome": outcome})
