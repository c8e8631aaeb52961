"""Names for people instead of ids, many at once: of units, of people, and of scopes."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device
from controller.people import store as people_store
from controller.units.tables import Group, Unit


async def scope_names(session: AsyncSession, scopes: Collection[str]) -> dict[str, str]:
    """Scope → how people call it."""
    found: dict[str, str] = {}
    for prefix, table in (("u", Unit), ("g", Group), ("d", Device)):
        ids = [one[2:] for one in scopes if one[0] == prefix]
        if ids:
            rows = await session.execute(select(table.id, table.name).where(table.id.in_(ids)))
            found |= {f"{prefix}-{key}": name for key, name in rows}
    return found


async def unit_names(session: AsyncSession, unit_ids: Collection[str]) -> dict[str, str]:
    """Unit → name."""
    rows = await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(sorted(unit_ids))))
    return {key: name for key, name in rows}  # noqa: C416 - rows are no pairs to the type checker


async def people_names(session: AsyncSession, people: Collection[str]) -> dict[str, str]:
    """Person → name."""
    return {key: one.name for key, one in (await people_store.named(session, people)).items()}
