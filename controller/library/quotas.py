"""How much a unit keeps, and how much it may. Bytes of renditions, as they lie in the store; the same bytes count once.

A unit's own things alone count, not those of units below it. What two units have counts for each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.library.errors import QuotaFull
from controller.library.tables import AssetUnit, UnitQuota
from controller.media.tables import Rendition


@dataclass(frozen=True, slots=True)
class Usage:
    """What a unit has; `most_bytes` None: no bound; `own`: the bound was set for this unit alone."""

    unit_id: str
    assets: int
    used_bytes: int
    most_bytes: int | None
    own: bool

    @property
    def full(self) -> bool:
        """Whether nothing more goes in."""
        return self.most_bytes is not None and self.used_bytes >= self.most_bytes


async def usage(session: AsyncSession, unit_id: str, usual_bytes: int | None) -> Usage:
    """One unit's; `usual_bytes` is what the settings say for all."""
    return (await usages(session, usual_bytes, unit_id=unit_id)).get(unit_id) or await _empty(
        session, unit_id, usual_bytes
    )


async def usages(
    session: AsyncSession, usual_bytes: int | None, *where: ColumnElement[bool], unit_id: str | None = None
) -> Mapping[str, Usage]:
    """Of every unit that has anything, or of one; `where` narrows `AssetUnit.unit_id`."""
    kept = (
        select(AssetUnit.unit_id, Rendition.sha256, func.max(Rendition.bytes).label("bytes"))
        .join(Rendition, Rendition.asset_id == AssetUnit.asset_id)
        .where(Rendition.purged_at.is_(None), *where)
        .group_by(AssetUnit.unit_id, Rendition.sha256)
    )
    if unit_id is not None:
        kept = kept.where(AssetUnit.unit_id == unit_id)
    part = kept.subquery()
    sums = await session.execute(select(part.c.unit_id, func.sum(part.c.bytes)).group_by(part.c.unit_id))
    counts = select(AssetUnit.unit_id, func.count()).where(*where).group_by(AssetUnit.unit_id)
    if unit_id is not None:
        counts = counts.where(AssetUnit.unit_id == unit_id)
    used = {unit: int(total) for unit, total in sums}
    bounds = {row.unit_id: row.most_bytes for row in await session.scalars(select(UnitQuota))}
    return {
        unit: Usage(unit, count, used.get(unit, 0), bounds.get(unit, usual_bytes), unit in bounds)
        for unit, count in await session.execute(counts)
    }


async def _empty(session: AsyncSession, unit_id: str, usual_bytes: int | None) -> Usage:
    row = await session.get(UnitQuota, unit_id)
    return Usage(unit_id, 0, 0, usual_bytes if row is None else row.most_bytes, row is not None)


async def require_room(session: AsyncSession, unit_id: str, usual_bytes: int | None) -> None:
    """Before a file of a unit is even received.

    Raises:
        QuotaFull: the unit has as much as it may.
    """
    found = await usage(session, unit_id, usual_bytes)
    if found.full:
        raise _full(found)


async def require_within(session: AsyncSession, unit_id: str, usual_bytes: int | None) -> None:
    """After something was added, in its transaction.

    Raises:
        QuotaFull: with it the unit has more than it may.
    """
    found = await usage(session, unit_id, usual_bytes)
    if found.most_bytes is not None and found.used_bytes > found.most_bytes:
        raise _full(found)


async def bound(session: AsyncSession, unit_id: str, most_bytes: int | None, *, now: datetime) -> None:
    """Set what a unit may keep; None: what the settings say for all."""
    row = await session.get(UnitQuota, unit_id, with_for_update=True)
    if most_bytes is None:
        if row is not None:
            await session.delete(row)
    elif row is None:
        session.add(UnitQuota(unit_id=unit_id, most_bytes=most_bytes, set_at=now))
    else:
        row.most_bytes, row.set_at = most_bytes, now
    await session.flush()


def _full(found: Usage) -> QuotaFull:
    return QuotaFull(
        f"the library of unit {found.unit_id} has {found.used_bytes} of {found.most_bytes} bytes;"
        " let old things go, or ask for more room",
        vi=f"thư viện của đơn vị {found.unit_id} đã đầy: {_mib(found.used_bytes)} trên {_mib(found.most_bytes)} MiB;"
        " hãy bỏ bớt tệp cũ hoặc xin thêm dung lượng",
        unit=found.unit_id,
        used_bytes=found.used_bytes,
        most_bytes=found.most_bytes,
    )


def _mib(size_bytes: int | None) -> str:
    return f"{(size_bytes or 0) / 2**20:.1f}".replace(".", ",")
