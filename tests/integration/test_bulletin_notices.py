"""What people are told about bulletins: who is told, once, and with what they need to decide."""

import shutil
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.routing import Match

from controller.notices.tables import Notice
from controller.people import leaves
from controller.web import review
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.databases import sqlite_url
from tests.fakes.newsroom import Newsroom, furnished_file, newsroom_at, written
from tests.fakes.station import EVENING, programme, slot


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsroom in a file, made once."""
    return furnished_file(tmp_path_factory.mktemp("furnished"))


@pytest.fixture
async def room(furnished: Path, tmp_path: Path) -> AsyncIterator[Newsroom]:
    shutil.copy(furnished, tmp_path / "loa.db")
    async with newsroom_at(sqlite_url(tmp_path)) as made:
        yield made


async def letters(room: Newsroom, kind: str) -> dict[str, Notice]:
    """Who was told → the last notice of a kind."""
    names = {actor.person_id: name for name, actor in room.actors.items()}
    query = select(Notice).where(Notice.kind == f"bulletin_{kind}").order_by(Notice.created_at, Notice.id)
    async with room.station.xa.db.reading() as session:
        return {names[row.person_id]: row for row in await session.scalars(query)}


async def test_whoever_is_asked_reads_who_wrote_it_where_it_goes_until_when_and_how_it_begins(room: Newsroom) -> None:
    row = await room.create()
    one = await room.place_at(row, 2 * 3600)
    await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
    await room.place(row, slot=COMMUNE)
    await room.submit(row)

    told = (await letters(room, "submitted"))["hung"]
    start = one.start
    assert start is not None
    local = f"{start + timedelta(hours=7):%H:%M ngày %d/%m/%Y}"
    assert "của lan, " in told.text
    assert f"• {local}, " in told.text
    assert f"Cần duyệt trước {local}" in told.text
    assert "• buổi phát gần nhất " in told.text
    assert "trong các buổi phát của " in told.text
    assert "Mời bà con đưa trẻ đi tiêm." in told.text
    assert f"loa bulletin show {row.id}" in told.text
    assert f"u-{COMMUNE}" not in told.text


async def test_a_deputy_is_told_for_whom_he_decides(room: Newsroom) -> None:
    day = date(2020, 1, 1), date(2099, 1, 1)
    hung, tu = room.id_of("hung"), room.id_of("tu")
    await room.write(
        lambda s: leaves.take_leave(s, hung, first_day=day[0], last_day=day[1], deputy_id=tu, by=None, now=room.now)
    )
    row = await room.create()
    await room.submit(row)

    told = await letters(room, "submitted")
    assert set(told) == {"tu", "mai"}
    assert "chờ bạn duyệt thay hung." in told["tu"].text
    assert "chờ bạn duyệt." in told["mai"].text


async def test_a_draft_that_nobody_submitted_reminds_its_author_alone_and_only_until_the_start(room: Newsroom) -> None:
    row = await room.create()
    one = await room.place_at(row, 3600 - 1)
    await room.tick()

    told = await letters(room, "unapproved")
    assert set(told) == {"lan"}
    assert "chưa trình duyệt" in told["lan"].text
    assert told["lan"].useful_until == one.start


async def test_two_places_within_one_minute_are_told_of_once(room: Newsroom) -> None:
    row = await room.create()
    await room.submit(row)
    start = (room.now + timedelta(minutes=50)).replace(second=5)
    for seconds in (0, 20):
        await room.place(row, to=[SCOPE], start=start + timedelta(seconds=seconds))
    await room.tick()
    reminded = await room.told()
    room.station.xa.clock.at = start
    await room.tick()

    assert sorted(one for one in reminded if one[1] == "unapproved") == [
        ("hung", "unapproved"),
        ("lan", "unapproved"),
        ("mai", "unapproved"),
    ]
    assert [kind for _, kind in await room.told()].count("skipped") == 3
    assert len(await room.misses(row)) == 2


async def test_an_approval_that_comes_too_late_does_not_promise_that_it_plays(room: Newsroom) -> None:
    row = await room.create()
    await room.submit(row)
    await room.place_at(row, 600)
    room.station.xa.clock.move(hours=1)
    await room.tick()
    await room.approve(row, 1)
    late = (await letters(room, "approved"))["lan"].text
    room.station.xa.clock.move(seconds=1)
    other = await room.create(written("Họp thôn"))
    await room.submit(other)
    await room.place_at(other, 600)
    await room.approve(other, 1)

    assert "Không còn nơi phát nào" in late
    assert "Sẽ phát" not in late
    assert "Sẽ phát:\n• " in (await letters(room, "approved"))["lan"].text


async def test_no_notice_leads_to_a_page_that_does_not_exist(room: Newsroom) -> None:
    row = await room.approved()
    await room.withdraw(row)

    async with room.station.xa.db.reading() as session:
        rows = (await session.scalars(select(Notice))).all()
    asked = [{"type": "http", "method": "GET", "path": one.path, "root_path": ""} for one in rows]
    assert {one.path for one in rows} == {f"/review/{row.id}"}
    assert all(any(route.matches(one)[0] is Match.FULL for route in review.routes) for one in asked)
    assert f"loa bulletin withdrawal {row.id}" in (await letters(room, "withdrawn"))["lan"].text
