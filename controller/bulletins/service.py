"""Use cases of a bulletin: write it, change it, submit it, return it, approve it, withdraw it, let it expire.

Each is one transaction that holds the bulletin's row, so that of two who decide at once the later one sees what the
earlier one did, and is refused if it no longer fits. What shall go on air is placed, and what shall go off it is taken
back, in the very transaction of the decision; so are the notices written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.bulletins import (
    announcing,
    checklist,
    deciding,
    document,
    places,
    placing,
    readiness,
    recalls,
    rules,
    store,
    unit_rules,
    writing,
)
from controller.bulletins.document import Document, Fault
from controller.bulletins.rules import State, Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, Placement
from controller.people.acting import Actor
from controller.schedules.making import Terms
from controller.units import service as units
from loa_protocol.errors import LoaError

OWN = "own"


class BulletinUnknown(LoaError):
    """No bulletin has this id."""

    code = "bulletin_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBulletin:
    """What somebody writes for a unit; `source` own, province, ministry or cap, with the id it has there."""

    unit: str
    document: Document
    source: str = OWN
    source_ref: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A bulletin after a decision, the placements that followed it, and the sessions that stopped by it."""

    row: Bulletin
    placements: Sequence[Placement]
    stopped: Sequence[BroadcastRow] = ()


async def create(session: AsyncSession, wanted: NewBulletin, *, by: Actor, now: datetime) -> Bulletin:
    """Write a draft.

    Raises:
        PersonNeeded: nobody in particular writes it.
        UnitUnknown, AssetUnknown, BulletinInvalid, TextEmpty, TextTooLong, …: what is wrong with it.
    """
    person = by.require_person()
    await units.require_open(session, wanted.unit)
    text = await writing.sound(session, wanted.document)
    return await writing.begin(
        session,
        text,
        unit=wanted.unit,
        author=person,
        source=wanted.source,
        source_ref=wanted.source_ref,
        why=wanted.note,
        now=now,
    )


async def edit(
    session: AsyncSession, bulletin_id: str, wanted: Document, *, expected: int, by: Actor, note: str, now: datetime
) -> Bulletin:
    """Make a new revision of `expected`; what is in review or approved goes to review again.

    Raises:
        BulletinUnknown, BulletinMovedOn, PersonNeeded: it cannot be.
        AssetUnknown, BulletinInvalid, TextEmpty, TextTooLong, …: what is wrong with it.
    """
    person = by.require_person()
    row = await held(session, bulletin_id)
    after, step = rules.edited(deciding.standing(row), expected)
    text = await writing.sound(session, wanted, (await writing.head(session, row)).assets)
    deciding.move_to(row, after)
    writing.show(row, text)
    row.changed_at = now
    await writing.keep(session, row, text, by=person, note=note)
    number = await store.note(session, row, Done(step=step, person=person, at=now, why=note))
    if after.state is State.IN_REVIEW:
        await announcing.submitted(session, row, number, now)
    return row


async def submit(session: AsyncSession, bulletin_id: str, *, by: Actor, why: str, now: datetime) -> Bulletin:
    """Send a draft to review; its approvers are told.

    Raises:
        BulletinUnknown, BulletinStateWrong, PersonNeeded: it cannot be.
        BulletinInvalid: it says nothing.
    """
    person = by.require_person()
    row = await held(session, bulletin_id)
    deciding.move_to(row, rules.submitted(deciding.standing(row)))
    writing.require_content(await writing.head(session, row))
    number = await store.note(session, row, Done(step=Step.SUBMITTED, person=person, at=now, why=why))
    await announcing.submitted(session, row, number, now)
    return row


async def give_back(
    session: AsyncSession, bulletin_id: str, *, by: Actor, why: str, revision: int | None = None, now: datetime
) -> Bulletin:
    """Return it to its author, who is told why.

    Raises:
        BulletinUnknown, BulletinStateWrong, BulletinMovedOn, PersonNeeded, NotApprover: it cannot be.
    """
    person = by.require_person()
    row = await held(session, bulletin_id)
    deciding.move_to(row, rules.returned(deciding.standing(row), revision))
    stand = await deciding.stand(session, row, person, now)
    if not stand.may:
        raise rules.NotApprover(
            "only an approver of this unit returns a bulletin; ask one of them", vi=stand.why_not or rules.NOT_TODAY
        )
    done = Done(step=Step.RETURNED, person=person, for_person=stand.for_person, at=now, why=why)
    await announcing.returned(session, row, await store.note(session, row, done), why, now)
    return row


async def approve(
    session: AsyncSession,
    bulletin_id: str,
    revision: int,
    *,
    by: Actor,
    why: str,
    terms: Terms,
    despite: Collection[str] = (),
) -> Decided:
    """Let the revision that was read go on the air, at every place asked for; its author is told.

    `despite`: codes of the pre-flight list's stops that the approver takes upon himself; the step says so.

    Raises:
        BulletinUnknown, BulletinStateWrong, BulletinMovedOn, PersonNeeded, NotApprover, OwnBulletin: it cannot be.
        BulletinInvalid: it says nothing, or its validity has ended.
        BulletinNotReady: something of it would not be heard as meant, and the approver did not name it.
        PolicyViolated, PlanTooLarge, SlotItemInvalid, TargetEmpty, …: a placement cannot be made; nothing is changed.
    """
    person = by.require_person()
    row = await held(session, bulletin_id)
    stand = await deciding.stand(session, row, person, terms.now)
    ruled = await unit_rules.effective(session, row.unit_id)
    writers = await store.writers(session, row.id)
    stands = deciding.standing(row)
    decision = rules.approved(stands, revision, by=stand, writers=writers, self_approval=ruled.self_approval)
    text = await writing.head(session, row)
    writing.require_content(text)
    if text.valid_until is not None and text.valid_until <= terms.now:
        vi = "bản tin đã hết hiệu lực; hãy sửa trước khi duyệt"
        document.refuse([Fault("valid_until", vi, "its validity has ended; edit it before it is approved")])
    heeded = await _heeded(session, row, despite, terms.now)
    deciding.move_to(row, decision.standing)
    row.air_until = text.valid_until
    done = Done(
        step=Step.APPROVED,
        person=person,
        for_person=stand.for_person,
        by_rule=decision.by_rule,
        despite=heeded,
        at=terms.now,
        why=why,
    )
    number = await store.note(session, row, done)
    placed = await placing.place_all(session, row, text, terms)
    await announcing.approved(session, row, number, terms.now)
    return Decided(row, placed)


async def _heeded(session: AsyncSession, row: Bulletin, despite: Collection[str], now: datetime) -> tuple[str, ...]:
    """The stops that the approver names; of those he does not name it is refused."""
    stops = checklist.own_stops(await readiness.points(session, row, now))
    left = [one for one in stops if one.code not in despite]
    if left:
        raise checklist.BulletinNotReady(
            f"“{row.title}” would not be heard as meant: {' '.join(one.en for one in left)} Correct it, or approve it"
            f" despite {', '.join(sorted({one.code for one in left}))}",
            vi=" ".join(one.vi for one in left),
            points=[{"code": one.code, "vi": one.vi, "en": one.en, "placement": one.placement} for one in left],
        )
    return tuple(sorted({one.code for one in stops}))


async def withdraw(session: AsyncSession, bulletin_id: str, *, by: Actor, why: str, terms: Terms) -> Decided:
    """Take it back: nothing of it starts, what sounds stops, boards take it down; author and approvers are told.

    Raises:
        BulletinUnknown, BulletinStateWrong, PersonNeeded: it cannot be.
    """
    person = by.require_person()
    row = await held(session, bulletin_id)
    was_on_air = row.approved_revision is not None
    deciding.move_to(row, rules.withdrawn(deciding.standing(row)))
    row.air_until = None
    number = await store.note(session, row, Done(step=Step.WITHDRAWN, person=person, at=terms.now, why=why))
    placed = [one for one in await store.placements(session, row.id) if one.state in places.STANDING]
    stopped = await recalls.take_back(session, row, number, placed, terms)
    await announcing.withdrawn(session, row, number, why, terms.now, on_air=was_on_air)
    return Decided(row, placed, stopped)


async def expire(session: AsyncSession, row: Bulletin, *, now: datetime) -> bool:
    """What the passing of time makes of it; the caller holds the row. Whether anything changed."""
    after = rules.expired(deciding.standing(row), head_until=row.valid_until, approved_until=row.air_until, now=now)
    if after is None:
        return False
    deciding.move_to(row, after)
    row.air_until = None
    await store.note(session, row, Done(step=Step.EXPIRED, person=None, at=now))
    await placing.let_go(session, row, alive=after.state is not State.EXPIRED, now=now)
    return True


def unknown(bulletin_id: str) -> BulletinUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return BulletinUnknown(f"there is no bulletin {bulletin_id}; list the bulletins to find the right id")


async def require(session: AsyncSession, bulletin_id: str) -> Bulletin:
    """The bulletin.

    Raises:
        BulletinUnknown: there is none.
    """
    return _known(await store.find(session, bulletin_id), bulletin_id)


async def to_change(session: AsyncSession, bulletin_id: str) -> Bulletin:
    """The bulletin, which nobody else changes before the commit.

    Raises:
        BulletinUnknown: there is none.
    """
    return _known(await store.find_to_change(session, bulletin_id), bulletin_id)


async def held(session: AsyncSession, bulletin_id: str) -> Bulletin:
    """The bulletin, for a person to change or decide on; nobody else changes it before the commit.

    Raises:
        BulletinUnknown: there is none.
        BulletinOfSource: it is not for people here to change.
    """
    row = await to_change(session, bulletin_id)
    if row.handed_down:
        raise rules.BulletinOfSource(
            f"“{row.title}” was handed down as {row.source_ref}; only its source changes it, places it or takes it"
            " back: ask there, or write a bulletin of your own",
            vi="bản tin này do hệ thống nguồn gửi xuống; chỉ nguồn được sửa, xếp chỗ phát hoặc thu hồi",
            source=row.source,
            source_ref=row.source_ref,
        )
    return row


def _known(row: Bulletin | None, bulletin_id: str) -> Bulletin:
    if row is None:
        raise unknown(bulletin_id)
    return row
