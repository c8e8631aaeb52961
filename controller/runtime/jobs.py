"""What happens by the clock: deadlines of the ledger, silent devices, signing anew, planning ahead, by APScheduler.

Every job is idempotent, looks before it takes a lock and skips what another process is at, so that any number of
processes may run it: the scheduler keeps nothing, each process has its own.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import watch as bulletins
from controller.delivery import rules
from controller.delivery import store as delivery
from controller.devices import beat_store
from controller.receipts import reports, service
from controller.results import tallying
from controller.runtime.changes import Change, Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database, alone
from controller.runtime.settings import Settings
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken
from controller.schedules import horizon
from controller.schedules.making import terms_of

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it would tell of every second

Job = Callable[[], Coroutine[Any, Any, None]]
TICK_S = 1
TALLY_S = 2
LIVENESS_S = 5
RESIGN_S = 600
PLAN_AHEAD_S = 60
BULLETINS_S = 5
FORGET_S = 3600


class Jobs:
    """The controller's periodic work; `wake` is called when something waits to be signed."""

    def __init__(
        self, db: Database, clock: Clock, changes: Changes, settings: Settings, wake: Callable[[], None]
    ) -> None:
        self._db, self._clock, self._changes, self._settings, self._wake = db, clock, changes, settings, wake

    async def run(self) -> None:
        """Work until cancelled; what was missed while nothing ran is caught up in the first round."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        try:
            async with asyncio.TaskGroup() as tasks:
                for job, seconds in (
                    (self.tick, TICK_S),
                    (self.tally, TALLY_S),
                    (self.watch_liveness, LIVENESS_S),
                    (self.sign_anew, RESIGN_S),
                    (self.plan_ahead, PLAN_AHEAD_S),
                    (self.watch_bulletins, BULLETINS_S),
                    (self.forget_beats, FORGET_S),
                ):
                    bell = asyncio.Event()
                    bell.set()
                    scheduler.add_job(_ring, "interval", [bell], seconds=seconds, id=job.__name__, coalesce=True)
                    tasks.create_task(_work(job, bell), name=job.__name__)
                scheduler.start()
        finally:
            if scheduler.running:
                scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """The ledger: fix expected sets, give up at deadlines, close."""
        now = self._clock.now()
        async with self._db.reading() as session:
            if not await service.has_work(session, now):
                return
        self._tell(await self._db.attempt(lambda session: service.tick(session, now)))

    async def tally(self) -> None:
        """What is closed is counted for lists, however much there is of it."""
        async with self._db.reading() as session:
            if not await tallying.waiting(session, self._clock.now()):
                return
        counted = tallying.AT_ONCE
        while counted == tallying.AT_ONCE:
            counted = await self._db.attempt(lambda session: tallying.tally(session, self._clock.now()))

    async def watch_liveness(self) -> None:
        """Devices that were silent too long are offline."""
        since = self._clock.now() - timedelta(seconds=self._settings.offline_after_s)
        async with self._db.reading() as session:
            if not await reports.any_silent(session, silent_since=since):
                return
        self._tell(await self._db.attempt(lambda session: reports.mark_silent(session, silent_since=since)))

    async def sign_anew(self) -> None:
        """Plans once a day, assignments now and then, so that they never expire while the controller lives."""
        now = self._clock.now()
        plans = now - timedelta(seconds=self._settings.resign_after_s)

        async def wish(session: AsyncSession) -> Sequence[str]:
            await alone(session, "sign anew")
            found = await delivery.signed_before(session, plans=plans, assignments=now - rules.ASSIGNMENT_AGE)
            await delivery.want(session, found)
            return found

        aged = await self._db.attempt(wish)
        if aged:
            log.info("%d documents are signed anew", len(aged))
            self._wake()

    async def plan_ahead(self) -> None:
        """Programmes, up to the horizon."""
        if await horizon.extend_all(self._db, terms_of(self._settings, self._clock.now())):
            self._wake()

    async def watch_bulletins(self) -> None:
        """Bulletins that expire, or come near their start without an approval."""
        if await bulletins.tick(self._db, terms_of(self._settings, self._clock.now())):
            self._wake()

    async def forget_beats(self) -> None:
        """How devices were is kept for days."""
        today = self._clock.now().date()
        async with self._db.reading() as session:
            left = await beat_store.any_old(session, today)
        while left:
            left = bool(await self._db.attempt(lambda session: beat_store.forget(session, today)))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._changes.publish(change.kind, change.data)


async def _ring(bell: asyncio.Event) -> None:
    """All the scheduler does: its own end must not cut through a transaction."""
    bell.set()


async def _work(job: Job, bell: asyncio.Event) -> None:
    """Run the job whenever the bell has rung; one that fails says so and runs again next time."""
    while True:
        await bell.wait()
        bell.clear()
        try:
            await unbroken(job())
        except Exception as error:  # noqa: BLE001 - told, and run again
            tell_failure(log, error, "the job %s failed; it runs again", getattr(job, "__name__", job))
