"""Where a bulletin shall go on air: asked for at any time, made real in the transaction of its approval.

- A placement of a bulletin that is not approved is `reserved`: nothing of it is on the air.
- An approval places every reserved one, and anew every placed one that has not begun; all of it or nothing.
- A new place of an approved bulletin opens its review again, unless whoever asks for it may approve it: what is on the
  air stays there. Places lie within the bulletin's unit.
- What is placed is always the approved revision, and what it names was known to who wrote it; what was moved out of
  the unit meanwhile is refused. A slot placement stays until the bulletin is over.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import settled
from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.bulletins import announcing, deciding, passing, places, ranks, recalls, rules, store
from controller.bulletins.document import Document
from controller.bulletins.places import (
    MOST,
    STANDING,
    NewPlacement,
    PlacementInvalid,
    PlacementState,
    PlacementUnknown,
)
from controller.bulletins.rules import Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, Placement
from controller.media import service as media
from controller.people.acting import Actor
from controller.runtime.ids import new_id
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.ids import Level, unit_scope

_MOMENT = timedelta(microseconds=1)


async def add(session: AsyncSession, row: Bulletin, wanted: NewPlacement, *, by: Actor, terms: Terms) -> Placement:
    """Ask for a place; an approved bulletin goes there at once if who asks may approve it, else it is reviewed again.

    The caller holds the row.

    Raises:
        PersonNeeded, BulletinStateWrong, PlacementInvalid, UnitUnknown, TargetUnknown, AssetUnknown: what is wrong.
        PolicyViolated, PlanTooLarge, …: it is approved and cannot go there.
    """
    person = by.require_person()
    stand, by_rule = await deciding.placer(session, row, person, terms.now)
    at_once = row.approved_revision is not None and by_rule is not None
    after = rules.placed(deciding.standing(row), at_once=at_once)
    text = await _going(session, row, at_once=at_once)
    await _require_place(session, row, wanted)
    if wanted.start is not None:
        places.require_time(text, wanted.start, terms.now + (LEAD if at_once else rules.LEAD), terms.now)
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
    reopened = after != deciding.standing(row)
    deciding.move_to(row, after)
    done = Done(step=Step.PLACED, person=person, at=terms.now, why=made.id)
    if at_once:
        done = replace(done, for_person=stand.for_person, by_rule=bool(by_rule))
    number = await store.note(session, row, done)
    if at_once:
        await _place(session, row, made, text, terms)
    elif reopened:
        await announcing.submitted(session, row, number, terms.now)
    return made


async def _going(session: AsyncSession, row: Bulletin, *, at_once: bool) -> Document:
    """What goes on air there: what is approved, else what waits to be."""
    number = row.approved_revision if at_once and row.approved_revision else row.head
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
        if one.state == PlacementState.RESERVED:
            await passing.let_past_pass(session, row, one, terms.now + LEAD, terms)
        elif one.revision == row.approved_revision or not await _taken_out(session, one, terms):
            continue
        if one.state in STANDING:
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
        await units.require_open(session, wanted.slot)
        await _require_within(session, row, [unit_scope(wanted.slot)])
    missing = await unit_store.missing_scopes(session, wanted.to)
    if missing:
        raise broadcasts.TargetUnknown(f"no unit, group or device is named {', '.join(missing)}; list them first")
    await _require_within(session, row, wanted.to)
    if wanted.fallback_asset is not None:
        await media.require(session, wanted.fallback_asset)


async def _require_within(session: AsyncSession, row: Bulletin, scopes: Sequence[str]) -> None:
    """A unit speaks to itself and to what is below it: whoever approves for it answers for nobody else.

    An agency has nothing below it: it speaks within the unit that it belongs to, whose operators place it there.
    """
    area = await unit_store.area(session, row.unit_id)
    outside = await unit_store.outside_of(session, area, scopes)
    if outside:
        named = ", ".join(outside)
        raise PlacementInvalid(
            f"{named} lies outside {area}, for which this bulletin is; place it within, or write it for a unit"
            " above both",
            vi=f"{named} không thuộc đơn vị của bản tin ({area}); hãy chọn nơi phát trong đơn vị,"
            " hoặc soạn bản tin ở đơn vị cấp trên",
            outside=list(outside),
        )


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
    await _require_within(session, row, one.scopes if one.slot_unit_id is None else [unit_scope(one.slot_unit_id)])
    with settled(session):
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
        authority=await ranks.authority(session, row.unit_id, unit),
        level=Level(text.level),
        valid_from=await _since(session, one, text),
        valid_until=text.valid_until,
        origin=one.id,
        instead_of=one.slot_item_id,
    )
    made, _ = await slots.hand_in(session, item, terms)
    return made.id


async def _since(session: AsyncSession, one: Placement, text: Document) -> datetime | None:
    """It fills slots as it is valid, but no session that was let pass without it: something else plays there."""
    missed = [miss.start + _MOMENT for miss in await store.misses(session, [one.id])]
    return max([*missed, text.valid_from] if text.valid_from is not None else missed, default=None)
