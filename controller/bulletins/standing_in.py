"""What plays where a bulletin was not approved in time: the placement's fallback, else the unit's.

At a time it is a broadcast of its own; in a slot it waits for that one session only, beside what else waits there.
"""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import BroadcastRequest, StartInPast
from controller.bulletins import ranks
from controller.bulletins.tables import Bulletin, Placement, PlacementMiss
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from loa_protocol.ids import Level

TITLE = "Thay cho: "
_A_SESSION = timedelta(seconds=1)
_LONGEST_TITLE = 300


async def plan(session: AsyncSession, row: Bulletin, one: Placement, made: PlacementMiss, terms: Terms) -> None:
    """Plan `made.fallback_asset` for the start that passes without the bulletin.

    Raises:
        StartInPast: no device could hear of it any more.
        AssetUnknown, PolicyViolated, PlanTooLarge, TargetEmpty, …: it cannot be broadcast either.
    """
    if made.start <= terms.now + LEAD:
        raise StartInPast(f"{made.start.isoformat()} has passed, or is too near for a device to hear of it")
    if one.slot_unit_id is None:
        accepted = await broadcasts.accept(
            session, _request(row, one, made), now=terms.now, answer_deadline=terms.grace
        )
        made.fallback_broadcast_id = accepted.id
        return
    rank = await ranks.authority(session, row.unit_id, one.slot_unit_id)
    handed_in, _ = await slots.hand_in(session, _item(row, one.slot_unit_id, made, rank), terms)
    made.fallback_slot_item_id = handed_in.id


def _request(row: Bulletin, one: Placement, made: PlacementMiss) -> BroadcastRequest:
    return BroadcastRequest(
        title=_title(row),
        to=one.scopes,
        asset_id=made.fallback_asset,
        at=made.start,
        level=Level(row.level),
        volume=one.volume,
        repeats=one.repeats,
        chime=one.chime,
        late_s=one.late_s,
    )


def _item(row: Bulletin, unit_id: str, made: PlacementMiss, authority: int) -> slots.NewItem:
    return slots.NewItem(
        unit=unit_id,
        title=_title(row),
        asset=made.fallback_asset or "",
        owner=row.unit_id,
        authority=authority,
        level=Level(row.level),
        valid_from=made.start,
        valid_until=made.start + _A_SESSION,
    )


def _title(row: Bulletin) -> str:
    return f"{TITLE}{row.title}"[:_LONGEST_TITLE]
