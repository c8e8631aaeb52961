"""What a device plays and why not: receipts for the past, the devices' own timeline for what comes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from controller.broadcasts.tables import BroadcastRow
from controller.devices.tables import Device
from controller.policies import service as policies
from controller.policies.document import Rules, Window
from controller.receipts import service as receipts
from controller.timelines import service
from controller.timelines.service import Entry, TimelineTooLong
from controller.units.service import DeviceUnknown
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from tests.fakes.commune import SCOPE, Commune, commune
from tests.fakes.wire_device import skipped
from tests.fakes.words import say

HOUR = timedelta(hours=1)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


async def _sound(xa: Commune, title: str, *, in_s: float, length_s: int, late_s: int = 0, **fields: object) -> str:
    """A broadcast that sounds, without any sound file: nothing here plays it."""
    broadcast = await xa.broadcast(in_s=in_s, title=title, late_s=late_s, **fields)
    async with xa.db.transaction() as session:
        row = await session.get(BroadcastRow, broadcast)
        assert row is not None
        row.duration_ms, row.board = length_s * 1000, None
    return broadcast


async def _timeline(xa: Commune, device: str = "loa-1", hours: float = 2.0) -> dict[str, Entry]:
    now = xa.clock.now()
    async with xa.db.reading() as session:
        found = await service.timeline(session, device, now - HOUR, now + timedelta(hours=hours), now=now)
    return {one.title: one for one in found}


async def test_what_comes_is_told_with_when_it_sounds(xa: Commune) -> None:
    await _sound(xa, "Tin sáng", in_s=60, length_s=30)

    entry = (await _timeline(xa))["Tin sáng"]

    begin = xa.clock.now() + timedelta(seconds=60)
    assert (entry.source, entry.outcome, entry.because) == ("forecast", "played", "complete")
    assert (entry.begin, entry.end) == (begin, begin + timedelta(seconds=30))
    assert entry.sentence.vi == "Sẽ phát."


async def test_what_loses_its_place_names_what_it_lost_to(xa: Commune) -> None:
    urgent = await _sound(xa, "Tin ưu tiên", in_s=60, length_s=600, level=Level.PRIORITY)
    await _sound(xa, "Tin thường", in_s=120, length_s=30, late_s=10)

    entry = (await _timeline(xa))["Tin thường"]

    assert (entry.outcome, entry.reason, entry.because) == ("skipped", "conflict", "lost_its_place")
    assert (entry.by, entry.by_title) == (urgent, "Tin ưu tiên")
    assert entry.sentence.vi == "Nhường “Tin ưu tiên” được phát trước, và đã quá giờ bắt đầu muộn nhất."
    assert entry.begin is None


async def test_what_was_taken_back_is_said_to_be(xa: Commune) -> None:
    broadcast = await _sound(xa, "Tin nhầm", in_s=60, length_s=30)
    await xa.cancel(broadcast)

    assert "Tin nhầm" not in {t for t, e in (await _timeline(xa)).items() if e.outcome == "played"}


async def test_of_the_past_the_receipt_tells_and_nothing_is_claimed_before_it_came(xa: Commune) -> None:
    first = await _sound(xa, "Đã trả lời", in_s=10, length_s=30)
    await _sound(xa, "Chưa trả lời", in_s=100, length_s=30)
    planned = xa.clock.now() + timedelta(seconds=10)
    xa.clock.move(seconds=150)
    receipt = skipped(
        first, outcome=Outcome.FAILED, reason=Reason.CONTENT_MISSING, detail="missing 0a1b", planned=planned
    )
    async with xa.db.transaction() as session:
        await say(session, "loa-1", receipt, xa.clock.now())

    found = await _timeline(xa)

    told, awaited = found["Đã trả lời"], found["Chưa trả lời"]
    assert (told.source, told.outcome, told.reason) == ("receipt", "failed", "content_missing")
    assert told.sentence.vi == "Âm thanh chưa về đến thiết bị: missing 0a1b."
    assert (awaited.source, awaited.outcome, awaited.begin) == ("awaited", None, None)


async def test_an_explanation_names_what_sounds_what_lost_and_what_follows(xa: Commune) -> None:
    await _sound(xa, "Tin ưu tiên", in_s=60, length_s=600, level=Level.PRIORITY)
    await _sound(xa, "Tin thường", in_s=120, length_s=30, late_s=10)
    await _sound(xa, "Tin sau", in_s=3600, length_s=30)
    at = xa.clock.now() + timedelta(seconds=125)

    async with xa.db.reading() as session:
        found = await service.explain(session, "loa-1", at, now=xa.clock.now())

    assert found.playing is not None
    assert found.following is not None
    assert found.playing.title == "Tin ưu tiên"
    assert [one.title for one in found.others] == ["Tin thường"]
    assert found.following.title == "Tin sau"


async def _others(xa: Commune, *, in_s: float, device: str = "loa-1") -> list[tuple[str, str | None]]:
    """What did not sound at an instant although it was to, and what became of it."""
    now = xa.clock.now()
    async with xa.db.reading() as session:
        found = await service.explain(session, device, now + timedelta(seconds=in_s), now=now)
    return [(one.title, one.outcome) for one in found.others]


async def test_what_lost_its_place_is_named_as_long_as_it_was_to_sound(xa: Commune) -> None:
    await _sound(xa, "Tin ưu tiên", in_s=60, length_s=10_800, level=Level.PRIORITY)
    await _sound(xa, "Buổi dài", in_s=60, length_s=10_800)

    assert await _others(xa, in_s=60 + 10_799) == [("Buổi dài", "skipped")]
    assert await _others(xa, in_s=60 + 10_800) == []


async def test_what_a_rule_of_the_air_silenced_is_named_as_long_as_it_was_to_sound(xa: Commune) -> None:
    await _sound(xa, "Buổi đêm", in_s=60, length_s=10_800)
    async with xa.db.transaction() as session:
        rules = Rules(windows=(Window(from_="05:00", to="05:30"),))
        await policies.put(session, SCOPE, rules, expected=None, now=xa.clock.now())

    assert await _others(xa, in_s=60 + 10_799) == [("Buổi đêm", "skipped")]


async def test_what_a_device_did_not_play_is_named_as_long_as_it_was_to_sound(xa: Commune) -> None:
    broadcast = await _sound(xa, "Buổi dài", in_s=60, length_s=10_800)
    planned = xa.clock.now() + timedelta(seconds=60)
    xa.clock.move(seconds=9000)
    missing = skipped(broadcast, outcome=Outcome.FAILED, reason=Reason.CONTENT_MISSING, planned=planned)
    async with xa.db.transaction() as session:
        await say(session, "loa-1", missing, xa.clock.now())

    assert await _others(xa, in_s=60 + 1799) == [("Buổi dài", "failed")]
    assert await _others(xa, in_s=60 + 1800) == []


async def test_a_text_that_a_board_has_not_answered_for_is_named_as_long_as_it_was_to_stand_there(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        board = await session.get(Device, "loa-2")
        assert board is not None
        board.kind = "board"
    await xa.broadcast(in_s=60, title="Thông báo", board_s=10_800)
    xa.clock.move(seconds=12_000)

    assert await _others(xa, in_s=10_859 - 12_000, device="loa-2") == [("Thông báo", None)]
    assert await _others(xa, in_s=10_860 - 12_000, device="loa-2") == []


async def test_a_device_that_tells_of_the_last_second_of_the_calendar_breaks_nothing(xa: Commune) -> None:
    made = await _sound(xa, "Cuối lịch", in_s=1, length_s=60)
    now = xa.clock.move(seconds=2)
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    async with xa.db.transaction() as session:
        await receipts.tick(session, now)
        await say(
            session, "loa-1", skipped(made, outcome=Outcome.PLAYED, planned=last, started=last, played_ms=60_000), now
        )
    async with xa.db.reading() as session:
        told = await service.timeline(session, "loa-1", now - HOUR, now + HOUR, now=now)
        why = await service.explain(session, "loa-1", now, now=now)

    assert [one.title for one in told] == ["Cuối lịch"]
    assert why.playing is None or why.playing.title == "Cuối lịch"


async def test_a_change_is_told_what_it_displaces_and_where(xa: Commune) -> None:
    await _sound(xa, "Tin thường", in_s=600, length_s=60, late_s=10)
    urgent = await _sound(xa, "Tin ưu tiên", in_s=590, length_s=300, level=Level.PRIORITY)
    now, until = xa.clock.now(), xa.clock.now() + HOUR

    async with xa.db.reading() as session:
        found = await service.displaced(
            session, scopes=[SCOPE], stood={}, fresh=frozenset({urgent}), now=now, until=until
        )

    assert [(one.title, one.own, one.by, list(one.devices)) for one in found] == [
        ("Tin thường", False, urgent, ["loa-1", "loa-2"])
    ]
    assert found[0].loss.then is None


async def test_a_change_is_told_what_of_its_own_has_to_give_way(xa: Commune) -> None:
    first = await _sound(xa, "Tin đã có", in_s=600, length_s=300)
    second = await _sound(xa, "Tin mới", in_s=660, length_s=60, late_s=600)
    now, until = xa.clock.now(), xa.clock.now() + HOUR

    async with xa.db.reading() as session:
        [found] = await service.displaced(
            session, scopes=[SCOPE], stood={}, fresh=frozenset({second}), now=now, until=until
        )

    assert (found.title, found.own, found.by_title, found.loss.item.occurrence.id) == ("Tin mới", True, "", second)
    assert found.loss.then == now + timedelta(seconds=900)
    assert first != second


async def test_what_a_change_took_away_is_not_charged_to_it(xa: Commune) -> None:
    await _sound(xa, "Tin thường", in_s=600, length_s=60, late_s=10)
    urgent = await _sound(xa, "Tin ưu tiên", in_s=590, length_s=300, level=Level.PRIORITY)
    now, until = xa.clock.now(), xa.clock.now() + HOUR
    async with xa.db.reading() as session:
        scene = await service.store.scene(session, now, until, now=now, scopes=[SCOPE])
        stood = [one for one in scene.plans[SCOPE].broadcasts if one.id == urgent]
    await xa.cancel(urgent)

    async with xa.db.reading() as session:
        found = await service.displaced(
            session, scopes=[SCOPE], stood={SCOPE: stood}, fresh=frozenset(), now=now, until=until
        )

    assert found == []


async def test_a_rule_of_the_air_is_named_with_whose_it_is(xa: Commune) -> None:
    await _sound(xa, "Tin khuya", in_s=3600, length_s=30)
    rules = Rules(windows=(Window(from_="05:00", to="11:00"),))
    async with xa.db.transaction() as session:
        await policies.put(session, SCOPE, rules, expected=None, now=xa.clock.now())

    entry = (await _timeline(xa))["Tin khuya"]

    assert (entry.outcome, entry.because, entry.whose) == ("skipped", "hours", SCOPE)
    assert entry.sentence.vi.startswith("Ngoài khung giờ được phát theo quy định của Xã An Bình: ")


async def test_a_device_that_is_not_there_and_a_year_are_refused(xa: Commune) -> None:
    now = xa.clock.now()
    async with xa.db.reading() as session:
        with pytest.raises(DeviceUnknown):
            await service.timeline(session, "loa-9", now, now + HOUR, now=now)
        with pytest.raises(TimelineTooLong):
            await service.timeline(session, "loa-1", now, now + timedelta(days=366), now=now)
