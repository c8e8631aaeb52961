"""Who must answer for a broadcast: fixed at its start, or at the first word or tick after it; it never shrinks.

Fixing locks the broadcast's row and looks again, so that two processes fix the same set once.
"""

import logging
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.receipts import rules, store

log = logging.getLogger(__name__)


async def fix(session: AsyncSession, broadcast: BroadcastRow, now: datetime) -> None:
    """Open a row for everybody the broadcast reaches by the unit tree as it is now. Idempotent."""
    if broadcast.expected_at is None:
        await session.refresh(broadcast, with_for_update={"key_share": True})
    if broadcast.expected_at is not None:
        return
    nobody = rules.expects_nobody(broadcast.start, broadcast.cancelled_at)
    devices = () if nobody else await store.expected_devices(session, broadcast.id)
    await store.expect(session, broadcast.id, devices)
    broadcast.expected_at = now
    await session.flush()
    log.info("broadcast %s: %d devices must answer by %s", broadcast.id, len(devices), broadcast.deadline)


async def open_for(session: AsyncSession, broadcast: BroadcastRow, devices: Collection[str], now: datetime) -> None:
    """Rows for the words of these devices, where the set is not fixed yet.

    A word before the start (a device whose clock runs ahead) opens its own row and does not fix the set early.
    """
    if rules.may_fix(broadcast.start, now):
        await fix(session, broadcast, now)
    elif not rules.expects_nobody(broadcast.start, broadcast.cancelled_at):
        reached = await store.expected_devices(session, broadcast.id)
        await store.expect(session, broadcast.id, set(devices).intersection(reached))
