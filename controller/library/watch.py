"""Once an hour old bytes go, where a retention period is set. Any number of processes may do it."""

import asyncio
import logging
from typing import Final

from controller.library import retention
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.objects import ObjectStore
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0


async def watch(db: Database, objects: ObjectStore, clock: Clock, keep_days: int) -> None:
    """A round now and every hour, until cancelled; one that fails says so, and the next one comes."""
    while True:
        now = clock.now()
        try:
            await unbroken(retention.round_of(db, objects, now=now, cutoff=retention.cutoff_of(now, keep_days)))
        except Exception as error:  # noqa: BLE001 - told, and run again
            tell_failure(log, error, "a round of the library's retention failed; it runs again")
        await asyncio.sleep(EVERY_S)
