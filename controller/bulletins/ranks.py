"""Which rank a unit's bulletins have in the slots of others."""

from sqlalchemy.ext.asyncio import AsyncSession

from controller.units import store as units

_AUTHORITY_A_LEVEL = 10
OWN_AUTHORITY = 100


async def authority(session: AsyncSession, unit_id: str, slot_unit_id: str) -> int:
    """The rank of a unit's bulletins in another one's slots: whoever is higher above goes first."""
    chain = await units.chain(session, slot_unit_id)
    above = chain.index(unit_id) if unit_id in chain else 0
    return max(0, OWN_AUTHORITY - _AUTHORITY_A_LEVEL * above)
