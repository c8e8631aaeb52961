"""What is planned follows what devices speak: lengths and slots are reckoned anew where variants are on the way.

Rules: only what starts late enough for devices to hear of it is touched; nothing is where no broadcast and no waiting
item has variants. Whoever changes what devices speak calls this in the same transaction.
"""

from collections.abc import Sequence

from sqlalchemy import Select, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.devices.tables import Device
from controller.schedules import making, store
from controller.schedules.making import LEAD, Made, Terms
from controller.schedules.tables import ProgrammeRow, ProgrammeSlot, SlotItem
from controller.units import store as units
from loa_protocol.ids import device_scope

_WITH_VARIANTS = cast(BroadcastRow.segments, Text).contains('"variants"')


async def follow(session: AsyncSession, devices: Sequence[Device], terms: Terms) -> None:
    """These devices speak something else than before, or are new.

    Raises:
        PlanTooLarge: a plan would no longer fit; the change must be refused.
    """
    await follow_scopes(session, await _scopes(session, devices), terms)


async def follow_scopes(session: AsyncSession, scopes: Sequence[str], terms: Terms) -> None:
    """As `follow`, where whoever listens to these scopes speaks something else than before.

    Raises:
        PlanTooLarge: as `follow`.
    """
    if not scopes:
        return
    made: list[Made] = []
    for programme_id in await _programmes(session, scopes, terms):
        row = await store.find_to_change(session, programme_id)
        if row is not None and row.retired_at is None:
            made.append(await making.make(session, row, terms, after=terms.now + LEAD))
    await making.ask_for_plans(session, made, terms.now)
    for broadcast_id in await _single(session, scopes, terms):
        await broadcasts.reckon_anew(session, broadcast_id)


async def _scopes(session: AsyncSession, devices: Sequence[Device]) -> list[str]:
    """All that any of them listens to."""
    if not devices:
        return []
    places = await units.scopes_of_devices(session, devices)
    found = {device_scope(device_id) for device_id in places}
    for above, groups in places.values():
        found.update(above, (one.group for one in groups))
    return sorted(found)


async def _programmes(session: AsyncSession, scopes: Sequence[str], terms: Terms) -> Sequence[str]:
    """Those that send something with variants there, and those of units above that might: it waits; by id."""
    waiting = select(ProgrammeSlot.programme_id).join(SlotItem, SlotItem.unit_id == ProgrammeSlot.unit_id)
    waiting = waiting.where(SlotItem.withdrawn_at.is_(None), cast(SlotItem.variants, Text) != "{}")
    above = [scope[2:] for scope in scopes if scope.startswith("u-")]
    might = select(ProgrammeRow.id).where(ProgrammeRow.unit_id.in_(above), ProgrammeRow.id.in_(waiting))
    query = _ahead(scopes, terms).where(BroadcastRow.programme_id.is_not(None))
    query = query.where(or_(_WITH_VARIANTS, BroadcastRow.programme_id.in_(waiting)))
    sending = {row.programme_id for row in await session.execute(query)}
    return sorted(sending.union(await session.scalars(might)))


async def _single(session: AsyncSession, scopes: Sequence[str], terms: Terms) -> Sequence[str]:
    """Broadcasts of no programme, by id."""
    query = _ahead(scopes, terms).where(BroadcastRow.programme_id.is_(None), _WITH_VARIANTS)
    return sorted(row.id for row in await session.execute(query))


def _ahead(scopes: Sequence[str], terms: Terms) -> Select[str, str | None]:
    """Broadcasts that start late enough there."""
    query = select(BroadcastRow.id, BroadcastRow.programme_id).distinct()
    query = query.join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
    query = query.where(BroadcastScope.scope.in_(scopes), BroadcastRow.cancelled_at.is_(None))
    return query.where(BroadcastRow.start > terms.now + LEAD)
