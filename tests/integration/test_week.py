"""A unit’s week: what sounds when, lunar days and holidays, lengths, what was skipped, what stands against it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from controller.broadcasts import service as broadcasts
from controller.policies import document as policy_document
from controller.policies import service as policies
from controller.schedules.sheets import workbooks
from controller.units import service as units
from controller.week import rules, service, sheet
from controller.week.rules import WeekInvalid
from controller.week.service import Entry, Found
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.newsroom import Newsroom, newsroom, written
from tests.fakes.station import EVENING, MORNING, NEWS, PROGRAMME, programme, slot

NEXT = rules.named("2026-W48")
WEDNESDAY = "2026-11-25T05:00"


@pytest.fixture
async def room(database: str) -> AsyncIterator[Newsroom]:
    async with newsroom(database) as made:
        made.station.ahead = timedelta(days=14)
        yield made


async def looked(room: Newsroom, unit: str = COMMUNE, week: rules.Week = NEXT) -> Found:
    async with room.station.xa.db.reading() as session:
        return await service.week(session, unit, week, now=room.now)


async def entry(room: Newsroom, original: str, unit: str = COMMUNE) -> Entry:
    return next(one for one in (await looked(room, unit)).entries if one.original == original)


def places(found: Found, kind: str = "session") -> list[str]:
    return [f"{one.start.astimezone(rules.ZONE):%d %H:%M}" for one in found.entries if one.kind == kind]


async def test_each_session_is_told_with_what_is_in_it_and_how_full_it_is(room: Newsroom) -> None:
    relay = {"kind": "relay", "title": "VOV1", "url": "https://vov.example/vov1", "duration_s": 600}
    await room.station.save(programme({**EVENING, "length_s": 1800, "segments": [relay, NEWS, slot(300)]}))
    await room.station.hand_in("Cắt nước", "tin")
    found = await looked(room)
    first = found.entries[0]

    assert places(found) == [f"{day} 17:00" for day in range(23, 30)]
    assert [(one.kind, one.title, list(one.items)) for one in first.parts] == [
        ("relay", "VOV1", []),
        ("own", "tin", []),
        ("bulletins", "Bản tin", ["Cắt nước"]),
    ]
    assert (first.length_ms, first.sound_ms, first.owner) == (1_800_000, 720_000, "Xã An Bình")
    assert (found.foreseen, [name for _, name in found.above]) == (True, ["Tỉnh"])


async def test_what_was_moved_or_skipped_once_is_told_so(room: Newsroom) -> None:
    await room.station.save(programme(MORNING))
    await room.station.change(session="sang", occurrence=WEDNESDAY, start="2026-11-25T06:10", note="Họp")
    await room.station.change(session="sang", occurrence="2026-11-26T05:00", cancel=True)
    found = await looked(room)
    moved, skipped = await entry(room, WEDNESDAY), await entry(room, "2026-11-26T05:00")

    assert places(found) == ["23 05:00", "24 05:00", "25 06:10", "27 05:00", "28 05:00", "29 05:00"]
    assert (moved.moved, moved.note, moved.revision) == (True, "Họp", 3)
    assert (skipped.kind, places(found, "skipped")) == ("skipped", ["26 05:00"])


async def test_what_the_rules_of_the_air_keep_silent_is_told_with_its_reason(room: Newsroom) -> None:
    await room.station.save(programme(MORNING))
    rules_of = policy_document.read({"blackouts": [{"from": "2026-11-25", "to": "2026-11-25", "title": "Quốc tang"}]})
    await room.write(lambda s: policies.put(s, SCOPE, rules_of, expected=None, by="", now=room.now))
    silent, other = await entry(room, WEDNESDAY), await entry(room, "2026-11-26T05:00")

    assert [(one.because, one.ruled, one.devices, one.of, one.then) for one in silent.troubles] == [
        ("blackout", True, 2, 2, None)
    ]
    assert "Xã An Bình" in silent.troubles[0].vi
    assert other.troubles == ()


async def test_what_gives_way_to_another_is_told_which(room: Newsroom) -> None:
    await room.station.save(programme(MORNING))
    tinh = programme(
        {**MORNING, "id": "tinh", "title": "Thời sự tỉnh", "level": "priority", "at": "04:59"},
        id="ct-tinh",
        unit="tinh",
        authority=10,
    )
    tinh["sessions"][0]["segments"] = [NEWS, {"kind": "pause", "duration_ms": 600_000}, NEWS]
    await room.station.save(tinh)
    found = await looked(room)
    own = await entry(room, WEDNESDAY)

    assert {one.title for one in found.entries} == {"Buổi sáng", "Thời sự tỉnh"}
    assert [one.owner for one in found.entries if one.programme == "ct-tinh"] == ["Tỉnh"] * 7
    assert own.troubles
    assert "Thời sự tỉnh" in own.troubles[0].vi
    assert not own.troubles[0].ruled


async def test_a_programme_of_above_is_told_only_where_it_is_heard(room: Newsroom) -> None:
    async def more(session: Any) -> None:
        await units.create(session, unit_id="xa-khac", name="Xã Khác", kind="commune", parent_id="tinh")

    await room.write(more)
    to_other = {**EVENING, "id": "khac", "to": ["u-xa-khac"]}
    await room.station.save(programme(MORNING, to_other, id="ct-tinh", unit="tinh"))

    assert {one.session for one in (await looked(room)).entries} == {"sang"}
    assert {one.session for one in (await looked(room, "xa-khac")).entries} == {"sang", "khac"}
    assert {one.id for one in (await looked(room, "tinh")).below} == {COMMUNE, "xa-khac"}


async def test_single_broadcasts_and_bulletins_that_wait_stand_in_the_week(room: Newsroom) -> None:
    row = await room.create(written("Tiêm phòng"))
    await room.place_at(row, 3 * 86_400, by="lan")
    await room.submit(row)
    waiting = (await looked(room)).entries
    await room.approve(row, 1)
    approved = (await looked(room)).entries

    assert [(one.kind, one.title, one.bulletin, one.state) for one in waiting] == [
        ("waiting", "Tiêm phòng", row.id, "in_review")
    ]
    assert [(one.kind, one.bulletin) for one in approved] == [("single", row.id)]
    assert (await looked(room, week=rules.named("2026-W49"))).entries == []


async def test_what_was_taken_back_by_hand_stays_told(room: Newsroom) -> None:
    await room.station.save(programme(MORNING))
    made = await entry(room, WEDNESDAY)
    async with room.station.xa.db.transaction() as session:
        await broadcasts.cancel(session, made.id, now=room.now)

    assert (await entry(room, WEDNESDAY)).taken_back
    assert made.programme == PROGRAMME


async def test_what_has_begun_is_told_as_it_was_sent(room: Newsroom) -> None:
    await room.station.save(programme({**MORNING, "segments": [slot(600)]}))
    await room.station.hand_in("Cắt nước", "tin")
    room.station.xa.clock.at = datetime(2026, 11, 26, tzinfo=UTC)
    await room.station.hand_in("Sau đó", "tin")
    begun = await entry(room, WEDNESDAY)

    assert (begun.begun, begun.sound_ms, list(begun.parts[0].items)) == (True, 60_000, ["Cắt nước"])


async def test_the_table_has_a_row_for_everything_and_no_formula(room: Newsroom) -> None:
    await room.station.save(programme({**MORNING, "title": "=1+1", "segments": [NEWS, slot(300)]}))
    await room.station.change(session="sang", occurrence=WEDNESDAY, start="2026-11-25T06:10", note="Họp")
    found = await looked(room)
    content = sheet.as_xlsx(found.unit.name, NEXT, [rules.day(one) for one in NEXT.days], found.entries)
    rows = await workbooks.rows_of(content)

    assert rows[0][0] == "Lịch phát tuần 23/11–29/11/2026: Xã An Bình"
    assert len(rows) == 2 + 7
    assert rows[4][:5] == ["Thứ Tư 25/11", "17/10", "06:10", "=1+1", "Tự sản xuất tin\nBản tin Bản tin"]
    assert rows[4][8] == "dời từ 25/11 05:00; Họp"


def test_the_week_of_tet_has_its_lunar_days_and_holidays() -> None:
    days = [rules.day(one) for one in rules.named("2027-W05").days]

    assert days[0].date == date(2027, 2, 1)
    assert [(one.lunar.day, one.lunar.month, one.holiday) for one in days[3:]] == [
        (28, 12, ""),
        (29, 12, "tet"),
        (1, 1, "tet"),
        (2, 1, "tet"),
    ]
    assert rules.day(date(2026, 9, 2)).holiday == "national"
    assert rules.day(date(2027, 4, 16)).holiday == "hung_kings"
    assert rules.day(date(2026, 11, 24), {date(2026, 11, 24)}).holiday == "local"


@pytest.mark.parametrize("text", ["2026-48", "2026-W54", "2026-W00", "1900-W10", "２０２６-W48", "2026-W48\n"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(WeekInvalid):
        rules.named(text)


def test_a_week_has_a_name_a_first_and_a_last_instant() -> None:
    week = rules.week_of(date(2027, 1, 3))

    assert (week.name, week.first, week.last) == ("2026-W53", date(2026, 12, 28), date(2027, 1, 3))
    assert (week.begin, week.end - week.begin) == (datetime(2026, 12, 27, 17, tzinfo=UTC), timedelta(days=7))
