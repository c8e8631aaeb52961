"""Where a bulletin shall go on air: asked for at any time, made real in the transaction of its approval.

- A placement of a bulletin that is not approved is `reserved`: nothing of it is on the air.
- An approval places every reserved one, and anew every placed one that has not begun; all of it or nothing.
- What is placed is always the approved revision. A slot placement stays until the bulletin is over.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.bulletins import places, recalls, rules, store
from controller.bulletins.document import Document
from controller.bulletins.places import (
    MOST,
    NOT_APPROVED,
    STANDING,
    NewPlacement,
    PlacementInvalid,
    PlacementState,
    PlacementUnknown,
)
from controller.bulletins.rules import Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, Placement, PlacementMiss
from controller.media import service as media
from controller.people.acting import Actor
from controller.runtime.ids import new_id
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.ids import Level

_AUTHORITY_A_LEVEL = 10
OWN_AUTHORITY = 100


async def add(session: AsyncSession, row: Bulletin, wanted: NewPlacement, *, by: Actor, terms: Terms) -> Placement:
    """Ask for a place; an approved bulletin goes there at once. The caller holds the row.

    Raises:
        PersonNeeded, BulletinStateWrong, PlacementInvalid, UnitUnknown, TargetUnknown, AssetUnknown: what is wrong.
        PolicyViolated, PlanTooLarge, …: it is approved and cannot go there.
    """
    person = by.require_person()
    if row.state in {rules.State.WITHDRAWN, rules.State.EXPIRED}:
        raise rules.BulletinStateWrong(f"“{row.title}” is {row.state}; edit it first, then place it", state=row.state)
    text = await _going(session, row)
    await _require_place(session, row, wanted)
    if wanted.start is not None:
        soonest = terms.now + (LEAD if row.approved_revision is not None else rules.LEAD)
        places.require_time(text, wanted.start, soonest, terms.now)
    made = Placement(
        id=new_id(terms.now),
        bulletin_id=row.id,
        kind="slot" if wanted.slot is not None else "time",
        state=str(PlacementState.RESERVED),
        slot_unit_id=wanted.slot,
        scopes=list(dict.fromkeys(wanted.to)),
        start=wanted.start,
        late_s=wanted.late_s,
        volume=wanted.volume,
        repeats=wanted.repeats,
        chime=wanted.chime,
        board_s=wanted.board_s,
        fallback_asset=wanted.fallback_asset,
        made_by=person,
        made_at=terms.now,
        look_at=terms.now,
        waits_since=terms.now,
    )
    session.add(made)
    await session.flush()
    await store.note(session, row, Done(step=Step.PLACED, person=person, at=terms.now, why=made.id))
    if row.approved_revision is not None:
        await _place(session, row, made, text, terms)
    return made


async def _going(session: AsyncSession, row: Bulletin) -> Document:
    """What goes on air there: what is approved, else what waits to be."""
    number = row.approved_revision or row.head
    return (await store.documents(session, row.id, [number]))[number]


async def remove(
    session: AsyncSession, row: Bulletin, placement_id: str, *, by: Actor, why: str, terms: Terms
) -> Placement:
    """Take one placement back; what sounds there stops. Safe to repeat. The caller holds the row.

    Raises:
        PersonNeeded, PlacementUnknown: it cannot be.
    """
    person = by.require_person()
    found = next((one for one in await store.placements(session, row.id) if one.id == placement_id), None)
    if found is None:
        raise PlacementUnknown(f"“{row.title}” has no placement {placement_id}; list its placements", bulletin=row.id)
    if found.state in STANDING:
        done = Done(step=Step.UNPLACED, person=person, at=terms.now, why=why or found.id)
        await recalls.take_back(session, row, await store.note(session, row, done), [found], terms)
    return found


async def place_all(session: AsyncSession, row: Bulletin, text: Document, terms: Terms) -> Sequence[Placement]:
    """Place what waits, and anew what has not begun, as the revision that was just approved.

    Raises:
        PolicyViolated, PlanTooLarge, SlotItemInvalid, …: one of them cannot be.
    """
    found = [one for one in await store.placements(session, row.id) if one.state in STANDING]
    for one in found:
        if one.state == PlacementState.RESERVED or await _taken_out(session, one, terms):
            await _place(session, row, one, text, terms)
    return found


async def let_go(session: AsyncSession, row: Bulletin, *, alive: bool, now: datetime) -> None:
    """What was approved has expired; `alive`: a newer revision waits, whose slots are kept for it."""
    for one in await store.placements(session, row.id):
        if one.state in STANDING and (one.kind == "slot" or one.state == PlacementState.RESERVED):
            if alive:
                one.state, one.slot_item_id, one.revision = str(PlacementState.RESERVED), None, None
                one.look_at = one.waits_since = now
            else:
                one.state, one.ended_at = str(PlacementState.OVER), now
    await session.flush()


async def miss(
    session: AsyncSession, row: Bulletin, one: Placement, start: datetime, now: datetime, **where: str
) -> PlacementMiss:
    """Write down that a start passes without it, and in which session of a slot; nothing stands in for it yet."""
    made = PlacementMiss(placement_id=one.id, start=start, reason=NOT_APPROVED, at=now, **where)
    session.add(made)
    if one.kind == "time":
        one.state, one.ended_at = str(PlacementState.SKIPPED), now
    await store.note(session, row, Done(step=Step.SKIPPED, person=None, at=now, why=start.isoformat()))
    return made


async def _require_place(session: AsyncSession, row: Bulletin, wanted: NewPlacement) -> None:
    if (wanted.slot is None) == (not wanted.to):
        raise PlacementInvalid(
            "a placement names a unit whose slots it fills, or scopes to speak to; name one of both",
            vi="chọn một trong hai: buổi phát của một đơn vị (--slot), hoặc nơi nghe (--to)",
        )
    if wanted.slot is not None and wanted.start is not None:
        raise PlacementInvalid(
            "a slot has its own times; leave the start out, or name scopes instead of a slot",
            vi="buổi phát đã có giờ của nó; bỏ giờ đi, hoặc chọn nơi nghe (--to) thay cho buổi phát",
        )
    if len(await store.placements(session, row.id)) >= MOST:
        raise PlacementInvalid(
            f"a bulletin has at most {MOST} placements; write a new one",
            vi=f"một bản tin có nhiều nhất {MOST} nơi phát; hãy soạn bản tin mới",
        )
    if wanted.slot is not None:
        await units.require(session, wanted.slot)
    missing = await unit_store.missing_scopes(session, wanted.to)
    if missing:
        raise broadcasts.TargetUnknown(f"no unit, group or device is named {', '.join(missing)}; list them first")
    if wanted.fallback_asset is not None:
        await media.require(session, wanted.fallback_asset)


async def _taken_out(session: AsyncSession, one: Placement, terms: Terms) -> bool:
    """Take the revision that stands there out, unless it has begun: that one was approved, and ends as it began."""
    if one.slot_item_id is not None:
        await slots.withdraw(session, one.slot_item_id, terms)
        return True
    if one.broadcast_id is None:
        return True
    row = await broadcast_store.find_to_change(session, one.broadcast_id)
    if row is None or row.cancelled_at is not None or row.start <= terms.now + LEAD:
        return False
    await broadcasts.cancel(session, row.id, now=terms.now)
    await session.flush()
    return True


async def _place(session: AsyncSession, row: Bulletin, one: Placement, text: Document, terms: Terms) -> None:
    if one.start is not None and one.start <= terms.now + LEAD:
        await miss(session, row, one, one.start, terms.now)
        return
    if one.kind == "slot":
        one.slot_item_id = await _into_slot(session, row, one, text, terms)
    else:
        if one.start is not None:
            places.require_valid(text, one.start)
        request = places.request_of(one, text, terms.now)
        made = await broadcasts.accept(session, request, now=terms.now, answer_deadline=terms.grace)
        one.broadcast_id, one.until = made.id, made.deadline
    one.state, one.revision = str(PlacementState.PLACED), row.approved_revision
    await session.flush()


async def _into_slot(session: AsyncSession, row: Bulletin, one: Placement, text: Document, terms: Terms) -> str:
    home, unit = text.home, one.slot_unit_id
    if home is None or home.audio is None or unit is None:
        raise PlacementInvalid(
            f"“{row.title}” has no sound and cannot fill a slot; give it one, or take the slot out of its placements",
            vi=f"“{row.title}” không có âm thanh nên không vào buổi phát được; hãy thêm âm thanh, hoặc bỏ nơi phát này",
            placement=one.id,
        )
    item = slots.NewItem(
        unit=unit,
        title=text.title,
        asset=home.audio,
        variants=text.sounds,
        owner=row.unit_id,
        authority=await authority(session, row.unit_id, unit),
        level=Level(text.level),
        valid_from=text.valid_from,
        valid_until=text.valid_until,
        origin=one.id,
    )
    made, _ = await slots.hand_in(session, item, terms)
    return made.id


async def authority(session: AsyncSession, unit_id: str, slot_unit_id: str) -> int:
    """The rank of a unit's bulletins in another one's slots: whoever is higher above goes first."""
    chain = await unit_store.chain(session, slot_unit_id)
    above = chain.index(unit_id) if unit_id in chain else 0
    return max(0, OWN_AUTHORITY - _AUTHORITY_A_LEVEL * above)
