"""Once a day what is older than the audit is kept goes. Any number of processes may do it."""

import asyncio
import logging
from typing import Final

from controller.audit import service
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.keys import Signers
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken

log = logging.getLogger(__name__)

EVERY_S: Final = 24 * 3600.0


async def watch(db: Database, keys: Signers, clock: Clock, keep_months: int) -> None:
    """A round now and every day, until cancelled; one that fails says so, and the next one comes."""
    while True:
        try:
            await unbroken(service.retain(db, keys, now=clock.now(), months=keep_months))
        except Exception as error:  # noqa: BLE001 - told, and run again
            tell_failure(log, error, "a round of the audit's retention failed; it runs again")
        await asyncio.sleep(EVERY_S)
