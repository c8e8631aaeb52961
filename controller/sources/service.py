"""Use cases of source systems: accept an item, take it back, carry it on to a broadcast and to its end.

Each is one transaction of the caller's, and may be done again after any crash: an item is found by its id, a broadcast
is made in the transaction that moves its item on; so is what is written down of the item's bulletin.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import BroadcastRequest, EmergencyNeedsAlert
from controller.broadcasts.service import TargetEmpty
from controller.bulletins import handed_down
from controller.bulletins.handed_down import Aired
from controller.jobs import service as jobs
from controller.jobs import store as job_store
from controller.jobs.rules import ENDED, JobState
from controller.library.labels import KEY, Labels
from controller.media.intake_job import KIND
from controller.sources import listing, rules, store
from controller.sources.bulletin import Bulletin
from controller.sources.config import Source
from controller.sources.errors import SourceAreaUnknown, SourceItemUnknown, SourceUnusable
from controller.sources.rules import Arrival, ItemState, Known, Permission
from controller.sources.tables import SourceBroadcast, SourceItem
from controller.units import store as units
from loa_protocol.errors import LoaError
from loa_protocol.ids import Level, unit_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The sound of an item, in the spool under the id of the job that will take it in."""

    job_id: str
    sha256: str
    file_name: str
    total_bytes: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the settings say: grace for answers, and how many jobs may wait."""

    answer_deadline: timedelta
    most_waiting: int


@dataclass(frozen=True, slots=True)
class Targets:
    """Where an item goes, and whom it does not reach there."""

    scopes: tuple[str, ...]
    notes: list[str]


def requested_by(source: str) -> str:
    """How a source signs what it asks for."""
    return f"source:{source}"


def known_of(row: SourceItem | None) -> Known | None:
    """A row as the rules see it."""
    if row is None:
        return None
    return Known(row.revision, msgspec.convert(row.bulletin, Bulletin), row.audio_sha256)


async def examine(session: AsyncSession, source: Source, bulletin: Bulletin, now: datetime) -> Targets:
    """Everything that can be said of a bulletin before its sound is read.

    Raises:
        SourceRefused, EmergencyNeedsAlert, TargetEmpty: it is not broadcast.
        SourceUnusable: the source itself is not set up.
    """
    if bulletin.level is Level.EMERGENCY:
        raise EmergencyNeedsAlert("an emergency is not sent as a bulletin: it is released as an alert by its approvers")
    rules.require_possible(bulletin)
    found = await store.units_of_codes(session, bulletin.areas)
    for index, code in enumerate(bulletin.areas):
        if len(found.get(code, ())) != 1:
            how_many = len(found.get(code, ()))
            raise SourceAreaUnknown(f"areas[{index}]", f"{how_many} units have the official code {code}; one must")
    targets = {code: ids[0] for code, ids in found.items()}
    rules.require_permitted(bulletin, targets, await _permission(session, source))
    kinds = await store.device_classes(session, targets.values())
    if not kinds:
        raise TargetEmpty(f"there is no device in service in {', '.join(bulletin.areas)}")
    notes = rules.require_content(bulletin, kinds)
    rules.timing(bulletin, now)
    return Targets(tuple(dict.fromkeys(unit_scope(targets[code]) for code in bulletin.areas)), notes)


async def accept(
    session: AsyncSession,
    source: Source,
    bulletin: Bulletin,
    *,
    key: str,
    sound: Sound | None,
    withdrawn: bool,
    bounds: Bounds,
    now: datetime,
) -> tuple[SourceItem, str | None]:
    """Accept an item, or a revision of one, or find it accepted already; gives it, and a job that was cancelled for it.

    Raises:
        SourceRefused, EmergencyNeedsAlert, TargetEmpty, JobsFull, …: it is refused; what stood before stands.
    """
    row = await store.hold(session, source.name, bulletin.id)
    sha256 = sound.sha256 if sound else None
    if rules.arrival(bulletin, sha256, known_of(row)) is Arrival.SAME and row is not None:
        return row, None
    targets = Targets((), []) if withdrawn else await examine(session, source, bulletin, now)
    if row is not None and withdrawn:
        await _unlist(session, row, listing.withdrawn(source.name, bulletin.id, bulletin.revision), now)
    listed = None if withdrawn else await _list(session, source, bulletin, row, now)
    dropped = await _take_back(session, row, now) if row is not None else None
    if row is None:
        row = SourceItem(source=source.name, item_id=bulletin.id, scopes=[], notes=[])
        session.add(row)
    _renew(row, bulletin, key=key, now=now)
    row.bulletin_id = listed or row.bulletin_id
    if withdrawn:
        row.state, row.withdrawn_at = ItemState.WITHDRAWN, now
        await session.flush()
        return row, dropped
    row.state = ItemState.PREPARING
    row.scopes, row.notes = list(targets.scopes), targets.notes
    row.audio_sha256, row.audio_mark = sha256, sound.mark if sound else None
    row.audio_job_id = sound.job_id if sound else None
    await session.flush()
    if sound is None:
        await _on_air(session, source, row, asset_id=None, bounds=bounds, now=now)
    else:
        await jobs.submit(
            session,
            job_id=sound.job_id,
            kind=KIND,
            title=bulletin.title,
            given={
                "file_name": sound.file_name,
                "source_sha256": sound.sha256,
                "bytes": sound.total_bytes,
                KEY: Labels(unit_id=source.unit, bounded=False).told(),
            },
            requested_by=requested_by(source.name),
            now=now,
            most_waiting=bounds.most_waiting,
        )
    return row, dropped


async def withdraw(session: AsyncSession, source: str, item_id: str, now: datetime) -> str | None:
    """Take an item back: what waits never starts, what sounds stops. Gives the job that is to be dropped, if any.

    Raises:
        SourceItemUnknown: there is none.
    """
    row = await store.hold(session, source, item_id)
    if row is None:
        raise SourceItemUnknown("$", f"there is no item {item_id} to take back")
    if row.state not in {ItemState.PREPARING, ItemState.STANDING}:
        return None
    await _unlist(session, row, listing.withdrawn(source, item_id, row.revision), now)
    dropped = await _take_back(session, row, now)
    row.state, row.withdrawn_at = ItemState.WITHDRAWN, now
    return dropped


async def go_on(session: AsyncSession, source: Source, item_id: str, *, bounds: Bounds, now: datetime) -> SourceItem:
    """One step of an open item, if it is time for one.

    Raises:
        LoaError: its sound is ready and it cannot be broadcast; `refuse` it.
    """
    row = await store.hold(session, source.name, item_id)
    if row is None:
        raise SourceItemUnknown("$", f"there is no item {item_id}")
    if row.state == ItemState.PREPARING and row.audio_job_id is not None:
        job = await jobs.require(session, row.audio_job_id)
        if job.state == JobState.DONE:
            await _on_air(session, source, row, asset_id=job.asset_id, bounds=bounds, now=now)
        elif job.state in ENDED:
            told = job.error_message or f"the job {job.id} was cancelled"
            await _refuse(session, row, job.error_code or "job_cancelled", told, now)
    if row.open and row.state != ItemState.PREPARING:
        made = [broadcast for _, broadcast in await store.broadcasts(session, row)]
        if all(broadcast.closed_at is not None for broadcast in made):
            row.open, row.closed_at = False, now
            row.state = ItemState.CLOSED if row.state == ItemState.STANDING else row.state
    return row


async def refuse(session: AsyncSession, before: SourceItem, error: LoaError, now: datetime) -> None:
    """An accepted item, as it was `before`, cannot be broadcast after all."""
    row = await store.hold(session, before.source, before.item_id)
    if row is not None and row.state == ItemState.PREPARING and row.revision == before.revision:
        await _refuse(session, row, error.code, str(error), now)


async def _refuse(session: AsyncSession, row: SourceItem, code: str, message: str, now: datetime) -> None:
    await _unlist(session, row, listing.refused(row.source, row.item_id, row.revision, code), now)
    row.state, row.error_code, row.error_message = ItemState.REFUSED, code, message[:1000]


async def _permission(session: AsyncSession, source: Source) -> Permission:
    if await units.find(session, source.unit) is None:
        raise SourceUnusable(f"the source {source.name} speaks for the unit {source.unit}, which does not exist")
    own = await units.below(session, [source.unit])
    if source.areas:
        named = await store.units_of_codes(session, source.areas)
        own &= await units.below(session, [unit for ids in named.values() for unit in ids])
    return Permission(frozenset(source.levels), own)


async def _on_air(
    session: AsyncSession, source: Source, row: SourceItem, *, asset_id: str | None, bounds: Bounds, now: datetime
) -> None:
    """Make the broadcast, in the transaction that says so of the item."""
    bulletin = msgspec.convert(row.bulletin, Bulletin)
    timing = rules.timing(bulletin, now)
    request = BroadcastRequest(
        title=bulletin.title,
        to=row.scopes,
        asset_id=asset_id,
        at=timing.start,
        level=bulletin.level,
        volume=source.volume if bulletin.volume is None else bulletin.volume,
        repeats=bulletin.repeats,
        chime=source.chime,
        late_s=timing.late_s,
        board_text=bulletin.text,
        board_s=bulletin.show_s,
    )
    made = await broadcasts.accept(session, request, now=now, answer_deadline=bounds.answer_deadline)
    session.add(SourceBroadcast(source=row.source, item_id=row.item_id, revision=row.revision, broadcast_id=made.id))
    row.state = ItemState.STANDING
    if row.bulletin_id is not None:
        text = listing.document_of(bulletin, asset_id)
        why = listing.approved(row.source, row.item_id, row.revision)
        await handed_down.put_on_air(session, row.bulletin_id, text, Aired(request, made), why=why, now=now)
    await session.flush()


async def _list(
    session: AsyncSession, source: Source, bulletin: Bulletin, row: SourceItem | None, now: datetime
) -> str:
    """The bulletin of an item gets this revision; what is on the air of an earlier one is taken off. Gives its id."""
    made = await handed_down.receive(
        session,
        None if row is None else row.bulletin_id,
        listing.origin_of(source, bulletin.id),
        listing.document_of(bulletin, None),
        why=listing.received(source.name, bulletin.id, bulletin.revision),
        now=now,
    )
    return made.id


async def _unlist(session: AsyncSession, row: SourceItem, why: str, now: datetime) -> None:
    if row.bulletin_id is not None:
        await handed_down.take_back(session, row.bulletin_id, why=why, now=now)


async def _take_back(session: AsyncSession, row: SourceItem, now: datetime) -> str | None:
    """End what an item has under way; gives the id of a job that was cancelled."""
    for _, broadcast in await store.broadcasts(session, row):
        if broadcast.closed_at is None and broadcast.cancelled_at is None and now <= broadcast.deadline:
            await broadcasts.cancel(session, broadcast.id, now=now)
    if row.audio_job_id is None:
        return None
    job = await job_store.locked(session, row.audio_job_id)
    if job is None or job.state in ENDED:
        return None
    job_store.cancelled(job, now)
    return job.id


def _renew(row: SourceItem, bulletin: Bulletin, *, key: str, now: datetime) -> None:
    """The row of an item as a revision of it begins."""
    row.revision, row.key, row.accepted_at, row.open = bulletin.revision, key, now, True
    row.bulletin = msgspec.to_builtins(bulletin)
    row.audio_sha256 = row.audio_mark = row.audio_job_id = None
    row.withdrawn_at = row.closed_at = row.error_code = row.error_message = None
