"""Who may approve for a unit on a day, asked of the database; `rules` decides."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.people import rules, store
from controller.people.rules import Away, Held, Role, Stand
from controller.people.tables import Person
from controller.policies.words import DEFAULT_ZONE
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.policy import zone


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may approve: by their own right, or as the deputy of `for_person`."""

    person: Person
    for_person: Person | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """An approver who is on leave, and who approves instead, if anybody does."""

    deputy: Person | None

    @property
    def vi(self) -> str:
        """As the approver is told who asks to decide nevertheless."""
        instead = f"{self.deputy.name} duyệt thay" if self.deputy else "chưa cử ai duyệt thay"
        return f"hôm nay bạn đang nghỉ nên không duyệt; {instead}"


def local_day(now: datetime) -> date:
    """The day that people in Vietnam have at an instant; grants and leaves are days of theirs."""
    return now.astimezone(zone(DEFAULT_ZONE)).date()


async def approvers(session: AsyncSession, unit_id: str, on: date, *, writers: Collection[str] = ()) -> list[Approver]:
    """Everybody who may approve for the unit that day, those by their own right first; maybe nobody.

    With `writers`: none of them, nor who stands in for one of them. One person may stand in for several, and is named
    once for each; `notices.tell` tells each person once.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require(session, unit_id)
    stands = rules.independent(await _stands(session, unit_id, on), writers)
    people = await store.named(session, {key for one in stands for key in (one.person_id, one.for_id) if key})
    return [_approver(one, people) for one in stands]


async def may_approve(
    session: AsyncSession, person_id: str, unit_id: str, on: date, *, writers: Collection[str] = ()
) -> Approver | None:
    """As whom this person approves for the unit that day, by their own right if they have it; None: they may not."""
    stands = rules.independent(await _stands(session, unit_id, on), writers)
    stand = rules.stand_of(stands, person_id)
    if stand is None:
        return None
    people = await store.named(session, {key for key in (stand.person_id, stand.for_id) if key})
    return _approver(stand, people)


async def units_of(session: AsyncSession, person_id: str, unit_ids: Iterable[str], on: date) -> dict[str, list[Stand]]:
    """For which of the units this person approves that day, and as whom, in as few queries as for one unit."""
    chains = await unit_store.chains(session, unit_ids)
    held = await store.held(session, sorted({one for chain in chains.values() for one in chain}), Role.APPROVER)
    away, here = await _absences(session, {one.person_id for one in held}, on)
    by_unit: dict[str, list[Held]] = {}
    for one in held:
        by_unit.setdefault(one.unit_id, []).append(one)
    found: dict[str, list[Stand]] = {}
    for unit_id, chain in chains.items():
        near = [one for above in chain for one in by_unit.get(above, ())]
        stands = [one for one in rules.approvers(chain, near, away, here=here, on=on) if one.person_id == person_id]
        if stands:
            found[unit_id] = stands
    return found


async def absent(session: AsyncSession, person_id: str, unit_id: str, on: date) -> Absent | None:
    """Whether only a leave keeps this person from approving for the unit that day; None: it does not."""
    if Stand(person_id) not in await _stands(session, unit_id, on, as_if_here=True):
        return None
    stands = await _stands(session, unit_id, on)
    if Stand(person_id) in stands:
        return None
    deputies = await store.named(session, {one.person_id for one in stands if one.for_id == person_id})
    return Absent(next(iter(deputies.values()), None))


async def _stands(session: AsyncSession, unit_id: str, on: date, *, as_if_here: bool = False) -> tuple[Stand, ...]:
    """`as_if_here`: as if nobody were on leave."""
    chain = await unit_store.chain(session, unit_id)
    held = await store.held(session, chain, Role.APPROVER)
    away, here = await _absences(session, {one.person_id for one in held}, on, as_if_here=as_if_here)
    return rules.approvers(chain, held, away, here=here, on=on)


async def _absences(
    session: AsyncSession, holders: set[str], on: date, *, as_if_here: bool = False
) -> tuple[list[Away], frozenset[str]]:
    """Leaves of those who hold a role and of their deputies that day, and who of all these has not left for good."""
    away = [] if as_if_here else await store.away(session, holders, on)
    deputies = {one.deputy_id for one in away if one.deputy_id is not None} - holders
    away += await store.away(session, deputies, on)
    return away, frozenset(await store.here(session, holders | deputies))


def _approver(stand: Stand, people: dict[str, Person]) -> Approver:
    return Approver(people[stand.person_id], None if stand.for_id is None else people[stand.for_id])
