"""At which units somebody's answers are counted: by tallies where these are kept of them, else receipt by receipt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.rules import Reach
from controller.devices.tables import Device
from controller.results.tallying import COMMUNE
from controller.units import store as units
from controller.units.tables import Unit


@dataclass(frozen=True, slots=True)
class Tops:
    """The highest units of a reach, none of them below another; `tallied`: tallies are kept of all of them.

    `everywhere`: no unit stands beside or above them.
    """

    units: tuple[str, ...]
    tallied: bool
    everywhere: bool = False

    @property
    def devices(self) -> ColumnElement[bool]:
        """The condition that a device stands at one of them or below."""
        return true() if self.everywhere else Device.unit_id.in_(units.subtree(self.units))


async def tops(session: AsyncSession, reach: Reach, unit_id: str | None = None) -> Tops:
    """Of everything that a reach has, or of one unit of it."""
    if unit_id is None and (reach.everywhere or reach.whole):
        return Tops(tuple(sorted(await units.tops(session))), tallied=True, everywhere=True)
    wanted = reach.roots if unit_id is None else frozenset({unit_id})
    chains = await units.chains(session, wanted)
    above = {one for chain in chains.values() for one in chain[1:]}
    query = select(Unit.id).where(Unit.kind == COMMUNE, Unit.id.in_(above))
    communes = frozenset(await session.scalars(query)) if above else frozenset()
    found = highest(chains)
    return Tops(found, tallied=not any(communes.intersection(chains[one][1:]) for one in found))


def highest(chains: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Those units that are below none of the others; unit → itself and all above, narrowest first."""
    return tuple(sorted(one for one, chain in chains.items() if not chains.keys() & _above(chain)))


def _above(chain: Iterable[str]) -> set[str]:
    return set(list(chain)[1:])
