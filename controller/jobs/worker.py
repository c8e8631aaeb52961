"""Works on background jobs: claims them, keeps their lease, tells their progress, ends them exactly once.

Any number of processes may run one. A job belongs to whoever holds its lease; every write names the lease, so that a
worker that lost it (it was cancelled, or this process stood still too long) changes nothing and drops what it made.
"""

import asyncio
import logging
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from controller.audit import recording as audit
from controller.jobs import rules, store
from controller.jobs.kinds import JobFailed, Kind, Made, Order
from controller.jobs.rules import MOST_ATTEMPTS, JobState
from controller.jobs.spool import Spool
from controller.jobs.store import Claim
from controller.runtime.changes import Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import ended, happens, unbroken
from loa_protocol import failpoints
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

POLL_S = 1.0
BEAT_S = 0.25
AGAIN_S = 5.0
KEPT = timedelta(days=30)
_BEATS_A_LEASE = 4
_LONGEST_BEAT_S = 2.0
_DROP_S = 10.0
_SWEEP_S = 3600.0


@dataclass(slots=True)
class _Running:
    """A claim under work: what was last told to watchers and to the database, and when the lease was extended."""

    claim: Claim
    task: asyncio.Task[None]
    progress: float
    told: float
    stored: float
    extended_s: float


class Worker:
    """At most `slots` jobs at a time; `folder` holds one folder for each attempt."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        changes: Changes,
        spool: Spool,
        kinds: Mapping[str, Kind],
        folder: Path,
        slots: int,
        lease_s: float,
    ) -> None:
        self._db, self._clock, self._changes, self._spool, self._kinds = db, clock, changes, spool, kinds
        self._folder, self._slots, self._lease = folder, slots, timedelta(seconds=lease_s)
        self._owner = secrets.token_hex(8)
        self._bell = asyncio.Event()
        self._running: dict[str, _Running] = {}

    async def run(self) -> None:
        """Work until cancelled; jobs under way are given back then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tidy(), name="jobs tidy")
            tasks.create_task(self._beat(), name="jobs beat")
            for number in range(self._slots):
                tasks.create_task(self._slot(), name=f"jobs slot {number}")

    def wake(self) -> None:
        """A job was committed."""
        self._bell.set()

    async def drop(self, job_id: str) -> None:
        """A job was cancelled: end its work at once, and wait until it has ended. Harmless where it runs elsewhere."""
        running = self._running.get(job_id)
        if running is not None:
            running.task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DROP_S):
                    await asyncio.wait({running.task})

    async def _slot(self) -> None:
        while True:
            try:
                claim = await unbroken(self._claim())
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "no job could be claimed; trying again")
                claim = None
            if claim is None:
                await happens(self._bell, POLL_S)
                self._bell.clear()
            else:
                await self._hold(claim)

    async def _claim(self) -> Claim | None:
        now = self._clock.now()
        async with self._db.reading() as session:
            if not await store.any_free(session, now, self._kinds):
                return None
        async with self._db.transaction() as session:
            claim, given_up = await store.claim(
                session, owner=self._owner, now=now, lease=self._lease, kinds=self._kinds
            )
        for job_id in given_up:
            await self._over(job_id, JobState.FAILED)
        return claim

    async def _hold(self, claim: Claim) -> None:
        """Run one claim in a task of its own, so that cancelling the job does not end the worker."""
        failpoints.reach("controller.job.claimed")
        log.info("job %s “%s”: attempt %d begins", claim.id, claim.title, claim.attempt)
        task = asyncio.create_task(self._attempt(claim), name=f"job {claim.id}")
        at_s = self._clock.monotonic()
        self._running[claim.id] = _Running(claim, task, claim.progress, claim.progress, claim.progress, at_s)
        self._tell(claim.id, JobState.RUNNING, claim.progress)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await ended([task])
            await unbroken(self._give_back(claim))
            raise
        finally:
            self._running.pop(claim.id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job %s could not be ended; its lease runs out and it is tried again", claim.id, exc_info=error)

    async def _attempt(self, claim: Claim) -> None:
        try:
            made = await self._in_folder(claim)
        except (DatabaseUnavailable, DatabaseBusy) as error:  # says nothing of the file
            log.warning("job %s: attempt %d ended: %s; it is tried again", claim.id, claim.attempt, error)
            await unbroken(self._try_again(claim))
        except LoaError as error:
            await unbroken(self._fail(claim, error))
        except Exception:
            log.exception("job %s: a fault of ours in attempt %d", claim.id, claim.attempt)
            await unbroken(self._try_again(claim))
        else:
            await unbroken(self._finish(claim, made))

    async def _in_folder(self, claim: Claim) -> Made:
        """The work itself; its folder is gone before the job has ended."""
        folder = self._folder / f"{claim.id}-{claim.attempt}"
        order = Order(claim.id, claim.title, self._spool.path(claim.id), claim.given)
        try:
            await unbroken(asyncio.to_thread(self._make_room, claim.id, folder))
            return await self._kinds[claim.kind].run(order, folder, lambda done: self._heard(claim, done))
        finally:
            await unbroken(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    def _make_room(self, job_id: str, folder: Path) -> None:
        """An attempt that died left its folder."""
        for left in self._folder.glob(f"{job_id}-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(parents=True)

    def _heard(self, claim: Claim, done: float) -> None:
        """Cheap and safe from any thread: the beat tells it on."""
        running = self._running.get(claim.id)
        if running is not None:
            running.progress = rules.onward(running.progress, done)

    async def _finish(self, claim: Claim, made: Made) -> None:
        failpoints.reach("controller.job.before_commit")
        async with self._db.transaction() as session:
            audit.as_loa(session, f"job {claim.kind}", self._clock.now(), about={"job_id": claim.id})
            row = await store.hold(session, claim)
            if row is not None:
                store.done(row, await made.record(session), self._clock.now())
        if row is None:
            await made.discard()
            return
        failpoints.reach("controller.job.after_commit")
        await self._over(claim.id, JobState.DONE)

    async def _fail(self, claim: Claim, error: LoaError) -> None:
        details = {key: value for key, value in error.details.items() if isinstance(value, int | float | str | None)}
        async with self._db.transaction() as session:
            audit.as_loa(session, f"job {claim.kind}", self._clock.now(), about={"job_id": claim.id})
            row = await store.hold(session, claim)
            if row is not None:
                store.failed(row, code=error.code, message=str(error), details=details, now=self._clock.now())
        if row is not None:
            log.info("job %s “%s” failed: %s: %s", claim.id, claim.title, error.code, error)
            await self._over(claim.id, JobState.FAILED, error.code)

    async def _try_again(self, claim: Claim) -> None:
        if claim.attempt >= MOST_ATTEMPTS:
            await self._fail(claim, JobFailed("a fault of the controller; its log says which: report it"))
            return
        async with self._db.transaction() as session:
            row = await store.hold(session, claim)
            if row is not None:
                store.released(row, again_at=self._clock.now() + timedelta(seconds=AGAIN_S))

    async def _give_back(self, claim: Claim) -> None:
        """This process ends: another one, or its next life, begins anew without waiting for the lease."""
        async with self._db.transaction() as session:
            row = await store.hold(session, claim)
            if row is not None:
                store.released(row, again_at=None)

    async def _over(self, job_id: str, state: JobState, code: str | None = None) -> None:
        await self._spool.drop(job_id)
        self._tell(job_id, state, 1.0 if state is JobState.DONE else None, code)

    async def _beat(self) -> None:
        """Tell progress, note it, keep leases; a job whose lease is lost is dropped."""
        while True:
            await asyncio.sleep(BEAT_S)
            for running in list(self._running.values()):
                if rules.worth_telling(running.told, running.progress):
                    running.told = running.progress
                    self._tell(running.claim.id, JobState.RUNNING, running.progress)
                if self._due(running):
                    await self._keep(running)

    def _due(self, running: _Running) -> bool:
        since_s = self._clock.monotonic() - running.extended_s
        if since_s >= min(self._lease.total_seconds() / _BEATS_A_LEASE, _LONGEST_BEAT_S):
            return True
        return since_s >= POLL_S and rules.worth_telling(running.stored, running.progress)

    async def _keep(self, running: _Running) -> None:
        try:
            await unbroken(self._extend(running))
        except Exception as error:  # noqa: BLE001 - told, and tried again
            tell_failure(log, error, "a lease could not be extended; trying again")

    async def _extend(self, running: _Running) -> None:
        running.extended_s, running.stored = self._clock.monotonic(), running.progress
        until = self._clock.now() + self._lease
        async with self._db.transaction() as session:
            held = await store.extend(session, running.claim, progress=running.progress, until=until)
        if not held and self._running.get(running.claim.id) is running:
            log.info("job %s is no longer ours: cancelled, or taken up elsewhere", running.claim.id)
            running.task.cancel()

    async def _tidy(self) -> None:
        """What a killed process left, at the start and now and then."""
        while True:
            try:
                await unbroken(self._clear())
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "left-overs could not be cleared; trying again")
            await asyncio.sleep(_SWEEP_S)

    async def _clear(self) -> None:
        now = self._clock.now()
        swept = await self._spool.sweep(self._is_open)
        attempts = await asyncio.to_thread(lambda: [p.name for p in self._folder.glob("*")])
        async with self._db.reading() as session:
            leased = await store.leased_among(session, [name.rpartition("-")[0] for name in attempts], now)
        alive = {f"{job_id}-{attempt}" for job_id, attempt in leased.items()}
        for name in set(attempts) - alive:
            await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)
        async with self._db.transaction() as session:
            await store.forget(session, now - KEPT)
        if swept or set(attempts) - alive:
            log.info("cleared %d waiting files and %d work folders", swept, len(set(attempts) - alive))

    async def _is_open(self, job_id: str) -> bool:
        async with self._db.reading() as session:
            return bool(await store.open_among(session, [job_id]))

    def _tell(self, job_id: str, state: JobState, progress: float | None, code: str | None = None) -> None:
        told = {"job_id": job_id, "state": str(state), "progress": progress, "code": code}
        self._changes.publish("job", {key: value for key, value in told.items() if value is not None})
