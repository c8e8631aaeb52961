"""What waits for an approver, and what is told of one bulletin for deciding on it; on both databases."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, true

from controller.bulletins import awaiting, reviewing
from controller.bulletins.awaiting import Cursor, Queue
from controller.bulletins.reviewing import Review
from controller.bulletins.tables import Bulletin
from controller.notices.tables import Notice
from controller.people import leaves
from controller.people.rules import Role
from controller.units import service as units
from tests.fakes.commune import COMMUNE
from tests.fakes.newsroom import Newsroom, newsroom, written
from tests.fakes.station import EVENING, programme, slot

DAYS = date(2020, 1, 1), date(2099, 1, 1)


@pytest.fixture
async def room(database: str) -> AsyncIterator[Newsroom]:
    async with newsroom(database) as made:
        yield made


async def queue(room: Newsroom, who: str, limit: int = 50, after: Cursor | None = None) -> Queue:
    async with room.station.xa.db.reading() as session:
        return await awaiting.waiting(session, room.id_of(who), true(), now=room.now, limit=limit, after=after)


async def review(room: Newsroom, row: Bulletin, who: str, *, permitted: bool = True) -> Review:
    async with room.station.xa.db.reading() as session:
        stands = await session.get_one(Bulletin, row.id)
        return await reviewing.review(session, stands, room.id_of(who), permitted=permitted, now=room.now)


async def waiting(room: Newsroom, title: str, **changes: Any) -> Bulletin:
    row = await room.create(written(title, **changes))
    await room.submit(row)
    room.station.xa.clock.move(seconds=1)
    return row


async def test_the_longest_waiting_comes_first_page_after_page(room: Newsroom) -> None:
    rows = [await waiting(room, f"Tin {number}") for number in range(3)]
    first = await queue(room, "hung", limit=2)
    last = first.items[-1]
    second = await queue(room, "hung", limit=2, after=Cursor(last.since, last.row.id))

    assert [one.row.id for one in (*first.items, *second.items)] == [row.id for row in rows]
    assert (first.total, first.more, second.more) == (3, True, False)
    assert (first.items[0].unit, first.items[0].author) == ("Xã An Bình", "lan")


async def test_nothing_waits_for_who_does_not_approve_there(room: Newsroom) -> None:
    await waiting(room, "Tin")
    await room.person("tinh", Role.APPROVER, unit="tinh")

    assert (await queue(room, "lan")).items == []
    assert (await queue(room, "tinh")).items == [], "the commune has approvers of its own"


async def test_a_provinces_approver_decides_where_a_commune_has_none(room: Newsroom) -> None:
    async def more(session: Any) -> None:
        await units.create(session, unit_id="xa-khac", name="Xã Khác", kind="commune", parent_id="tinh")

    await room.write(more)
    tinh = await room.person("tinh", Role.APPROVER, unit="tinh")
    row = await waiting(room, "Tin")
    async with room.station.xa.db.transaction() as session:
        (await session.get_one(Bulletin, row.id)).unit_id = "xa-khac"

    found = await queue(room, "tinh")

    assert [one.row.id for one in found.items] == [row.id]
    assert tinh.person_id == room.id_of("tinh")
    assert (await queue(room, "hung")).total == 0


async def test_a_deputy_sees_what_waits_for_the_absent_and_the_absent_nothing(room: Newsroom) -> None:
    hung, tu = room.id_of("hung"), room.id_of("tu")
    await room.write(
        lambda s: leaves.take_leave(s, hung, first_day=DAYS[0], last_day=DAYS[1], deputy_id=tu, by=None, now=room.now)
    )
    row = await waiting(room, "Tin")
    deputy = (await queue(room, "tu")).items

    assert [(one.row.id, one.stand.for_id) for one in deputy] == [(row.id, hung)]
    assert (await queue(room, "hung")).items == []
    assert (await review(room, row, "tu")).decision.for_person == "hung"
    absent = (await review(room, row, "hung")).decision
    assert (absent.may, absent.why_not) == (False, "not_approver")
    assert "đang nghỉ" in absent.vi


async def test_who_wrote_it_is_told_that_others_decide_unless_the_unit_lets_them(room: Newsroom) -> None:
    await room.person("ca-hai", Role.OPERATOR, Role.APPROVER)
    row = await room.create(by="ca-hai")
    await room.submit(row, by="ca-hai")
    before = (await queue(room, "ca-hai")).items, (await review(room, row, "ca-hai")).decision
    await room.rule(self_approval=True)
    after = (await queue(room, "ca-hai")).items, (await review(room, row, "ca-hai")).decision

    assert [one.own for one in before[0]] == [True]
    assert (before[1].may, before[1].why_not) == (False, "own")
    assert [one.own for one in after[0]] == [False]
    assert (after[1].may, after[1].by_rule) == (True, True)


async def test_when_it_should_be_on_air_is_the_soonest_of_its_places(room: Newsroom) -> None:
    await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
    row = await room.create()
    await room.place(row, by="lan", slot=COMMUNE)
    placed = await room.place_at(row, 2 * 3600, by="lan")
    await room.submit(row)
    bare = await waiting(room, "Chưa đặt nơi phát")

    found = await review(room, row, "hung")

    firsts = {one.row.id: one.first for one in (await queue(room, "hung")).items}
    assert firsts == {row.id: placed.start, bare.id: None}
    assert found.first == placed.start
    assert [(one.names, one.speakers, one.boards) for one in found.places] == [(["Xã An Bình"], 2, 0)] * 2
    slot_start = found.places[1].start
    assert slot_start is not None
    assert (slot_start + timedelta(hours=7)).hour == 17


async def test_what_was_changed_since_it_was_given_back_is_told(room: Newsroom) -> None:
    row = await waiting(room, "Tin")
    first = await review(room, row, "hung")
    await room.give_back(row, why="Sai ngày")
    await room.edit(row, 1, written("Tin đã sửa"))
    await room.submit(row)

    again = await review(room, row, "hung")

    assert (first.base, first.changes, first.returned) == (None, [], None)
    assert again.returned is not None
    assert (again.returned.why, again.returned_by, again.base, again.base_step) == ("Sai ngày", "hung", 1, "returned")
    assert [(one.field, one.before, one.after) for one in again.changes] == [("title", "Tin", "Tin đã sửa")]


async def test_what_is_decided_already_offers_no_decision(room: Newsroom) -> None:
    row = await room.approved()
    decided = (await review(room, row, "mai")).decision

    assert (decided.may, decided.why_not) == (False, "state")
    assert (await queue(room, "mai")).total == 0


async def test_every_notice_of_a_bulletin_leads_to_where_it_is_decided_on(room: Newsroom) -> None:
    row = await waiting(room, "Tin")
    await room.give_back(row)
    async with room.station.xa.db.reading() as session:
        paths = set(await session.scalars(select(Notice.path)))

    assert paths == {f"/review/{row.id}"}
