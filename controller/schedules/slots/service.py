"""Use cases of what waits in slots: hand something in, change it, order the unit's own, take it out.

A queue is changed alone under its name; the programmes whose slots it fills are filled anew in the same transaction.
What starts before a device could hear of it stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.library import service as library
from controller.runtime.database import alone
from controller.runtime.ids import new_id
from controller.schedules import effects, making, store
from controller.schedules.effects import Effect
from controller.schedules.making import LEAD, Made, Terms
from controller.schedules.slots import store as slot_store
from controller.schedules.tables import SlotItem
from controller.units import service as units
from loa_protocol.errors import LoaError
from loa_protocol.ids import Level

SHOWN = 1000


class SlotItemUnknown(LoaError):
    """Nothing with this id waits there."""

    code = "slot_item_unknown"


class SlotItemInvalid(LoaError):
    """An item cannot wait like this; the message says why."""

    code = "slot_item_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """Something for the slots of `unit`; `owner` None is the unit itself; `valid_from` None is now.

    `variants`: language → the sound for devices that list it; `asset` is for those that list none of them. `origin` is
    what it is handed in for. `instead_of`: the item whose place in the queue it takes, if it is of the same level.
    """

    unit: str
    title: str
    asset: str
    variants: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    authority: int = 100
    level: Level = Level.NORMAL
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    origin: str | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """What is to be different; None leaves it. `endless` takes `valid_until` away."""

    title: str | None = None
    level: Level | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    endless: bool = False


async def hand_in(session: AsyncSession, wanted: NewItem, terms: Terms) -> tuple[SlotItem, Effect]:
    """Put something into a unit's queue, behind what is there, or where it stood before it was changed.

    Raises:
        UnitUnknown, AssetUnknown, AssetOfOtherKind, AssetGone, SlotItemInvalid: what is wrong with it.
        PlanTooLarge: a programme it fills would no longer fit.
    """
    await units.require_open(session, wanted.unit)
    await units.require_open(session, wanted.owner or wanted.unit)
    for asset in sorted({wanted.asset, *wanted.variants.values()}):
        await library.require_usable(session, asset, "sound")
    await alone(session, making.slot_lock(wanted.unit))
    row = SlotItem(
        id=new_id(terms.now),
        unit_id=wanted.unit,
        owner_id=wanted.owner or wanted.unit,
        authority=wanted.authority,
        title=wanted.title,
        level=str(wanted.level),
        asset_id=wanted.asset,
        variants=dict(wanted.variants),
        valid_from=wanted.valid_from or terms.now,
        valid_until=wanted.valid_until,
        position=await _position(session, wanted),
        created_at=terms.now,
        origin=wanted.origin,
    )
    _require_sound(row)
    session.add(row)
    return row, await _fill_anew(session, wanted.unit, terms)


async def _position(session: AsyncSession, wanted: NewItem) -> int:
    before = await session.get(SlotItem, wanted.instead_of) if wanted.instead_of is not None else None
    if before is not None and (before.unit_id, before.level) == (wanted.unit, str(wanted.level)):
        return before.position
    return await slot_store.last_position(session, wanted.unit) + 1


async def alter(session: AsyncSession, item_id: str, wanted: ItemChange, terms: Terms) -> tuple[SlotItem, Effect]:
    """Change what waits.

    Raises:
        SlotItemUnknown, SlotItemInvalid: what is wrong.
        PlanTooLarge: a programme it fills would no longer fit.
    """
    row = await _locked(session, item_id)
    for name in ("title", "level", "valid_from", "valid_until"):
        value = getattr(wanted, name)
        if value is not None:
            setattr(row, name, str(value) if name == "level" else value)
    if wanted.endless:
        row.valid_until = None
    _require_sound(row)
    return row, await _fill_anew(session, row.unit_id, terms)


async def withdraw(session: AsyncSession, item_id: str, terms: Terms) -> tuple[SlotItem, Effect]:
    """Take something out of a queue; safe to repeat.

    Raises:
        SlotItemUnknown: there is none.
    """
    row = await _locked(session, item_id)
    row.withdrawn_at = row.withdrawn_at or terms.now
    return row, await _fill_anew(session, row.unit_id, terms)


async def order(
    session: AsyncSession, unit_id: str, item_ids: Sequence[str], terms: Terms
) -> tuple[Sequence[SlotItem], Effect]:
    """Put a unit's own items into this order; its others follow as they were.

    Raises:
        UnitUnknown: there is no such unit.
        SlotItemUnknown: one does not wait there.
        SlotItemInvalid: one is another unit's, or is named twice.
    """
    await units.require(session, unit_id)
    await alone(session, making.slot_lock(unit_id))
    named = await slot_store.named(session, item_ids)
    if len(set(item_ids)) < len(item_ids):
        raise SlotItemInvalid("an item is named twice; name each once, in the order wanted")
    for item_id in item_ids:
        _require_own(named.get(item_id), item_id, unit_id)
    others = [one for one in await slot_store.own(session, unit_id) if one.id not in named]
    for place, row in enumerate([*(named[item_id] for item_id in item_ids), *others], start=1):
        row.position = place
    effect = await _fill_anew(session, unit_id, terms)
    return await slot_store.of_unit(session, unit_id, limit=SHOWN), effect


def unknown(item_id: str) -> SlotItemUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return SlotItemUnknown(f"nothing waits under {item_id}; list what waits to find the right id")


async def _locked(session: AsyncSession, item_id: str) -> SlotItem:
    """The item, its queue kept still."""
    known = await session.get(SlotItem, item_id)
    if known is not None:
        await alone(session, making.slot_lock(known.unit_id))
        known = await slot_store.find_to_change(session, item_id)
    if known is None:
        raise unknown(item_id)
    return known


def _require_sound(row: SlotItem) -> None:
    if row.level == Level.EMERGENCY:
        raise SlotItemInvalid(f"“{row.title}” is an emergency; it is released as an alert, never put into a slot")
    if row.valid_until is not None and row.valid_until <= row.valid_from:
        raise SlotItemInvalid(f"“{row.title}” would be over before it is valid; correct the two instants")


def _require_own(row: SlotItem | None, item_id: str, unit_id: str) -> None:
    if row is None or row.unit_id != unit_id or row.withdrawn_at is not None:
        raise SlotItemUnknown(f"{item_id} does not wait at {unit_id}; read the queue again")
    if row.owner_id != unit_id:
        raise SlotItemInvalid(f"“{row.title}” belongs to {row.owner_id}; {unit_id} orders only what is its own")


async def _fill_anew(session: AsyncSession, unit_id: str, terms: Terms) -> Effect:
    """Every programme that has a slot for this queue, in the order of their ids."""
    await session.flush()
    made: list[Made] = []
    for programme_id in await store.with_slot(session, unit_id):
        row = await store.find_to_change(session, programme_id)
        if row is not None and row.retired_at is None:
            made.append(await making.make(session, row, terms, after=terms.now + LEAD))
    await making.ask_for_plans(session, made, terms.now)
    return await effects.effect(session, effects.touches(made))
