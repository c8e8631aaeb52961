"""Tallies are what the ledger says: of any answers in any order, late ones too, at every unit that they are kept of."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select

from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.receipts import service as ledger
from controller.results import tallying
from controller.results.tables import Fault, Tally
from controller.runtime.database import Database
from controller.units import service as units
from loa_protocol.outcomes import Outcome
from tests.fakes.commune import COMMUNE, Commune, commune

IN_A_VILLAGE = ("loa-5", "loa-6")
OUTCOMES = ("played", "played", "failed", "unknown", "interrupted", "played")


async def _village(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        await units.create(session, unit_id="thon", name="Thôn Đông", kind="village", parent_id=COMMUNE)
        for one in IN_A_VILLAGE:
            await xa.register(session, one, "thon")


async def _closed(xa: Commune, outcomes: Sequence[str], **asked: object) -> str:
    """A broadcast that is over, with these answers of the devices in their order."""
    made = await xa.broadcast(**asked)
    xa.clock.move(minutes=2)
    async with xa.db.transaction() as session:
        await ledger.tick(session, xa.clock.now())
        for number, outcome in enumerate(outcomes, 1):
            (await session.get_one(LedgerRow, (made, f"loa-{number}"))).outcome = outcome
        (await session.get_one(BroadcastRow, made)).closed_at = xa.clock.now()
    return made


async def _tally(xa: Commune) -> int:
    return await xa.db.attempt(lambda session: tallying.tally(session, xa.clock.now()))


async def _kept(db: Database, broadcast_id: str) -> dict[str, Tally]:
    async with db.reading() as session:
        found = await session.scalars(select(Tally).where(Tally.broadcast_id == broadcast_id))
        return {one.unit_id: one for one in found}


async def test_a_closed_broadcast_is_counted_once_from_the_commune_upwards(database: str) -> None:
    async with commune(database, ["loa-1", "loa-2", "loa-3", "loa-4"]) as xa:
        await _village(xa)
        made = await _closed(xa, OUTCOMES)
        counted = await _tally(xa)
        again = await _tally(xa)
        kept = await _kept(xa.db, made)

    assert (counted, again) == (1, 0)
    assert kept.keys() == {COMMUNE, "tinh"}
    for one in kept.values():
        assert one.expected == len(OUTCOMES)
        assert {str(o): getattr(one, o) for o in Outcome if getattr(one, o)} == Counter(OUTCOMES)


async def test_a_late_answer_is_counted_anew(database: str) -> None:
    async with commune(database, ["loa-1", "loa-2"]) as xa:
        made = await _closed(xa, ["played", "unknown"])
        await _tally(xa)
        async with xa.db.transaction() as session:
            (await session.get_one(LedgerRow, (made, "loa-2"))).outcome = "played"
            await tallying.recount(session, [made])
        between = (await xa.row(made)).tallied_at
        await _tally(xa)
        kept = await _kept(xa.db, made)

    assert between is None
    assert (kept[COMMUNE].played, kept[COMMUNE].unknown) == (2, 0)


async def test_what_is_still_open_is_not_counted(database: str) -> None:
    async with commune(database) as xa:
        made = await xa.broadcast()
        xa.clock.move(minutes=1)
        async with xa.db.transaction() as session:
            await ledger.tick(session, xa.clock.now())
            await tallying.recount(session, [made])
        counted = await _tally(xa)

    assert counted == 0


async def test_a_fault_stands_until_the_device_plays_something_later(database: str) -> None:
    async with commune(database, ["loa-1", "loa-2"]) as xa:
        first = await _closed(xa, ["failed", "failed"])
        await _tally(xa)
        noted = await _faults(xa)
        second = await _closed(xa, ["played", "interrupted"])
        await _tally(xa)
        after = await _faults(xa)
        async with xa.db.transaction() as session:
            await tallying.recount(session, [first])
        await _tally(xa)
        old_again = await _faults(xa)

    assert noted == {"loa-1": first, "loa-2": first}
    assert after == {"loa-2": second}
    assert old_again == {"loa-2": second}


async def _faults(xa: Commune) -> dict[str, str]:
    async with xa.db.reading() as session:
        return {one.device_id: one.broadcast_id for one in await session.scalars(select(Fault))}
