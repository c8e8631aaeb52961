"""The desk of one source: looks, takes in, carries on, reports; again and again, a bounded amount each time.

What it remembers is only which refusals it has told; everything else is in the database, so that it may die at any
instant: what was accepted is found again, what was not is looked at again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import recording as audit
from controller.jobs.spool import Spool
from controller.runtime.changes import Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken
from controller.sources import results, service, store
from controller.sources.bulletin import Bulletin
from controller.sources.config import Source
from controller.sources.errors import SourceAudioMismatch, SourceItemUnknown, SourceUnusable
from controller.sources.port import Found, SourceAdapter
from controller.sources.service import Bounds, Sound
from controller.sources.tables import SourceItem
from loa_protocol import failpoints
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

TAKEN_AT_ONCE = 20
CARRIED_AT_ONCE = 50
_AGAIN_LATER = frozenset({"jobs_full", "spool_full", "database_busy", "database_unavailable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a desk works with. `wake`: something was committed; `wake_jobs`: a job was; `cancelled`: a job was ended."""

    db: Database
    clock: Clock
    changes: Changes
    spool: Spool
    bounds: Bounds
    wake: Callable[[], None]
    wake_jobs: Callable[[], None]
    cancelled: Callable[[str], Awaitable[None]]


class Desk:
    """Works for one source."""

    def __init__(self, source: Source, adapter: SourceAdapter, around: Surroundings) -> None:
        self._source, self._adapter, self._around = source, adapter, around
        self._errors: dict[str, LoaError] = {}
        self._turn = 0
        self._trouble = ""

    async def run(self) -> None:
        """Look every `poll_s` until cancelled."""
        while True:
            try:
                await unbroken(self.round())
                self._trouble = ""
            except SourceUnusable as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "the source %s: a round failed; trying again", self._source.name)
            await asyncio.sleep(self._source.poll_s)

    async def round(self) -> None:
        """One look and what follows from it.

        Raises:
            SourceUnusable: its folder or its unit is not there.
        """
        for found in await self._adapter.look(TAKEN_AT_ONCE):
            await self._take(found)
        for item_id in await self._carried():
            await self._carry(item_id)

    async def _take(self, found: Found) -> None:
        """One thing that was found, to its acceptance or refusal, and the report of it."""
        self._errors.pop(found.key, None)
        item_id: str | None
        try:
            item_id = await self._accept(found)
        except SourceUnusable:
            self._adapter.forget(found.key)
            raise
        except LoaError as error:
            log.info("the source %s: %s is refused: %s: %s", self._source.name, found.key, error.code, error)
            self._errors[found.key] = error
            item_id = found.bulletin.id if found.bulletin is not None else None
            if error.code in _AGAIN_LATER:
                self._adapter.forget(found.key)
        except Exception:
            self._adapter.forget(found.key)
            raise
        await self._report(found.key, item_id)

    async def _accept(self, found: Found) -> str:
        """Accept, find accepted, or take back; gives the item's id."""
        if found.refusal is not None:
            raise found.refusal
        if found.bulletin is None:
            return await self._take_back_key(found.key)
        known = await self._row(found.bulletin.id)
        row = known if _same(found, known) else None
        if row is None:
            row = await self._accept_new(found, found.bulletin, known)
        if found.withdraw:
            await self._withdraw(row.item_id)
        return row.item_id

    async def _accept_new(self, found: Found, bulletin: Bulletin, known: SourceItem | None) -> SourceItem:
        withdrawn = found.withdraw or bulletin.state == "withdrawn"
        if withdrawn or bulletin.audio is None:
            return await self._commit(found, bulletin, known, None, withdrawn=withdrawn)
        async with self._around.db.reading() as session:
            if known is None or bulletin.revision > known.revision:
                await service.examine(session, self._source, bulletin, self._now())
        job_id = new_id(self._now())
        async with self._around.spool.receiving(job_id) as incoming:
            await self._adapter.copy_audio(found, incoming)
            sha256 = await incoming.seal()
            if bulletin.audio.sha256 not in (None, sha256):
                raise SourceAudioMismatch("audio.sha256", f"{bulletin.audio.file} has the SHA-256 {sha256}")
            sound = Sound(
                job_id=job_id,
                sha256=sha256,
                file_name=bulletin.audio.file,
                total_bytes=incoming.total_bytes,
                mark=found.audio_mark or "",
            )
            row = await self._commit(found, bulletin, known, sound, withdrawn=False)
            incoming.kept = row.audio_job_id == job_id
        self._around.wake_jobs()
        return row

    async def _commit(
        self, found: Found, bulletin: Bulletin, known: SourceItem | None, sound: Sound | None, *, withdrawn: bool
    ) -> SourceItem:
        now = self._now()
        failpoints.reach("controller.source.before_commit")
        row, dropped = await self._around.db.attempt(
            lambda session: service.accept(
                self._recorded(session, bulletin.id),
                self._source,
                bulletin,
                key=found.key,
                sound=sound,
                withdrawn=withdrawn,
                bounds=self._around.bounds,
                now=now,
            )
        )
        failpoints.reach("controller.source.after_commit")
        await self._committed(dropped)
        if known is not None and known.key != row.key:
            self._adapter.forget(known.key)  # its result no longer speaks of this file
        log.info("the source %s: %s revision %d is %s", self._source.name, row.item_id, row.revision, row.state)
        return row

    async def _take_back_key(self, key: str) -> str:
        async with self._around.db.reading() as session:
            row = await store.of_key(session, self._source.name, key)
        if row is None:
            raise SourceItemUnknown("$", f"{key} names no item that was accepted")
        await self._withdraw(row.item_id)
        return row.item_id

    async def _withdraw(self, item_id: str) -> None:
        now = self._now()
        dropped = await self._around.db.attempt(
            lambda session: service.withdraw(self._recorded(session, item_id), self._source.name, item_id, now)
        )
        await self._committed(dropped)

    def _recorded(self, session: AsyncSession, item_id: str) -> AsyncSession:
        """What an item changes is in the audit as ours."""
        audit.as_loa(session, "source item", self._now(), about={"source": self._source.name, "item_id": item_id})
        return session

    async def _carried(self) -> list[str]:
        """Which open items have their turn; all of them in the end."""
        async with self._around.db.reading() as session:
            still_open = list(await store.still_open(session, self._source.name))
        if len(still_open) <= CARRIED_AT_ONCE:
            return still_open
        self._turn = (self._turn + CARRIED_AT_ONCE) % len(still_open)
        return (still_open + still_open)[self._turn : self._turn + CARRIED_AT_ONCE]

    async def _carry(self, item_id: str) -> None:
        """One step, and the report of where it stands."""
        before = await self._row(item_id)
        if before is None:
            return
        try:
            row = await self._around.db.attempt(
                lambda session: service.go_on(
                    self._recorded(session, item_id), self._source, item_id, bounds=self._around.bounds, now=self._now()
                )
            )
        except LoaError as error:
            if error.code in _AGAIN_LATER:
                return
            told = error
            await self._around.db.attempt(lambda session: service.refuse(session, before, told, self._now()))
            row = before
        if row.state != before.state:
            failpoints.reach("controller.source.carried")
            await self._committed(None)
        await self._report(row.key, item_id)

    async def _report(self, key: str, item_id: str | None) -> None:
        """Tell the sender; the adapter writes only what differs."""
        error = self._errors.get(key)
        async with self._around.db.reading() as session:
            row = None if item_id is None else await store.find(session, self._source.name, item_id)
            if row is not None:
                told = await results.of_item(session, self._source, row, key=key, now=self._now(), error=error)
            elif error is not None:
                told = results.refused(self._source.name, key, item_id, error)
            else:
                return
        await self._adapter.report(key, told)
        failpoints.reach("controller.source.reported")

    async def _committed(self, dropped: str | None) -> None:
        self._around.wake()
        if dropped is not None:
            await self._around.cancelled(dropped)
        self._around.changes.publish("source", {"source": self._source.name})

    async def _row(self, item_id: str) -> SourceItem | None:
        async with self._around.db.reading() as session:
            return await store.find(session, self._source.name, item_id)

    def _now(self) -> datetime:
        return self._around.clock.now()

    def _say(self, trouble: str) -> None:
        """Once, not every second."""
        if trouble != self._trouble:
            log.error("the source %s cannot be used: %s", self._source.name, trouble)
        self._trouble = trouble


def _same(found: Found, row: SourceItem | None) -> bool:
    """Whether this very item was accepted before, as far as can be told without reading its sound."""
    if row is None or found.bulletin is None or found.bulletin.revision != row.revision:
        return False
    if msgspec.convert(row.bulletin, Bulletin) != found.bulletin:
        return False
    return found.withdraw or found.audio_mark in (None, row.audio_mark)
