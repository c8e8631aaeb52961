"""What a unit says about its bulletins: may one approve his own, when is reminded, what stands in. Inherited downward.

Each of the three is that of the nearest unit, from the bulletin's own upward, that says anything about it. Every change
is kept with who, when and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins.rules import REMIND_BEFORE_MIN
from controller.bulletins.tables import BulletinRulesRow
from controller.media import service as media
from controller.people.acting import Actor
from controller.runtime.database import alone
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.errors import LoaError


class BulletinRulesMovedOn(LoaError):
    """The unit's rules are another revision than the one that was to be changed: somebody was faster."""

    code = "bulletin_rules_moved_on"


@dataclass(frozen=True, slots=True)
class UnitRules:
    """What holds at a unit; `self_approval_of` is the unit whose rule it is, None where nobody said anything."""

    self_approval: bool = False
    self_approval_of: str | None = None
    remind_before_min: tuple[int, ...] = REMIND_BEFORE_MIN
    fallback_asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a unit wants to say; None leaves it to the units above."""

    self_approval: bool | None = None
    remind_before_min: tuple[int, ...] | None = None
    fallback_asset: str | None = None


async def effective(session: AsyncSession, unit_id: str) -> UnitRules:
    """What holds at a unit."""
    chain = await unit_store.chain(session, unit_id)
    newest = {row.unit_id: row for row in await _newest(session, chain)}
    found = [newest[one] for one in chain if one in newest]
    own = next((row for row in found if row.self_approval is not None), None)
    remind = next((row.remind_before_min for row in found if row.remind_before_min is not None), None)
    fallback = next((row.fallback_asset for row in found if row.fallback_asset is not None), None)
    return UnitRules(
        self_approval=own is not None and bool(own.self_approval),
        self_approval_of=None if own is None else own.unit_id,
        remind_before_min=REMIND_BEFORE_MIN if remind is None else tuple(remind),
        fallback_asset=fallback,
    )


async def _newest(session: AsyncSession, unit_ids: Sequence[str]) -> Sequence[BulletinRulesRow]:
    query = select(BulletinRulesRow).where(BulletinRulesRow.unit_id.in_(unit_ids))
    rows = await session.scalars(query.order_by(BulletinRulesRow.number).execution_options(populate_existing=True))
    return list({row.unit_id: row for row in rows}.values())


async def history(session: AsyncSession, unit_id: str) -> Sequence[BulletinRulesRow]:
    """Everything a unit ever said about its bulletins, newest first.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require(session, unit_id)
    query = select(BulletinRulesRow).where(BulletinRulesRow.unit_id == unit_id)
    return (await session.scalars(query.order_by(BulletinRulesRow.number.desc()))).all()


async def put(
    session: AsyncSession, unit_id: str, wanted: Wanted, *, expected: int | None, by: Actor, why: str, now: datetime
) -> BulletinRulesRow:
    """Say it for a unit; `expected` is the revision it was made from, None if there was none.

    Raises:
        PersonNeeded: nobody in particular asks.
        UnitUnknown, AssetUnknown, BulletinRulesMovedOn: what is wrong.
    """
    person = by.require_person()
    await units.require(session, unit_id)
    if wanted.fallback_asset is not None:
        await media.require(session, wanted.fallback_asset)
    await alone(session, f"bulletin rules of {unit_id}")
    newest = next(iter(await _newest(session, [unit_id])), None)
    if (newest and newest.number) != expected:
        stands = f"revision {newest.number}" if newest else "no rules of its own"
        raise BulletinRulesMovedOn(
            f"{unit_id} has {stands} now, not {expected or 'none'}; read them again and make your change there",
            revision=newest and newest.number,
        )
    remind = wanted.remind_before_min
    row = BulletinRulesRow(
        unit_id=unit_id,
        number=1 if newest is None else newest.number + 1,
        self_approval=wanted.self_approval,
        remind_before_min=None if remind is None else sorted(set(remind), reverse=True),
        fallback_asset=wanted.fallback_asset,
        made_by=person,
        made_at=now,
        why=why,
    )
    session.add(row)
    await session.flush()
    return row
