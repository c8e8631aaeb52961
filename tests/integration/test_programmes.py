"""From a saved programme to broadcasts: what is made, changed and taken back, and what is left alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from controller.broadcasts import service as broadcasts
from controller.broadcasts.tables import BroadcastRow, LedgerRow
from controller.delivery.rules import PlanTooLarge
from controller.receipts import service as ledger
from controller.schedules import horizon, service
from controller.schedules.accepting import ProgrammeInvalid
from controller.schedules.effects import TooSoonToChange
from controller.schedules.service import OccurrenceStarted, OccurrenceTakenBack, ProgrammeMovedOn, SaveRequest
from controller.schedules.slots.service import ItemChange, SlotItemInvalid, SlotItemUnknown, alter, order, withdraw
from controller.schedules.tables import ProgrammeChange, ProgrammeRevision, ProgrammeRow
from controller.units import service as units
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.station import EVENING, MORNING, PROGRAMME, Station, programme, slot, station

SUNDAY = "2026-11-22T17:00"
UTC_7 = timedelta(hours=7)
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no query decides."""


@pytest.fixture
async def dai(database: str) -> AsyncIterator[Station]:
    async with station(database) as made:
        yield made


def _keys(rows: Any) -> list[tuple[str, int]]:
    return [(row.id, row.rev) for row in rows]


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - UTC_7


async def _row(dai: Station, start: str) -> BroadcastRow:
    (found,) = [row for row in await dai.rows() if row.start == _local(start)]
    return found


async def test_a_saved_programme_is_made_over_the_whole_horizon(dai: Station) -> None:
    saved = await dai.save()

    rows = await dai.rows()
    assert (rows[0].start, rows[0].session_id) == (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), "chieu")
    assert rows[-1].start < dai.terms.until <= rows[-1].start + timedelta(days=1)
    assert saved.effect.added == len(rows) == 30
    assert saved.effect.devices == 2
    assert {one.id for one in (await dai.plan()).broadcasts} < {row.id for row in rows}
    assert await dai.wanted() == {SCOPE: 1}


async def test_saving_the_same_again_changes_nothing(dai: Station) -> None:
    first = await dai.save()
    before = _keys(await dai.rows())
    await dai.wanted()

    again = await dai.save()

    assert again.revision == first.revision
    assert (again.effect.added, again.effect.changed, again.effect.withdrawn) == (0, 0, 0)
    assert _keys(await dai.rows()) == before
    assert await dai.wanted() == {}


async def test_changing_one_session_touches_only_its_broadcasts(dai: Station) -> None:
    await dai.save()
    before = {row.id: row for row in await dai.rows()}

    await dai.save(programme(MORNING, {**EVENING, "volume": 90}))

    after = await dai.rows()
    assert {row.id for row in after} == set(before)
    for row in after:
        assert (row.rev, row.volume) == ((1, 90) if row.session_id == "chieu" else (0, 70))
        assert row.created_at == before[row.id].created_at


async def test_this_and_following_leaves_the_days_before_and_the_history_as_they_were(dai: Station) -> None:
    await dai.save()

    await dai.save(programme(MORNING, {**EVENING, "at": "18:00"}), begin=date(2026, 11, 25))

    evenings = [row.start + UTC_7 for row in await dai.rows() if row.session_id == "chieu"]
    assert {(one.day < 25, one.hour) for one in evenings if one.month == 11} == {(True, 17), (False, 18)}
    async with dai.xa.db.reading() as session:
        kept = (await session.scalars(select(ProgrammeRevision).order_by(ProgrammeRevision.number))).all()
    assert [(one.number, one.effective_from) for one in kept] == [(1, "2026-11-01"), (2, "2026-11-25")]
    assert kept[0].document["sessions"][1]["at"] == "17:00"


@ONE_DATABASE
async def test_a_later_revision_that_is_replaced_is_told(dai: Station) -> None:
    await dai.save()
    await dai.save(programme(MORNING), begin=date(2026, 11, 25))

    same = await dai.save()
    replaced = await dai.save(programme(EVENING))

    assert [note.code for note in same.notes] == ["taken_over"]
    assert [note.code for note in replaced.notes] == ["replaced"]
    assert {row.session_id for row in await dai.rows()} == {"chieu"}


async def test_one_occurrence_is_cancelled_moved_and_made_as_its_rule_has_it_again(dai: Station) -> None:
    await dai.save()
    row = await _row(dai, SUNDAY)

    await dai.change(session="chieu", occurrence=SUNDAY, cancel=True)
    cancelled = [one.id for one in await dai.rows(gone=True)]
    plan = await dai.plan()
    await dai.change(session="chieu", occurrence=SUNDAY, start="2026-11-22T18:30", title="Họp")
    moved = await dai.xa.row(row.id)
    await dai.change(session="chieu", occurrence=SUNDAY)
    again = await dai.xa.row(row.id)

    assert cancelled == [row.id]
    assert [one.id for one in plan.withdrawn] == [row.id]
    assert (moved.start, moved.title, moved.rev) == (_local("2026-11-22T18:30"), "Họp", 1)
    assert moved.cancelled_at is None
    assert (again.start, again.title, again.rev) == (row.start, row.title, 2)
    assert len(await dai.rows()) == 30
    async with dai.xa.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(ProgrammeChange)) == 3


@ONE_DATABASE
async def test_a_document_with_changes_is_the_whole_truth_about_coming_days(dai: Station) -> None:
    change = {"session": "chieu", "occurrence": SUNDAY, "cancel": True}
    await dai.save(programme(changes=[change]))
    kept = await dai.save(programme(changes=[change]))

    gone = len(await dai.rows())
    back = await dai.save(programme())

    assert (kept.revision, gone) == (2, 29)
    assert (back.effect.added, len(await dai.rows())) == (1, 30)


@ONE_DATABASE
async def test_what_has_begun_is_neither_changed_nor_taken_back(dai: Station) -> None:
    await dai.save()
    begun = (await dai.rows())[0]
    dai.xa.clock.at = begun.start + timedelta(seconds=1)

    await dai.save(programme({**MORNING, "volume": 10}))

    assert _keys([await dai.xa.row(begun.id)]) == [(begun.id, 0)]
    assert (await dai.xa.row(begun.id)).cancelled_at is None
    assert {row.session_id for row in await dai.rows() if row.id != begun.id} == {"sang"}
    with pytest.raises(OccurrenceStarted):
        await dai.change(session="chieu", occurrence="2026-11-21T17:00", cancel=True)


async def test_what_a_device_has_answered_is_left_alone(dai: Station) -> None:
    await dai.save()
    early = await _row(dai, SUNDAY)
    async with dai.xa.db.transaction() as session:
        session.add(LedgerRow(broadcast_id=early.id, device_id="loa-1", outcome="played"))

    await dai.save(programme(MORNING, {**EVENING, "volume": 90}))

    assert (await dai.xa.row(early.id)).rev == 0


@ONE_DATABASE
async def test_what_was_taken_back_by_hand_stays_so(dai: Station) -> None:
    await dai.save()
    row = await _row(dai, SUNDAY)
    await dai.xa.cancel(row.id)

    await dai.save(programme(MORNING, {**EVENING, "volume": 90}))

    after = await dai.xa.row(row.id)
    assert (after.rev, after.volume, after.cancelled_at is None) == (0, 70, False)
    with pytest.raises(OccurrenceTakenBack):
        await dai.change(session="chieu", occurrence=SUNDAY, volume=50)


async def test_an_occurrence_that_comes_back_is_awaited_again(dai: Station) -> None:
    await dai.save()
    row = await _row(dai, SUNDAY)
    await dai.change(session="chieu", occurrence=SUNDAY, cancel=True)
    async with dai.xa.db.transaction() as session:
        await ledger.tick(session, dai.xa.clock.now())
    closed = (await dai.xa.row(row.id)).closed_at

    await dai.change(session="chieu", occurrence=SUNDAY)
    dai.xa.clock.at = row.start
    async with dai.xa.db.transaction() as session:
        await ledger.tick(session, dai.xa.clock.now())

    assert closed is not None
    async with dai.xa.db.reading() as session:
        assert (await ledger.summary(session, row.id)).expected == 2


async def test_a_device_that_was_away_learns_that_something_was_moved_to_before_it_came_back(dai: Station) -> None:
    await dai.save()
    row = await _row(dai, SUNDAY)
    await dai.change(session="chieu", occurrence=SUNDAY, start="2026-11-22T15:00")

    dai.xa.clock.at = _local("2026-11-22T16:00")
    between = await dai.plan()
    dai.xa.clock.at = _local("2026-11-22T17:05")
    after = await dai.plan()

    assert [(one.id, one.rev) for one in between.withdrawn] == [(row.id, 1)]
    assert row.id not in {one.id for one in between.broadcasts}
    assert after.withdrawn == ()


async def test_a_scope_that_a_session_leaves_is_told_and_the_one_that_stays_keeps_it(dai: Station) -> None:
    async with dai.xa.db.transaction() as session:
        await units.create_group(session, group_id="to-1", name="Tổ 1", unit_id=COMMUNE, devices=["loa-1"])
    both = {**EVENING, "to": [SCOPE, "g-to-1"]}
    await dai.save(programme(both))
    row = await _row(dai, SUNDAY)
    await dai.wanted()

    await dai.save(programme({**EVENING, "to": ["g-to-1"]}))
    left, stays, wanted = await dai.plan(), await dai.plan("g-to-1"), await dai.wanted()
    await dai.save(programme(both))

    assert (row.id, 0) in {(one.id, one.rev) for one in left.withdrawn}
    assert left.broadcasts == ()
    assert (row.id, 1) in {(one.id, one.rev) for one in stays.broadcasts}
    assert stays.withdrawn == ()
    assert wanted == {SCOPE: 1, "g-to-1": 1}
    assert (row.id, 2) in {(one.id, one.rev) for one in (await dai.plan()).broadcasts}
    assert (await dai.plan()).withdrawn == ()


async def test_two_who_edit_at_once_one_is_told(dai: Station) -> None:
    await dai.save()
    one, other = programme(MORNING), programme(EVENING)

    results = await asyncio.gather(dai.save(one), dai.save(other), return_exceptions=True)

    refused = [result for result in results if isinstance(result, ProgrammeMovedOn)]
    assert len(refused) == 1
    assert (refused[0].details["revision"], refused[0].details["expected"]) == (2, 1)
    assert len({row.session_id for row in await dai.rows()}) == 1


async def test_two_who_make_the_same_programme_at_once_one_is_told(dai: Station) -> None:
    results = await asyncio.gather(dai.save(), dai.save(programme(MORNING)), return_exceptions=True)

    assert sum(isinstance(result, ProgrammeMovedOn) for result in results) == 1


UNKNOWN = [
    ({"unit": "xa-khong-co"}, {("unit", "unit_unknown")}),
    (
        {"sessions": [{**MORNING, "to": [SCOPE, "g-khong-co"]}, {**EVENING, "to": ["d-khong-co"]}]},
        {("sessions[0].to[1]", "target_unknown"), ("sessions[1].to[0]", "target_unknown")},
    ),
    (
        {"sessions": [{**MORNING, "segments": [slot(of="xa-khong-co", fallback="khong-co")]}]},
        {("sessions[0].segments[0].of", "unit_unknown"), ("sessions[0].segments[0].fallback", "asset_unknown")},
    ),
    ({"id": "khac"}, {("id", "id_differs")}),
    ({"zone": "Asia/Nowhere"}, {("zone", "zone_unknown")}),
    ({"sessions": [{**MORNING, "at": "25:00", "volume": 200}]}, None),
]


@ONE_DATABASE
async def test_what_names_nothing_is_refused_with_every_fault_and_nothing_changes(dai: Station) -> None:
    await dai.save()
    before = _keys(await dai.rows())

    refusals = [await _refused(dai, programme(**wrong)) for wrong, _ in UNKNOWN]

    for found, (_, faults) in zip(refusals, UNKNOWN, strict=True):
        told = {(one["field"], one["code"]) for one in found}
        assert faults is None or told == faults
        assert all(one["vi"] and one["en"] for one in found)
        assert found
    assert _keys(await dai.rows()) == before


async def _refused(dai: Station, document: dict[str, Any]) -> Any:
    with pytest.raises(ProgrammeInvalid) as refused:
        async with dai.xa.db.transaction() as session:
            await service.save(session, PROGRAMME, SaveRequest(document=document, expected=1), dai.terms)
    return refused.value.details["faults"]


NOT_THERE: list[dict[str, Any]] = [
    {"session": "chieu", "occurrence": "2026-11-22T16:00", "cancel": True},
    {"session": "khong-co", "occurrence": SUNDAY, "cancel": True},
    {"session": "chieu", "occurrence": SUNDAY, "segments": [{"kind": "content", "asset": "mat", "duration_s": 9}]},
    {"session": "chieu", "occurrence": "hôm nay"},
    {"session": "chieu", "occurrence": "0001-01-01T17:00", "cancel": True},
    {"session": "chieu", "occurrence": SUNDAY, "start": "2026-19-39T17:00"},
]


@ONE_DATABASE
async def test_a_change_of_what_is_not_there_is_refused(dai: Station) -> None:
    await dai.save()

    for change in NOT_THERE:
        with pytest.raises(ProgrammeInvalid):
            await dai.change(**change)

    assert len(await dai.rows()) == 30


@ONE_DATABASE
async def test_a_save_from_a_day_that_has_passed_or_never_comes_is_refused(dai: Station) -> None:
    await dai.save()

    for wrong in (date(2026, 11, 20), date.max):
        with pytest.raises(ProgrammeInvalid, match=f"{wrong} has passed or is too far away"):
            await dai.save(programme(MORNING), begin=wrong)


@ONE_DATABASE
async def test_an_occurrence_cannot_be_moved_into_the_past(dai: Station) -> None:
    await dai.save()

    with pytest.raises(OccurrenceStarted):
        await dai.change(session="chieu", occurrence=SUNDAY, start="2026-11-21T11:00")


@ONE_DATABASE
async def test_what_starts_within_two_seconds_cannot_be_changed_any_more(dai: Station) -> None:
    await dai.save()
    start = (await dai.rows())[0].start
    dai.xa.clock.at = start - timedelta(seconds=2)

    with pytest.raises(TooSoonToChange):
        await dai.save(programme(MORNING))
    dai.xa.clock.at = start - timedelta(seconds=3)
    saved = await dai.save(programme(MORNING))

    assert saved.urgent is not None
    assert [one.start for one in saved.urgent.touches] == [start]
    assert (saved.urgent.devices, saved.urgent.connected, saved.urgent.away) == (2, 0, 2)


@ONE_DATABASE
async def test_a_change_that_no_plan_can_carry_is_refused(dai: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    await dai.save()
    monkeypatch.setattr("loa_protocol.envelope.MAX_PAYLOAD_BYTES", 1500)

    with pytest.raises(PlanTooLarge):
        await dai.save(programme(MORNING, EVENING, {**EVENING, "id": "toi", "at": "19:00", "title": "x" * 300}))

    monkeypatch.undo()
    assert {row.session_id for row in await dai.rows()} == {"sang", "chieu"}


async def test_a_retired_programme_is_taken_back_and_can_be_brought_back(dai: Station) -> None:
    await dai.save()

    retired = await dai.retire()
    gone = await dai.rows()
    extended = await dai.extend()
    back = await dai.save()

    assert (retired.effect.withdrawn, len(gone), extended) == (30, 0, False)
    assert (back.effect.added, len(await dai.rows())) == (30, 30)


async def test_as_days_pass_only_what_is_new_is_made(dai: Station) -> None:
    await dai.save()
    before = _keys(await dai.rows())
    await dai.wanted()

    dai.xa.clock.move(hours=18)
    idle = await dai.extend()
    dai.xa.clock.move(hours=2)
    await dai.extend()
    again = await dai.extend()

    rows = _keys(await dai.rows())
    assert (idle, again) == (False, False)
    assert rows[: len(before)] == before
    assert len(rows) == len(before) + 2
    assert await dai.wanted() == {SCOPE: 1}


@ONE_DATABASE
async def test_what_was_away_for_weeks_plans_from_now_on_only(dai: Station) -> None:
    await dai.save()
    last = (await dai.rows())[-1].start

    dai.xa.clock.move(days=40)
    await dai.extend()

    added = [row.start for row in await dai.rows() if row.start > last]
    assert min(added) > dai.xa.clock.now()
    assert len(added) == 30


async def test_a_programme_that_cannot_be_planned_harms_only_itself(
    dai: Station, caplog: pytest.LogCaptureFixture
) -> None:
    await dai.save()
    await dai.save(programme(MORNING, id="hong"))
    broken = update(ProgrammeRevision).where(ProgrammeRevision.programme_id == "hong").values(document={"zone": 1})
    async with dai.xa.db.transaction() as session:
        await session.execute(broken)

    dai.xa.clock.move(days=1)
    changed = await dai.extend()

    assert changed
    assert len(await dai.rows()) == 32
    assert "programme hong could not be planned further" in caplog.text


async def test_only_the_programmes_with_that_slot_are_filled_anew(dai: Station) -> None:
    await dai.sound("bai", 90_000)
    await dai.save(programme({**EVENING, "segments": [slot(300, fallback="tin")]}))
    await dai.save(programme(MORNING, id="khac", unit="tinh"))
    await dai.wanted()

    item, effect = await dai.hand_in("Bài 1", "bai")

    assert (effect.changed, effect.added, effect.withdrawn) == (15, 0, 0)
    assert await dai.wanted() == {SCOPE: 1}
    assert {(row.segments[0]["ref"], row.duration_ms, row.rev) for row in await dai.rows()} == {("r-bai", 90_000, 1)}
    await _write(dai, lambda session: withdraw(session, item, dai.terms))
    assert {(row.segments[0]["ref"], row.rev) for row in await dai.rows()} == {("r-tin", 2)}


@ONE_DATABASE
async def test_a_session_without_anything_to_say_waits_for_its_slot(dai: Station) -> None:
    saved = await dai.save(programme({**EVENING, "segments": [{"kind": "chime"}, slot(300)]}))
    silent = await dai.rows()

    _, effect = await dai.hand_in("Bài 1", "tin", valid_from=_local("2026-11-25T00:00"))

    assert [note.code for note in saved.notes] == ["not_broadcast"]
    assert silent == []
    assert effect.added == len(await dai.rows()) == 11
    assert min(row.start for row in await dai.rows()) == _local("2026-11-25T17:00")


async def test_the_commune_orders_its_own_and_the_province_comes_first(dai: Station) -> None:
    for name in ("a", "b", "c", "tren"):
        await dai.sound(name, 60_000)
    await dai.save(programme({**EVENING, "segments": [slot(3600)]}))
    ids = [(await dai.hand_in(name, name, level="priority" if name == "c" else "normal"))[0] for name in "abc"]
    above, _ = await dai.hand_in("Tin tỉnh", "tren", owner="tinh", authority=10)

    await _write(dai, lambda session: order(session, COMMUNE, [ids[1], ids[0]], dai.terms))

    refs = [one["ref"] for one in (await dai.rows())[0].segments]
    assert refs == ["r-c", "r-tren", "r-b", "r-a"]
    with pytest.raises(SlotItemInvalid, match="belongs to tinh"):
        await _write(dai, lambda session: order(session, COMMUNE, [above], dai.terms))
    with pytest.raises(SlotItemUnknown):
        await _write(dai, lambda session: order(session, COMMUNE, ["khong-co"], dai.terms))


@ONE_DATABASE
async def test_what_waits_is_changed_and_cannot_end_before_it_begins(dai: Station) -> None:
    await dai.save(programme({**EVENING, "segments": [slot(300)]}))
    item, _ = await dai.hand_in("Bài", "tin")

    until = ItemChange(valid_until=_local("2026-11-23T00:00"))
    _, effect = await _write(dai, lambda session: alter(session, item, until, dai.terms))

    assert effect.withdrawn == 13
    with pytest.raises(SlotItemInvalid, match="over before"):
        await _write(
            dai, lambda session: alter(session, item, ItemChange(valid_until=_local("2019-01-01T00:00")), dai.terms)
        )


@ONE_DATABASE
async def test_a_slot_is_not_filled_anew_where_nobody_could_hear_of_it(dai: Station) -> None:
    await dai.save(programme({**EVENING, "segments": [slot(300, fallback="tin")]}))
    await dai.sound("bai")
    first = (await dai.rows())[0]
    dai.xa.clock.at = first.start - timedelta(seconds=1)

    await dai.hand_in("Bài", "bai")

    assert [row.rev for row in (await dai.rows())[:2]] == [0, 1]


async def test_what_is_handed_in_while_a_programme_is_saved_is_in_its_slots(dai: Station) -> None:
    await dai.sound("bai")
    document = programme({**EVENING, "segments": [slot(300, fallback="tin")]})

    await asyncio.gather(dai.save(document), *(dai.hand_in(f"Bài {n}", "bai") for n in range(3)))

    assert {len(row.segments) for row in await dai.rows()} == {3}


async def test_single_broadcasts_and_programmes_stand_side_by_side(dai: Station) -> None:
    alone = await dai.xa.broadcast()

    await dai.save()

    async with dai.xa.db.reading() as session:
        assert (await broadcasts.require(session, alone)).programme_id is None
        assert await session.scalar(select(func.count()).select_from(ProgrammeRow)) == 1
    assert alone in {one.id for one in (await dai.plan()).broadcasts}


async def _write(dai: Station, work: Callable[[Any], Awaitable[Any]]) -> Any:
    return await dai.xa.db.attempt(work)


async def test_a_save_that_is_rolled_back_leaves_nothing_behind(dai: Station) -> None:
    await dai.save()
    before = _keys(await dai.rows())
    await dai.wanted()
    request = SaveRequest(document=programme({**MORNING, "segments": [slot(60, fallback="tin")]}), expected=1)

    async with dai.xa.db.transaction() as session:
        attempted = await session.begin_nested()
        seen = await service.save(session, PROGRAMME, request, dai.terms, only_looking=True)
        await attempted.rollback()

    assert (seen.revision, seen.effect.changed, seen.effect.withdrawn) == (2, 0, 15)
    assert _keys(await dai.rows()) == before
    assert await dai.wanted() == {}
    assert (await dai.save()).revision == 1


@ONE_DATABASE
async def test_a_round_plans_some_further_and_at_once_all_who_would_run_out(dai: Station) -> None:
    for name in ("mot", "hai", "ba"):
        await dai.save(programme(MORNING, id=name))

    dai.xa.clock.move(days=1)
    first = await _planned_further(dai, most=1)
    second = await _planned_further(dai, most=1)
    dai.xa.clock.move(days=20)
    last = await _planned_further(dai, most=1)

    assert (first, second, last) == (1, 2, 3)


async def _planned_further(dai: Station, most: int) -> int:
    await horizon.extend_all(dai.xa.db, dai.terms, most=most)
    async with dai.xa.db.reading() as session:
        reached = await session.scalars(select(ProgrammeRow.planned_until))
        return sum(one == dai.terms.until for one in reached)


async def test_processes_that_plan_ahead_at_once_make_everything_once(dai: Station) -> None:
    await dai.save()
    dai.xa.clock.move(days=1)

    await asyncio.gather(*(dai.extend() for _ in range(3)))

    assert len(await dai.rows()) == 32
