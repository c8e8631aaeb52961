"""What a device says of a broadcast, through its journal into the ledger, without any broker."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.receipts import journals, ledger
from controller.receipts.ledger import Heard
from loa_protocol.receipts import Body
from tests.fakes.wire_device import WireJournal


async def say(session: AsyncSession, device: str, body: Body, now: datetime) -> Heard:
    """One entry of a new journal, taken in and heard."""
    journal = WireJournal()
    journal.write(body)
    taken = await journals.take(session, journal.batch(device), now)
    return await ledger.hear(session, [taken], now)
