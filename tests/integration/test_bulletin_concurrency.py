"""Two people at one bulletin at the same moment, each in a process of his own: one after the other, or refused.

The first transaction is held open until the second one waits for it; on SQLite, where writers queue up, the same
promises hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import placing, service, unit_rules, watch
from controller.bulletins.places import NewPlacement
from controller.bulletins.rules import BulletinMovedOn, BulletinStateWrong
from controller.bulletins.tables import Bulletin
from controller.bulletins.unit_rules import BulletinRulesMovedOn
from controller.runtime.database import Database
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.newsroom import Newsroom, newsroom, written
from tests.fakes.station import EVENING, programme, slot

LOCK_WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
Work = Callable[[AsyncSession], Awaitable[Any]]


@pytest.fixture
async def room(database: str) -> AsyncIterator[Newsroom]:
    async with newsroom(database) as made:
        yield made


@pytest.fixture
async def other(room: Newsroom, database: str) -> AsyncIterator[Newsroom]:
    """The same newsroom from another process."""
    db = Database(database)
    yield replace(room, db=db)
    await db.close()


async def meet(room: Newsroom, first: Work, second: Awaitable[Any]) -> BaseException | Any:
    """`second` begins while `first` is done and not committed; gives what became of it."""
    async with room.station.xa.db.transaction() as session:
        await first(session)
        task = asyncio.ensure_future(second)
        await _stuck_or_done(room, task)
    return (await asyncio.gather(task, return_exceptions=True))[0]


async def _stuck_or_done(room: Newsroom, task: "asyncio.Future[Any]") -> None:
    if room.station.xa.db.engine.dialect.name == "sqlite":
        return
    async with asyncio.timeout(10):
        while not task.done():
            async with room.station.xa.db.engine.connect() as connection:
                if await connection.scalar(LOCK_WAITS):
                    return
            await asyncio.sleep(0.01)


async def in_review(room: Newsroom, **changes: Any) -> Bulletin:
    row = await room.create(written(**changes))
    return await room.submit(row)


def approve(room: Newsroom, row: Bulletin, revision: int, by: str = "hung") -> Work:
    terms = room.station.terms
    return lambda session: service.approve(session, row.id, revision, by=room.by(by), why="", terms=terms)


def withdraw(room: Newsroom, row: Bulletin) -> Work:
    terms = room.station.terms
    return lambda session: service.withdraw(session, row.id, by=room.by("hung"), why="Sai", terms=terms)


def edit(room: Newsroom, row: Bulletin, expected: int) -> Work:
    text = written("Bản sửa")
    return lambda session: service.edit(
        session, row.id, text, expected=expected, by=room.by("lan"), note="", now=room.now
    )


async def test_of_two_approvers_at_once_one_approves_and_it_is_broadcast_once(room: Newsroom, other: Newsroom) -> None:
    row = await in_review(room)
    await room.place_at(row, 3600)
    await room.place(row, slot=COMMUNE)

    became = await meet(room, approve(room, row, 1, "hung"), other.approve(row, 1, "mai"))

    assert isinstance(became, BulletinStateWrong)
    assert [one.step for one in await room.steps(row)].count("approved") == 1
    assert (len(await room.broadcasts()), len(await room.waiting())) == (1, 1)


async def test_whoever_approves_beside_an_edit_approves_what_he_read_or_nothing(
    room: Newsroom, other: Newsroom
) -> None:
    first, second = await in_review(room), await in_review(room, title="Hai")

    late = await meet(room, edit(room, first, 1), other.approve(first, 1))
    await meet(room, approve(room, second, 1), other.edit(second, 1))

    assert isinstance(late, BulletinMovedOn)
    assert ((await room.row(first)).state, (await room.row(first)).approved_revision) == ("in_review", None)
    stands = await room.row(second)
    assert (stands.state, stands.head, stands.approved_revision) == ("in_review", 2, 1)


async def test_of_two_edits_at_once_one_is_told(room: Newsroom, other: Newsroom) -> None:
    row = await room.create()

    became = await meet(room, edit(room, row, 1), other.edit(row, 1))

    assert isinstance(became, BulletinMovedOn)
    assert (await room.row(row)).head == 2


async def test_a_withdrawal_beside_an_approval_leaves_nothing_on_the_air(room: Newsroom, other: Newsroom) -> None:
    await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
    first, second = await in_review(room), await in_review(room, title="Hai")
    for row in (first, second):
        await room.place_at(row, 3600)
        await room.place(row, slot=COMMUNE)

    late = await meet(room, withdraw(room, first), other.approve(first, 1))
    became = await meet(room, approve(room, second, 1), other.withdraw(second))

    assert isinstance(late, BulletinStateWrong)
    assert not isinstance(became, BaseException)
    for row in (first, second):
        stands = await room.row(row)
        assert (stands.state, stands.approved_revision) == ("withdrawn", None)
        assert {one.state for one in await room.placements(row)} == {"withdrawn"}
    assert (await room.broadcasts(), await room.waiting(), await room.station.rows()) == ([], [], [])


async def test_a_placement_beside_an_approval_or_a_withdrawal_follows_it(room: Newsroom, other: Newsroom) -> None:
    row = await in_review(room)

    await meet(room, approve(room, row, 1), other.place_at(row, 3600))
    placed = [one.state for one in await room.placements(row)]
    late = await meet(room, withdraw(room, row), other.place_at(row, 7200))

    assert placed == ["placed"]
    assert isinstance(late, BulletinStateWrong)
    assert await room.broadcasts() == []


async def test_the_clock_leaves_a_bulletin_alone_that_somebody_is_deciding_on(room: Newsroom, other: Newsroom) -> None:
    row = await in_review(room)
    await room.place_at(row, 60)
    room.station.xa.clock.move(seconds=35)
    terms = room.station.terms

    await meet(room, approve(room, row, 1), watch.tick(other.db or room.station.xa.db, terms))
    await room.tick()

    assert await room.misses(row) == []
    assert len(await room.broadcasts()) == 1


async def test_two_ticks_at_once_let_a_start_pass_once(room: Newsroom, other: Newsroom) -> None:
    row = await in_review(room)
    await room.place_at(row, 60, fallback_asset="tin")
    room.station.xa.clock.move(seconds=35)
    terms = room.station.terms
    dbs = (room.station.xa.db, other.db or room.station.xa.db)

    await asyncio.gather(*(watch.tick(db, terms) for db in dbs * 3))

    assert len(await room.misses(row)) == 1
    assert len(await room.broadcasts()) == 1
    assert [kind for _, kind in await room.told()].count("skipped") == 3


async def test_of_two_who_change_a_units_rules_one_is_told(room: Newsroom, other: Newsroom) -> None:
    wanted = unit_rules.Wanted(self_approval=True)
    put: Work = lambda session: unit_rules.put(  # noqa: E731 - one of two in the test
        session, COMMUNE, wanted, expected=None, by=room.by("tu"), why="Quy chế", now=room.now
    )

    became = await meet(room, put, other.rule(self_approval=False))

    assert isinstance(became, BulletinRulesMovedOn)


@pytest.mark.long
async def test_whatever_everybody_does_at_once_only_what_was_approved_is_on_the_air(
    room: Newsroom, other: Newsroom
) -> None:
    await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
    for turn in range(20):
        row = await in_review(room, title=f"Tin {turn}")
        start = room.now + timedelta(hours=1)

        async def placed(session: AsyncSession, row: Bulletin = row, start: Any = start) -> None:
            held = await service.held(session, row.id)
            wanted = NewPlacement(to=[SCOPE], start=start)
            await placing.add(session, held, wanted, by=room.by("hung"), terms=room.station.terms)

        everybody = [
            room.approve(row, 1, "hung"),
            other.approve(row, 1, "mai"),
            other.edit(row, 1),
            room.write(placed),
            other.place(row, slot=COMMUNE),
            room.withdraw(row) if turn % 2 else other.write(placed),
        ]
        await asyncio.gather(*everybody, return_exceptions=True)

        stands = await room.row(row)
        states = [(one.state, one.revision) for one in await room.placements(row)]
        if stands.approved_revision is None:
            assert not [one for one in states if one[0] == "placed"]
            assert f"Tin {turn}" not in {one.title for one in (*await room.broadcasts(), *await room.waiting())}
        else:
            assert {one for one in states if one[0] == "placed"} <= {("placed", stands.approved_revision)}
            assert not [one for one in states if one[0] == "reserved"]
