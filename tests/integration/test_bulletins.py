"""Bulletins in a real database: the workflow with people, placements made real, reminders, misses, withdrawals."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import store, unit_rules
from controller.bulletins.checklist import BulletinNotReady
from controller.bulletins.document import BulletinInvalid
from controller.bulletins.places import PlacementInvalid
from controller.bulletins.rules import BulletinMovedOn, BulletinStateWrong, NotApprover, OwnBulletin
from controller.bulletins.unit_rules import BulletinRulesMovedOn
from controller.devices.tables import Device
from controller.media import service as media
from controller.people import approving, leaves
from controller.people.acting import TOKEN, PersonNeeded
from controller.policies import document as policy_document
from controller.policies import service as policies
from controller.policies.service import PolicyViolated
from controller.schedules.slots import service as slots
from controller.speech.cleaning import TextTooLong
from controller.timelines import service as timelines
from controller.units import moving
from controller.units import service as units
from tests.fakes.commune import COMMUNE, SCOPE, T0
from tests.fakes.databases import sqlite_url
from tests.fakes.newsroom import Newsroom, furnished_file, newsroom, newsroom_at, written
from tests.fakes.station import EVENING, PROGRAMME, programme, slot

FIRST_EVENING = T0.replace(hour=10)
"""When the first evening session begins."""


@pytest.fixture
async def room(database: str) -> AsyncIterator[Newsroom]:
    """On both databases."""
    async with newsroom(database) as made:
        yield made


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsroom in a file, made once."""
    return furnished_file(tmp_path_factory.mktemp("furnished"))


@pytest.fixture
async def here(furnished: Path, tmp_path: Path) -> AsyncIterator[Newsroom]:
    """For what asks nothing of the database that others do not."""
    shutil.copy(furnished, tmp_path / "loa.db")
    async with newsroom_at(sqlite_url(tmp_path)) as made:
        yield made


async def test_from_the_draft_to_approval_every_step_says_who_when_and_why(room: Newsroom) -> None:
    row = await room.create(note="Theo công văn")
    await room.submit(row)
    room.station.xa.clock.move(minutes=5)
    await room.give_back(row, by="hung", why="Sai ngày")
    await room.edit(row, 1)
    await room.submit(row)
    await room.approve(row, 2, by="mai")

    stands = await room.row(row)
    assert (stands.state, stands.head, stands.approved_revision) == ("approved", 2, 2)
    steps = [(one.step, one.revision, one.person_id, one.why) for one in await room.steps(row)]
    assert steps == [
        ("created", 1, room.id_of("lan"), "Theo công văn"),
        ("submitted", 1, room.id_of("lan"), ""),
        ("returned", 1, room.id_of("hung"), "Sai ngày"),
        ("edited", 2, room.id_of("lan"), ""),
        ("submitted", 2, room.id_of("lan"), ""),
        ("approved", 2, room.id_of("mai"), ""),
    ]
    told = await room.told()
    assert sorted(told[:2]) == [("hung", "submitted"), ("mai", "submitted")]
    assert ("lan", "returned") in told
    assert ("lan", "approved") in told


async def test_nobody_approves_what_he_wrote_unless_the_unit_says_so_and_then_it_is_written_down(
    here: Newsroom,
) -> None:
    row = await here.create(by="hung")
    await here.edit(row, 1, by="lan")
    await here.submit(row)
    with pytest.raises(OwnBulletin):
        await here.approve(row, 2, by="hung")
    with pytest.raises(NotApprover):
        await here.approve(row, 2, by="tu")
    await here.rule(unit="tinh", self_approval=True)
    await here.approve(row, 2, by="hung")

    last = (await here.steps(row))[-1]
    assert (last.step, last.by_rule, last.person_id) == ("approved", True, here.id_of("hung"))
    async with here.station.xa.db.reading() as session:
        said = (await unit_rules.history(session, "tinh"))[0]
        holds = await unit_rules.effective(session, COMMUNE)
    assert (said.self_approval, said.made_by, said.why) == (True, here.id_of("tu"), "Quy chế xã")
    assert (holds.self_approval, holds.self_approval_of) == (True, "tinh")


async def test_the_nearest_unit_that_says_something_counts_and_each_change_is_kept(here: Newsroom) -> None:
    await here.rule(unit="tinh", self_approval=True, remind_before_min=(30,))
    await here.rule(self_approval=False)
    with pytest.raises(BulletinRulesMovedOn):
        await here.rule(fallback_asset="tin")
    await here.rule(expected=1, self_approval=None, fallback_asset="tin")

    async with here.station.xa.db.reading() as session:
        kept = await unit_rules.history(session, COMMUNE)
        holds = await unit_rules.effective(session, COMMUNE)
    assert [(one.number, one.self_approval) for one in kept] == [(2, None), (1, False)]
    assert (holds.self_approval, holds.remind_before_min, holds.fallback_asset) == (True, (30,), "tin")


async def test_a_deputy_approves_for_who_is_away_and_nobody_for_the_author(here: Newsroom) -> None:
    today = approving.local_day(here.now)

    async def away(session: AsyncSession, who: str, deputy: str) -> None:
        await leaves.take_leave(
            session,
            here.id_of(who),
            first_day=today,
            last_day=today,
            deputy_id=here.id_of(deputy),
            by=None,
            now=here.now,
        )

    row = await here.create(by="hung")
    await here.submit(row)
    await here.write(lambda s: away(s, "hung", "tu"))
    with pytest.raises(OwnBulletin):
        await here.approve(row, 1, by="tu")
    await here.write(lambda s: away(s, "mai", "tu"))
    with pytest.raises(NotApprover) as told:
        await here.approve(row, 1, by="mai")
    with pytest.raises(NotApprover) as returning:
        await here.give_back(row, by="mai")
    assert told.value.details["vi"] == "hôm nay bạn đang nghỉ nên không duyệt; tu duyệt thay"
    assert returning.value.details == told.value.details
    await here.approve(row, 1, by="tu")

    last = (await here.steps(row))[-1]
    assert (last.person_id, last.for_person_id, last.by_rule) == (here.id_of("tu"), here.id_of("mai"), False)


async def test_an_edit_opens_the_review_again_and_what_was_approved_stays_on_the_air(room: Newsroom) -> None:
    row = await room.approved()
    await room.place(row, slot=COMMUNE)
    before = await room.waiting()
    await room.edit(row, 1, written("Tiêm chủng, đổi ngày"))

    during = await room.row(row)
    assert (during.state, during.head, during.approved_revision) == ("in_review", 2, 1)
    assert [one.id for one in await room.waiting()] == [one.id for one in before]
    await room.approve(row, 2)
    after = await room.waiting()
    assert [one.title for one in after] == ["Tiêm chủng, đổi ngày"]
    assert [(one.state, one.revision) for one in await room.placements(row)] == [("placed", 2)]


async def test_whoever_read_an_older_revision_neither_edits_nor_approves(here: Newsroom) -> None:
    row = await here.create()
    await here.submit(row)
    await here.edit(row, 1)

    for step in (here.edit(row, 1), here.approve(row, 1)):
        with pytest.raises(BulletinMovedOn):
            await step
    assert (await here.row(row)).head == 2


async def test_steps_need_a_person_and_texts_are_cleaned_or_refused(here: Newsroom) -> None:
    here.actors["token"] = TOKEN
    with pytest.raises(PersonNeeded):
        await here.create(by="token")
    with pytest.raises(TextTooLong):
        await here.create(written(variants=[{"language": "vi", "text": "a" * 100_000}]))
    with pytest.raises(BulletinInvalid) as caught:
        await here.create(written(title=" ", level="emergency", variants=[{"language": "vi"}, {"language": "vi"}]))
    text = "<speak>Tie\u0302m chu\u0309ng</speak>\u202e"
    row = await here.create(written(variants=[{"language": "vi", "text": text}]))

    assert [one["field"] for one in caught.value.details["faults"]] == [  # type: ignore[attr-defined]
        "title",
        "level",
        "variants[1].language",
    ]
    async with here.station.xa.db.reading() as session:
        stored = (await store.documents(session, row.id, [1]))[1]
    assert stored.variants[0].text == "Tiêm chủng"
    with pytest.raises(BulletinInvalid, match="neither a sound"):
        await here.submit(row)


async def test_what_is_placed_before_approval_goes_on_air_with_it_in_every_language(room: Newsroom) -> None:
    await room.station.sound("tin-mong")
    text = written(
        variants=[
            {"language": "hmn", "text": "Lus", "audio": "tin-mong", "audio_kind": "recording"},
            {
                "language": "vi",
                "text": "Lời",
                "audio": "tin",
                "audio_kind": "machine",
                "board": {"short": "Tiêm chủng ngày 25", "layout": "scroll", "dwell_ms": 8000},
            },
        ]
    )
    row = await room.create(text)
    at = await room.place_at(row, 3600, volume=40, repeats=2, chime=False, board_s=600)
    at_once = await room.place(row, to=[SCOPE])
    in_slot = await room.place(row, slot=COMMUNE)
    assert (await room.broadcasts(), await room.waiting()) == ([], [])
    await room.submit(row)
    await room.approve(row, 1)

    first, second = await room.broadcasts()
    item = (await room.waiting())[0]
    assert {one.id: (one.state, one.broadcast_id, one.slot_item_id) for one in await room.placements(row)} == {
        at.id: ("placed", second.id, None),
        at_once.id: ("placed", first.id, None),
        in_slot.id: ("placed", None, item.id),
    }
    assert first.start == room.now + timedelta(seconds=3)
    assert (second.volume, second.repeats, second.duration_ms) == (40, 2, 120_000)
    assert second.segments == [{"type": "content", "ref": "r-tin", "variants": {"hmn": "r-tin-mong", "vi": "r-tin"}}]
    board = second.board or {}
    assert (board["text"], board["layout"], board["dwell_ms"]) == ("Tiêm chủng ngày 25", "scroll", 8000)
    assert (item.asset_id, item.variants) == ("tin", {"hmn": "tin-mong", "vi": "tin"})


async def test_an_approval_that_the_rules_of_the_air_forbid_changes_nothing(here: Newsroom) -> None:
    row = await here.create()
    await here.place_at(row, 3600)
    await here.submit(row)
    rules = policy_document.read({"windows": [{"from": "17:00", "to": "19:00"}]})
    await here.write(lambda s: policies.put(s, SCOPE, rules, expected=None, now=here.now))

    with pytest.raises(PolicyViolated):
        await here.approve(row, 1)
    assert ((await here.row(row)).state, await here.broadcasts()) == ("in_review", [])


async def test_a_start_that_nobody_approved_is_reminded_of_passes_and_is_written_down(room: Newsroom) -> None:
    await room.station.sound("nhac", 30_000)
    row = await room.create()
    await room.submit(row)
    one = await room.place_at(row, 2 * 3600, fallback_asset="nhac")
    await room.tick()
    asked = [("hung", "submitted"), ("mai", "submitted")]
    assert sorted(await room.told()) == asked
    for minutes in (61, 30, 28):
        room.station.xa.clock.move(minutes=minutes)
        await room.tick()
        await room.tick()

    reminders = [("hung", "unapproved"), ("lan", "unapproved"), ("mai", "unapproved")]
    assert sorted(await room.told()) == sorted(reminders * 2 + asked)
    assert await room.broadcasts() == []
    room.station.xa.clock.move(seconds=35)
    await room.tick()
    await room.tick()
    missed = (await room.misses(row))[0]
    made = (await room.broadcasts())[0]
    assert (missed.start, missed.reason, missed.fallback_broadcast_id) == (one.start, "not_approved", made.id)
    assert (made.title, made.start, made.duration_ms) == ("Thay cho: Tiêm chủng", one.start, 30_000 + 2225)
    assert [one.state for one in await room.placements(row)] == ["skipped"]
    assert [one.step for one in await room.steps(row)][-1] == "skipped"
    assert [kind for _, kind in await room.told()].count("skipped") == 3
    await room.approve(row, 1)
    assert len(await room.broadcasts()) == 1


async def test_what_is_approved_in_time_is_not_missed(here: Newsroom) -> None:
    row = await here.create()
    await here.place_at(row, 60)
    await here.submit(row)
    here.station.xa.clock.move(seconds=25)
    await here.approve(row, 1)
    here.station.xa.clock.move(seconds=20)
    await here.tick()

    assert await here.misses(row) == []
    assert len(await here.broadcasts()) == 1


async def test_an_unapproved_slot_plays_the_fallback_for_that_session_only(here: Newsroom) -> None:
    await here.station.sound("nhac", 30_000)
    await here.rule(fallback_asset="nhac")
    await here.station.save(programme({**EVENING, "segments": [slot(300, fallback="tin")]}))
    row = await here.create()
    await here.place(row, slot=COMMUNE)
    here.station.xa.clock.at = (await here.station.rows())[0].start - timedelta(seconds=29)
    await here.tick()
    await here.tick()

    first, second = (await here.station.rows())[:2]
    missed = await here.misses(row)
    assert [(one.start, one.reason) for one in missed] == [(first.start, "not_approved")]
    assert (missed[0].programme_id, missed[0].session_id) == (PROGRAMME, EVENING["id"])
    assert missed[0].occurrence == first.occurrence
    assert [one["ref"] for one in first.segments] == ["r-nhac"]
    assert [one["ref"] for one in second.segments] == ["r-tin"]
    assert [one.state for one in await here.placements(row)] == ["reserved"]
    await here.submit(row)
    await here.approve(row, 1)
    assert [one.state for one in await here.placements(row)] == ["placed"]


async def test_a_start_that_passed_while_nothing_ran_is_written_down_without_a_late_fallback(here: Newsroom) -> None:
    row = await here.create()
    await here.place_at(row, 600, fallback_asset="tin")
    here.station.xa.clock.move(hours=5)
    await here.tick()

    missed = (await here.misses(row))[0]
    assert (missed.fallback_broadcast_id, missed.fallback_error) == (None, "start_in_past")
    assert await here.broadcasts() == []


async def test_withdrawing_takes_everything_off_the_air_at_once(room: Newsroom) -> None:
    await room.station.save(programme({**EVENING, "segments": [slot(300, fallback="tin")]}))
    await room.station.sound("rieng")
    row = await room.create(written(variants=[{"language": "vi", "audio": "rieng", "audio_kind": "upload"}]))
    await room.place_at(row, 6 * 3600)
    await room.place(row, to=[SCOPE])
    await room.place(row, slot=COMMUNE)
    await room.submit(row)
    await room.approve(row, 1)
    begun = (await room.broadcasts())[0]
    running = (await room.station.rows())[0]
    room.station.xa.clock.at = running.start + timedelta(seconds=10)
    await room.withdraw(row)

    stands = await room.row(row)
    assert (stands.state, stands.approved_revision) == ("withdrawn", None)
    assert [one.id for one in await room.broadcasts()] == [begun.id]
    assert await room.waiting() == []
    gone = await room.station.rows(gone=True)
    assert [one.id for one in gone] == [running.id]
    coming = await room.station.rows()
    assert {one["ref"] for row in coming for one in row.segments} == {"r-tin"}
    assert {one.state for one in await room.placements(row)} == {"withdrawn"}
    plan = await room.station.plan()
    assert running.id in {one.id for one in plan.withdrawn}
    assert ("lan", "withdrawn") in await room.told()
    with pytest.raises(BulletinStateWrong):
        await room.approve(row, 1)
    await room.edit(row, 1)
    assert (await room.row(row)).state == "draft"
    assert [one.step for one in await room.steps(row)][-2:] == ["withdrawn", "reopened"]


async def test_a_session_that_still_sounds_what_was_approved_before_stops_with_the_withdrawal(here: Newsroom) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(300)]}))
    for name in ("cu", "moi"):
        await here.station.sound(name)
    row = await here.approved(variants=[{"language": "vi", "audio": "cu", "audio_kind": "upload"}])
    await here.place(row, slot=COMMUNE)
    running = (await here.station.rows())[0]
    here.station.xa.clock.at = running.start + timedelta(seconds=5)
    await here.edit(row, 1, written(variants=[{"language": "vi", "audio": "moi", "audio_kind": "upload"}]))
    await here.approve(row, 2)
    still = (await here.station.rows())[0]
    await here.withdraw(row)

    assert [one["ref"] for one in still.segments] == ["r-cu"]
    assert running.id in {one.id for one in await here.station.rows(gone=True)}
    assert await here.station.rows() == []


async def test_a_running_session_stops_only_for_what_it_was_composed_of(room: Newsroom) -> None:
    await room.station.save(programme({**EVENING, "segments": [slot(60)]}))
    first, second = await room.approved(), await room.approved(title="Cùng âm thanh")
    for row in (first, second):
        await room.place(row, slot=COMMUNE)
    running = (await room.station.rows())[0]
    room.station.xa.clock.at = running.start + timedelta(seconds=10)
    beforehand = [await room.would_stop(row) for row in (first, second)]
    other = await room.withdraw(second)
    sounding = (await room.station.rows())[0]
    own = await room.withdraw(first)

    assert beforehand == [[running.id], []]
    assert (list(other.stopped), sounding.id) == ([], running.id)
    assert [one.id for one in own.stopped] == [running.id]
    assert [one.id for one in await room.station.rows(gone=True) if not one.cancelled_by_plan] == [running.id]
    assert await room.stopped(first) == [running.id]
    assert await room.stopped(second) == []


async def test_another_bulletin_with_the_same_sound_stays_where_it_is(here: Newsroom) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(300)]}))
    first, second = await here.approved(), await here.approved(title="Cùng âm thanh")
    for row in (first, second):
        await here.place(row, slot=COMMUNE)
    await here.withdraw(first)

    rows = await here.station.rows()
    assert [one["ref"] for one in rows[0].segments] == ["r-tin"]
    assert [one.title for one in await here.waiting()] == ["Cùng âm thanh"]


async def test_one_placement_is_taken_back_alone(here: Newsroom) -> None:
    row = await here.approved()
    first, second = await here.place_at(row, 600), await here.place_at(row, 7200)
    await here.remove(row, first)
    await here.remove(row, first)

    assert {one.id: one.state for one in await here.placements(row)} == {first.id: "withdrawn", second.id: "placed"}
    assert [one.id for one in await here.broadcasts()] == [second.broadcast_id]
    assert [one.step for one in await here.steps(row)].count("unplaced") == 1


async def test_time_takes_a_bulletin_off_and_a_newer_revision_keeps_its_slot(here: Newsroom) -> None:
    soon = (here.now + timedelta(hours=1)).isoformat()
    row = await here.approved(valid_until=soon)
    other = await here.approved(title="Khác", valid_until=soon)
    for one in (row, other):
        await here.place(one, slot=COMMUNE)
    await here.edit(row, 1, written("Bản mới"))
    here.station.xa.clock.move(hours=1, seconds=1)
    await here.tick()

    kept, over = await here.row(row), await here.row(other)
    assert (kept.state, kept.approved_revision) == ("in_review", None)
    assert (over.state, over.approved_revision) == ("expired", None)
    assert [one.state for one in await here.placements(row)] == ["reserved"]
    assert [one.state for one in await here.placements(other)] == ["over"]
    await here.approve(row, 2)
    assert [(one.state, one.revision) for one in await here.placements(row)] == [("placed", 2)]


async def test_a_placement_at_a_time_ends_when_its_broadcast_must_have(here: Newsroom) -> None:
    row = await here.approved()
    await here.place_at(row, 600)
    here.station.xa.clock.move(hours=2)
    await here.tick()

    assert [one.state for one in await here.placements(row)] == ["over"]


async def test_a_placement_without_sense_is_refused(here: Newsroom) -> None:
    row = await here.create(written(valid_until=(here.now + timedelta(hours=1)).isoformat()))
    start = here.now + timedelta(minutes=5)
    for fields in (
        {},
        {"slot": COMMUNE, "to": [SCOPE]},
        {"slot": COMMUNE, "start": start},
        {"to": [SCOPE], "start": here.now + timedelta(seconds=20)},
        {"to": [SCOPE], "start": here.now + timedelta(hours=2)},
    ):
        with pytest.raises(PlacementInvalid):
            await here.place(row, **fields)
    silent = await here.create(written(variants=[{"language": "vi", "board": {"short": "Chữ", "layout": "scroll"}}]))
    await here.place(silent, slot=COMMUNE)
    await here.submit(silent)
    with pytest.raises(PlacementInvalid, match="no sound"):
        await here.approve(silent, 1)


async def test_a_new_revision_is_not_approved_for_a_place_outside_its_validity(here: Newsroom) -> None:
    row = await here.approved()
    await here.place_at(row, 3600)
    await here.edit(row, 1, written(valid_until=(here.now + timedelta(minutes=30)).isoformat()))

    with pytest.raises(PlacementInvalid, match="not valid"):
        await here.approve(row, 2)
    assert len(await here.broadcasts()) == 1


async def test_what_shall_go_on_air_at_once_waits_for_its_validity(here: Newsroom) -> None:
    begin = here.now + timedelta(hours=2)
    row = await here.create(written(valid_from=begin.isoformat()))
    await here.place(row, to=[SCOPE])
    await here.submit(row)
    await here.approve(row, 1)

    assert [one.start for one in await here.broadcasts()] == [begin]


async def test_bulletins_are_found_without_accents_and_by_what_they_are(here: Newsroom) -> None:
    await here.create(written("Đường bị ngập", field="weather", essential=True))
    mong = [{"language": "hmn", "text": "Lus", "audio": "tin", "audio_kind": "recording"}]
    row = await here.create(written("Chợ phiên", field="economy", variants=mong))

    async def found(**fields: object) -> list[str]:
        async with here.station.xa.db.reading() as session:
            rows = await store.listed(session, store.Filter(**fields), limit=10, before=None)  # type: ignore[arg-type]
        return sorted(one.title for one in rows)

    assert await found(query="duong NGAP") == ["Đường bị ngập"]
    assert await found(language="hmn") == ["Chợ phiên"]
    assert await found(field="weather") == ["Đường bị ngập"]
    assert await found(units=["tinh"]) == []
    assert await found(units=[COMMUNE], state="draft") == ["Chợ phiên", "Đường bị ngập"]
    assert await found(query="100%") == []
    assert (await here.row(row)).languages == " hmn "


async def test_a_new_place_of_what_is_approved_is_reviewed_and_what_is_on_the_air_stays(room: Newsroom) -> None:
    row = await room.approved()
    first = await room.place_at(row, 3600)
    second = await room.place_at(row, 7200, by="lan", repeats=20, volume=100)
    during, before = await room.row(row), await room.broadcasts()
    asked = [kind for who, kind in await room.told() if who in {"hung", "mai"}]
    await room.approve(row, 1)
    places = {one.id: (one.state, one.broadcast_id) for one in await room.placements(row)}

    assert (first.state, second.state) == ("placed", "reserved")
    assert (during.state, during.head, during.approved_revision) == ("in_review", 1, 1)
    assert [one.id for one in before] == [first.broadcast_id]
    assert asked.count("submitted") == 4
    assert (await room.row(row)).state == "approved"
    assert places[first.id] == ("placed", first.broadcast_id)
    assert [one.repeats for one in await room.broadcasts()] == [1, 20]
    assert places[second.id][0] == "placed"


async def test_whoever_wrote_it_places_it_at_once_only_where_the_unit_lets_him_approve_it(here: Newsroom) -> None:
    row = await here.create(by="hung")
    await here.submit(row)
    await here.approve(row, 1, by="mai")
    own = await here.place_at(row, 3600, by="hung")
    await here.approve(row, 1, by="mai")
    await here.rule(self_approval=True)
    by_rule = await here.place_at(row, 7200, by="hung")

    assert (own.state, by_rule.state) == ("reserved", "placed")
    assert [(one.step, one.by_rule) for one in await here.steps(row)][-1] == ("placed", True)


async def test_a_bulletin_goes_nowhere_outside_its_unit(here: Newsroom) -> None:
    async def furnish(session: AsyncSession) -> None:
        await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune", parent_id="tinh")
        await units.create(session, unit_id="thon", name="Thôn", kind="village", parent_id=COMMUNE)
        await here.station.xa.register(session, "loa-khac", "xa-khac")

    await here.write(furnish)
    row = await here.create()
    for fields in (
        {"to": ["u-tinh"]},
        {"to": [SCOPE, "u-xa-khac"]},
        {"to": ["d-loa-khac"]},
        {"slot": "tinh"},
        {"slot": "xa-khac"},
    ):
        with pytest.raises(PlacementInvalid) as caught:
            await here.place(row, by="lan", **fields)
        assert "không thuộc đơn vị" in str(caught.value.details["vi"])
    await here.place(row, to=[SCOPE, "u-thon", "d-loa-1"])

    assert len(await here.placements(row)) == 1


async def test_what_was_moved_out_of_the_unit_before_the_approval_hears_nothing_of_it(here: Newsroom) -> None:
    async def furnish(session: AsyncSession) -> None:
        await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune", parent_id="tinh")

    await here.write(furnish)
    row = await here.create()
    await here.place(row, by="lan", to=["d-loa-1"])
    await here.submit(row)
    await here.write(lambda session: _moved(session, "loa-1", "xa-khac"))

    with pytest.raises(PlacementInvalid) as caught:
        await here.approve(row, 1)
    assert "d-loa-1 không thuộc đơn vị" in str(caught.value.details["vi"])
    assert await here.broadcasts() == []


async def _moved(session: AsyncSession, device: str, unit: str) -> None:
    await moving.move_device(session, await session.get_one(Device, device), unit)


async def test_the_order_of_what_fills_a_slot_outlives_the_approval_of_a_correction(here: Newsroom) -> None:
    rows = [await here.approved(title=title, level="priority") for title in "ABC"]
    for row in rows:
        await here.place(row, slot=COMMUNE)
    ids = {one.title: one.id for one in await here.waiting()}
    await here.write(lambda session: slots.order(session, COMMUNE, [ids["C"], ids["A"], ids["B"]], here.station.terms))
    await here.edit(rows[2], 1, written("C, sửa", level="priority"))
    await here.approve(rows[2], 2)
    corrected = [one.title for one in sorted(await here.waiting(), key=lambda one: one.position)]
    await here.edit(rows[2], 2, written("C, thường", level="normal"))
    await here.approve(rows[2], 3)

    assert corrected == ["C, sửa", "A", "B"]
    assert [one.title for one in sorted(await here.waiting(), key=lambda one: one.position)] == ["A", "B", "C, thường"]


async def test_what_an_approval_comes_too_late_for_is_written_down_and_told(here: Newsroom) -> None:
    row = await here.create()
    await here.place_at(row, 600, fallback_asset="tin")
    await here.submit(row)
    here.station.xa.clock.move(minutes=11)
    decided = await here.approve(row, 1)

    missed = (await here.misses(row))[0]
    assert [one.state for one in decided.placements] == ["skipped"]
    assert (missed.fallback_asset, missed.fallback_error, missed.scopes) == ("tin", "start_in_past", [SCOPE])
    assert sorted(who for who, kind in await here.told() if kind == "skipped") == ["hung", "lan", "mai"]
    assert [one.step for one in await here.steps(row)][-2:] == ["approved", "skipped"]


async def test_a_session_that_was_let_pass_keeps_what_stands_in_for_a_late_approval(here: Newsroom) -> None:
    await here.station.sound("nhac", 30_000)
    await here.station.save(programme({**EVENING, "segments": [slot(300)]}))
    row = await here.create()
    await here.place(row, slot=COMMUNE, fallback_asset="nhac")
    await here.submit(row)
    here.station.xa.clock.at = FIRST_EVENING - timedelta(seconds=25)
    await here.tick()
    await here.approve(row, 1)

    rows = await here.station.rows()
    assert [[one["ref"] for one in row.segments] for row in rows[:2]] == [["r-nhac"], ["r-tin"]]


async def test_a_session_that_played_what_was_approved_then_was_not_missed(here: Newsroom) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(300)]}))
    row = await here.approved(valid_until=(here.now + timedelta(hours=12)).isoformat())
    await here.place(row, slot=COMMUNE)
    await here.edit(row, 1, written("Bản mới"))
    here.station.xa.clock.move(hours=12, seconds=1)
    await here.tick()
    await here.tick()

    assert [one.state for one in await here.placements(row)] == ["reserved"]
    assert await here.misses(row) == []


async def test_what_would_not_be_heard_is_approved_only_by_who_says_so(here: Newsroom) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(30)]}))
    row = await here.create()
    place = await here.place(row, slot=COMMUNE)
    await here.submit(row)
    with pytest.raises(BulletinNotReady) as caught:
        await here.approve(row, 1, despite=["reading_differs"])
    refused = await here.row(row)
    await here.approve(row, 1, despite=["longer_than_slot", "reading_differs"])

    told = caught.value.details["points"]
    assert [(one["code"], one["placement"]) for one in told] == [("longer_than_slot", place.id)]  # type: ignore[attr-defined]
    assert "1 phút 0 giây" in str(caught.value.details["vi"])
    assert refused.state == "in_review"
    assert [one.despite for one in await here.steps(row)][-1] == ["longer_than_slot"]


async def test_a_machines_voice_is_called_so_whatever_its_author_says(here: Newsroom) -> None:
    async def mark(session: AsyncSession) -> None:
        (await media.require(session, "tin")).facts = {"speech": {"voice": "vi"}}

    await here.write(mark)
    row = await here.create()

    async with here.station.xa.db.reading() as session:
        stored = (await store.documents(session, row.id, [1]))[1]
    assert stored.variants[0].audio_kind == "machine"


async def test_what_nobody_approved_stands_in_the_timeline_of_every_device_that_was_to_hear_it(room: Newsroom) -> None:
    await room.write(lambda s: units.create(s, unit_id="thon", name="Thôn", kind="village", parent_id=COMMUNE))
    await room.write(lambda s: room.station.xa.register(s, "loa-thon", "thon"))
    await room.station.save(programme({**EVENING, "segments": [slot(300)]}))
    row = await room.create()
    at = await room.place(row, to=["d-loa-1"], start=room.now + timedelta(hours=1), fallback_asset="tin")
    await room.place(row, slot=COMMUNE)
    room.station.xa.clock.at = FIRST_EVENING - timedelta(seconds=20)
    await room.tick()
    told = {name: await _missed(room, name) for name in ("loa-1", "loa-2", "loa-thon")}

    async with room.station.xa.db.reading() as session:
        why = await timelines.explain(session, "loa-thon", FIRST_EVENING + timedelta(seconds=30), now=room.now)
    in_slot = (row.id, FIRST_EVENING, "skipped", "not_approved")
    assert told == {
        "loa-1": [(row.id, at.start, "skipped", "not_approved"), in_slot],
        "loa-2": [in_slot],
        "loa-thon": [in_slot],
    }
    assert why.playing is None
    assert [(one.title, one.bulletin) for one in why.others] == [("Tiêm chủng", row.id)]
    assert "chưa được duyệt" in why.others[0].sentence.vi


async def _missed(room: Newsroom, device: str) -> list[tuple[object, ...]]:
    begin = room.now - timedelta(hours=12)
    async with room.station.xa.db.reading() as session:
        found = await timelines.timeline(session, device, begin, begin + timedelta(days=1), now=room.now)
    return [(one.bulletin, one.planned, one.outcome, one.reason) for one in found if one.source == "bulletin"]
