"""Moving a session for once or from then on: what is planned afterwards; on both databases."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from controller.schedules import rules, service, store
from controller.schedules.accepting import ProgrammeInvalid
from controller.schedules.moving import MoveInvalid
from controller.schedules.service import Move, OccurrenceStarted, ProgrammeMovedOn, Saved
from controller.schedules.tables import ProgrammeRevision
from tests.fakes.station import EVENING, MORNING, PROGRAMME, Station, programme, station

WEDNESDAY = "2026-11-25T05:00"


@pytest.fixture
async def dai(database: str) -> AsyncIterator[Station]:
    async with station(database) as made:
        yield made


async def move(dai: Station, session: str, occurrence: str, start: str, *, following: bool, **more: Any) -> Saved:
    wanted = Move(session, occurrence, start, following=following)
    expected = more.get("expected", dai.saved[PROGRAMME])
    made = await dai.xa.db.attempt(lambda s: service.move(s, PROGRAMME, wanted, expected, dai.terms))
    dai.saved[PROGRAMME] = made.revision
    return made


def told(error: ProgrammeInvalid) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in error.details["faults"]]  # type: ignore[attr-defined]


def relay(url: str) -> dict[str, Any]:
    return {"kind": "relay", "title": "VOV", "url": url, "duration_s": 60}


async def mornings(dai: Station) -> list[str]:
    return [one for one in await dai.starts() if "11-24" <= one < "11-29" or "12-02" <= one < "12-03"]


async def test_this_one_only_leaves_the_others_where_they_are(dai: Station) -> None:
    await dai.save(programme(MORNING))
    moved = await move(dai, "sang", WEDNESDAY, "2026-11-26T06:30", following=False)
    there = await mornings(dai)
    await move(dai, "sang", WEDNESDAY, WEDNESDAY, following=False)

    assert (moved.effect.changed, moved.effect.added) == (1, 0)
    assert there == ["11-24T05:00", "11-26T05:00", "11-26T06:30", "11-27T05:00", "11-28T05:00", "12-02T05:00"]
    assert "11-25T05:00" in await mornings(dai)


async def test_from_this_one_on_moves_what_follows_and_nothing_before(dai: Station) -> None:
    await dai.save(programme(MORNING, EVENING))
    await dai.change(session="sang", occurrence="2026-12-02T05:00", cancel=True)
    await move(dai, "sang", WEDNESDAY, "2026-11-25T05:30", following=True)

    found = [one for one in await mornings(dai) if one[6:] < "12"]
    assert found == ["11-24T05:00", "11-25T05:30", "11-26T05:30", "11-27T05:30", "11-28T05:30"]


async def test_what_was_taken_back_stays_so_where_the_rule_says_the_hours(dai: Station) -> None:
    await dai.save(programme({**MORNING, "rrule": "FREQ=DAILY;BYHOUR=5,17"}))
    await dai.change(session="sang", occurrence="2026-11-25T17:00", cancel=True)
    before = await dai.starts()

    with pytest.raises(MoveInvalid):
        await move(dai, "sang", "2026-11-23T17:00", "2026-11-23T18:00", following=True)

    assert await dai.starts() == before


async def test_a_move_tells_which_changes_have_no_effect_after_it(dai: Station) -> None:
    await dai.save(programme(MORNING))
    await dai.save(programme(MORNING, EVENING), begin=date(2026, 12, 1))
    for day in ("25", "26"):
        await dai.change(session="sang", occurrence=f"2026-11-{day}T05:00", cancel=True)
    await dai.change(session="chieu", occurrence="2026-12-02T17:00", cancel=True)

    moved = await move(dai, "sang", "2026-11-26T05:00", "2026-11-26T06:00", following=True)

    assert [one.en for one in moved.notes if one.code == "occurrence_unknown"] == [
        "the change of chieu at 2026-12-02T17:00 does nothing: no rule has it begin then"
    ]


async def test_a_programme_saved_before_relays_were_asked_is_planned_changed_and_moved(dai: Station) -> None:
    await dai.save(programme({**MORNING, "segments": [relay("https://radio.vn/live")]}))
    async with dai.xa.db.transaction() as session:
        old = programme({**MORNING, "segments": [relay("http://user:pass@radio.vn/live")]})
        await session.execute(update(ProgrammeRevision).values(document=old))

    dai.ahead += timedelta(days=1)
    await dai.extend()
    await dai.change(session="sang", occurrence="2026-11-24T05:00", cancel=True)
    await move(dai, "sang", WEDNESDAY, "2026-11-25T05:30", following=True)

    starts = await dai.starts()
    assert ("11-24T05:00" in starts, "11-25T05:30" in starts, starts[-1]) == (False, True, "12-07T05:30")
    with pytest.raises(ProgrammeInvalid) as refused:
        await dai.save(old)
    assert told(refused.value) == [("sessions[0].segments[0].url", "relay_url_refused")]


async def test_a_change_of_one_occurrence_relays_from_no_address_that_devices_refuse(dai: Station) -> None:
    await dai.save(programme(MORNING))

    with pytest.raises(ProgrammeInvalid) as refused:
        await dai.change(session="sang", occurrence=WEDNESDAY, segments=[relay("http://[::1")])

    assert told(refused.value) == [("change.segments[0].url", "relay_url_refused")]


async def test_a_weekday_moves_to_another_day_and_time_from_then_on(dai: Station) -> None:
    await dai.save(programme(MORNING))
    await move(dai, "sang", WEDNESDAY, "2026-11-26T11:00", following=True)

    assert await mornings(dai) == [
        *("11-24T05:00", "11-26T05:00", "11-26T11:00", "11-27T05:00", "11-28T05:00"),
    ]
    assert "12-03T11:00" in await dai.starts()


async def test_what_clashes_is_refused_with_its_reason_and_nothing_moves(dai: Station) -> None:
    await dai.save(programme(MORNING, EVENING))
    before = await dai.starts()
    for following in (True, False):
        with pytest.raises(ProgrammeInvalid) as refused:
            await move(dai, "sang", WEDNESDAY, "2026-11-25T17:00", following=following)
        assert "trùng với buổi" in refused.value.details["faults"][0]["vi"]  # type: ignore[index]

    assert await dai.starts() == before


async def test_what_has_begun_or_was_changed_meanwhile_is_not_moved(dai: Station) -> None:
    await dai.save(programme(MORNING))
    with pytest.raises(OccurrenceStarted):
        await move(dai, "sang", WEDNESDAY, "2026-11-20T05:00", following=True)
    with pytest.raises(MoveInvalid):
        await move(dai, "sang", WEDNESDAY, WEDNESDAY, following=True)
    with pytest.raises(ProgrammeMovedOn):
        await move(dai, "sang", WEDNESDAY, "2026-11-25T06:00", following=True, expected=9)


async def test_what_is_skipped_once_is_told_as_its_rule_has_it(dai: Station) -> None:
    await dai.save(programme(MORNING))
    await dai.change(session="sang", occurrence=WEDNESDAY, cancel=True, note="Nghỉ")
    async with dai.xa.db.reading() as session:
        series = await store.series(session, PROGRAMME, dai.xa.clock.now().date())
        begin, end = dai.xa.clock.now(), dai.terms.until
        found = rules.skipped(series, begin, end)

    assert [(one.key[2], one.change.note if one.change else "") for one in found] == [(WEDNESDAY, "Nghỉ")]
    assert rules.skipped(series, end, end) == []
