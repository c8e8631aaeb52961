"""Bulletins that source systems hand down, so that one list shows everything that is said.

Such a bulletin has no author. It follows the item it was handed down as, in the transactions of that item: the source
writes its revisions, approves them and takes them back; no approval is needed here, and nobody here can give or take
one. Its words stand as the source wrote them, for so they go on air. Whoever calls holds the item, then the bulletin.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.rules import BroadcastRequest
from controller.broadcasts.tables import BroadcastRow
from controller.bulletins import deciding, places, recalls, rules, service, store, writing
from controller.bulletins.document import Document
from controller.bulletins.places import PlacementState
from controller.bulletins.rules import Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, Placement
from controller.runtime.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose it is: the unit the source speaks for; province, ministry or cap; and the id it has there."""

    unit: str
    source: str
    ref: str


@dataclass(frozen=True, slots=True)
class Aired:
    """The broadcast that an item became, and what was asked for."""

    request: BroadcastRequest
    made: BroadcastRow


async def receive(
    session: AsyncSession, bulletin_id: str | None, origin: Origin, text: Document, *, why: str, now: datetime
) -> Bulletin:
    """A revision was accepted and waits to go on the air; what stood before is taken back. None is a new bulletin."""
    if bulletin_id is not None:
        row = await service.to_change(session, bulletin_id)
        await _take_off(session, row, why=why, now=now)
        await _revise(session, row, text, why=why, now=now)
        return row
    return await writing.begin(
        session, text, unit=origin.unit, author=None, source=origin.source, source_ref=origin.ref, why=why, now=now
    )


async def put_on_air(
    session: AsyncSession, bulletin_id: str, text: Document, aired: Aired, *, why: str, now: datetime
) -> None:
    """Its source's approval takes effect, of `text`: with the sound, if that was being prepared."""
    row = await service.to_change(session, bulletin_id)
    if text != await writing.head(session, row):
        await _revise(session, row, text, why=why, now=now)
    deciding.move_to(row, rules.approved_by_source(deciding.standing(row)))
    row.air_until = text.valid_until
    await store.note(session, row, Done(step=Step.APPROVED, person=None, at=now, why=why))
    placed = _placement(row, aired, now)
    session.add(placed)
    await store.note(session, row, Done(step=Step.PLACED, person=None, at=now, why=placed.id))


async def take_back(session: AsyncSession, bulletin_id: str, *, why: str, now: datetime) -> None:
    """Its source takes it back, or it cannot be broadcast after all. Safe to repeat."""
    row = await service.to_change(session, bulletin_id)
    await _withdraw(session, row, await _standing_placements(session, row), why=why, now=now)


async def _take_off(session: AsyncSession, row: Bulletin, *, why: str, now: datetime) -> None:
    """What is on the air, or will be, makes room for another revision."""
    placed = await _standing_placements(session, row)
    if placed or row.approved_revision is not None:
        await _withdraw(session, row, placed, why=why, now=now)


async def _withdraw(session: AsyncSession, row: Bulletin, placed: list[Placement], *, why: str, now: datetime) -> None:
    after = rules.taken_back_by_source(deciding.standing(row))
    if after is None:
        return
    deciding.move_to(row, after)
    row.air_until = None
    number = await store.note(session, row, Done(step=Step.WITHDRAWN, person=None, at=now, why=why))
    await recalls.take_back_timed(session, row, number, placed, now)


async def _revise(session: AsyncSession, row: Bulletin, text: Document, *, why: str, now: datetime) -> None:
    after, step = rules.edited(deciding.standing(row), row.head)
    deciding.move_to(row, after)
    writing.show(row, text)
    row.changed_at = now
    await writing.keep(session, row, text, by=None, note=why)
    await store.note(session, row, Done(step=step, person=None, at=now, why=why))


async def _standing_placements(session: AsyncSession, row: Bulletin) -> list[Placement]:
    return [one for one in await store.placements(session, row.id) if one.state in places.STANDING]


def _placement(row: Bulletin, aired: Aired, now: datetime) -> Placement:
    asked, made = aired.request, aired.made
    return Placement(
        id=new_id(now),
        bulletin_id=row.id,
        kind="time",
        state=str(PlacementState.PLACED),
        scopes=list(asked.to),
        start=asked.at,
        late_s=asked.late_s,
        volume=asked.volume,
        repeats=asked.repeats,
        chime=asked.chime,
        board_s=asked.board_s,
        revision=row.approved_revision,
        broadcast_id=made.id,
        until=made.deadline,
        look_at=now,
        waits_since=now,
        made_at=now,
    )
