"""The runner over a real journal, with time set by hand and a player that obeys in no time."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from edge_agent.journal import Journal
from loa_protocol.documents.plan import OnLate, OnPreempt, Withdrawn
from loa_protocol.ids import Level
from loa_protocol.receipts import Receipt
from tests.fakes.agent_world import World, content_named


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[BlockBuster]:
    with blockbuster_ctx("edge_agent") as buster:
        yield buster


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.born()
    yield made
    await made.power_cut()


def told(receipt: Receipt) -> tuple[str, str | None]:
    return str(receipt.outcome), None if receipt.reason is None else str(receipt.reason)


async def only(world: World, name: str) -> Receipt:
    receipts = (await world.receipts())[name]
    assert len(receipts) == 1
    return receipts[0]


async def test_a_broadcast_sounds_at_its_instant_with_its_volume_and_is_answered(world: World) -> None:
    wanted = world.broadcast("mot", in_ms=5000, duration_ms=2000)
    world.plan(wanted)

    await world.live(9000)

    receipt = await only(world, "mot")
    assert told(receipt) == ("played", None)
    assert receipt.started == receipt.planned == wanted.start
    assert (receipt.played_ms, receipt.skew_ms, receipt.volume) == (2000, 0.0, 80)
    assert receipt.roots == (content_named("mot").root,)
    assert world.sounds() == [("mot", world.clock.mono_of(wanted.start), world.clock.mono_of(receipt.ended))]


async def test_languages_sound_one_after_another_in_the_devices_order_and_the_receipt_names_them(world: World) -> None:
    world.speaks("hmn", "vi")
    spoken = world.spoken("tin", ref_ms=500, longest_ms=9000, vi=2000, hmn=3000, km=4000)
    world.plan(spoken, world.broadcast("sau", in_ms=7100, duration_ms=1000, late_ms=0))

    await world.live(15_000)

    receipt = await only(world, "tin")
    assert told(receipt) == ("played", None)
    assert receipt.played_ms == 5000
    assert receipt.roots == (content_named("tin-hmn").root, content_named("tin-vi").root)
    assert (await only(world, "sau")).started == spoken.start + timedelta(milliseconds=5100)


async def test_a_device_that_speaks_none_of_the_languages_sounds_what_is_for_everybody(world: World) -> None:
    world.speaks("tyz")
    world.plan(world.spoken("tin", ref_ms=500, longest_ms=9000, vi=2000, hmn=3000))

    await world.live(5000)

    receipt = await only(world, "tin")
    assert (told(receipt), receipt.played_ms, receipt.roots) == (("played", None), 500, (content_named("tin").root,))


async def test_what_is_stopped_in_its_first_language_names_only_that_one(world: World) -> None:
    world.speaks("hmn", "vi")
    world.plan(world.spoken("tin", ref_ms=500, longest_ms=9000, vi=2000, hmn=3000))
    await world.live(4000)
    world.stop()

    await world.live(2000)

    receipt = await only(world, "tin")
    assert told(receipt) == ("partial", "stopped")
    assert receipt.roots == (content_named("tin-hmn").root,)


async def test_a_change_of_languages_leaves_what_sounds_as_it_began(world: World) -> None:
    world.speaks("hmn", "vi")
    world.plan(world.spoken("tin", ref_ms=500, longest_ms=9000, vi=2000, hmn=3000))
    await world.live(4000)
    world.speaks("vi")

    await world.live(6000)

    receipt = await only(world, "tin")
    assert (told(receipt), receipt.played_ms) == (("played", None), 5000)
    assert receipt.roots == (content_named("tin-hmn").root, content_named("tin-vi").root)


async def test_started_is_in_the_journal_before_the_player_is_told(world: World) -> None:
    world.plan(world.broadcast("mot"))
    seen: list[list[str]] = []
    begin = world.player.start_at

    async def watched(occurrence: str, *, start_ns: int, volume: int = 100, latest_ns: int | None = None) -> None:
        seen.append(await world.starts())
        await begin(occurrence, start_ns=start_ns, volume=volume, latest_ns=latest_ns)

    world.player.start_at = watched

    await world.live(7000)

    assert seen == [["mot"]]


async def test_a_power_cut_before_the_start_is_committed_still_plays_once(world: World) -> None:
    world.plan(world.broadcast("mot", in_ms=5000))
    await world.live(4600)

    await world.reborn(off_ms=1000)
    await world.live(5000)

    assert told(await only(world, "mot")) == ("played", None)
    assert len(world.sounds()) == 1


async def test_a_power_cut_while_it_sounds_is_interrupted_and_it_never_begins_again(world: World) -> None:
    world.plan(world.broadcast("mot", in_ms=5000, duration_ms=4000, late_ms=60_000))
    await world.live(7000)

    await world.reborn()
    await world.live(20_000)

    assert told(await only(world, "mot")) == ("interrupted", "power_cut")
    assert await world.starts() == ["mot"]
    assert len(world.sounds()) == 1


async def test_a_priority_one_cuts_and_the_cut_one_goes_on_where_it_was(world: World) -> None:
    world.plan(
        world.broadcast("dai", in_ms=2000, duration_ms=6000),
        world.broadcast("gap", in_ms=5000, duration_ms=2000, level=Level.PRIORITY),
    )

    await world.live(14_000)

    heard = [(name, round((end - begin) / 1e6)) for name, begin, end in world.sounds()]
    assert heard == [("dai", 3000), ("gap", 2000), ("dai", 3000)]
    assert told(await only(world, "dai")) == told(await only(world, "gap")) == ("played", None)
    assert (await only(world, "dai")).played_ms == 6000
    assert await world.starts() == ["dai", "gap"]


async def test_one_that_drops_when_cut_says_so(world: World) -> None:
    world.plan(
        world.broadcast("dai", in_ms=2000, duration_ms=6000, on_preempt=OnPreempt.DROP),
        world.broadcast("gap", in_ms=5000, duration_ms=2000, level=Level.PRIORITY),
    )

    await world.live(14_000)

    assert told(await only(world, "dai")) == ("preempted", "preempted")
    assert (await only(world, "dai")).played_ms == 3000


async def test_a_priority_one_without_its_content_cuts_nothing(world: World) -> None:
    world.cache.all_there = False
    world.cache.have = {content_named("dai").root}
    world.plan(
        world.broadcast("dai", in_ms=2000, duration_ms=6000, on_preempt=OnPreempt.DROP),
        world.broadcast("gap", in_ms=4000, duration_ms=2000, late_ms=1000, level=Level.PRIORITY),
    )

    await world.live(14_000)

    assert told(await only(world, "dai")) == ("played", None)
    assert told(await only(world, "gap")) == ("failed", "content_missing")


async def test_content_that_comes_late_sounds_whole_while_it_may(world: World) -> None:
    world.cache.all_there = False
    world.plan(world.broadcast("mot", in_ms=2000, late_ms=10_000))
    await world.live(6000)
    world.cache.have.add(content_named("mot").root)
    world.runner.changed()

    await world.live(6000)

    receipt = await only(world, "mot")
    assert told(receipt) == ("played", None)
    assert 4000 < receipt.skew_ms < 6000


async def test_what_is_due_when_its_plan_comes_begins_at_once(world: World) -> None:
    world.plan(world.broadcast("ngay", in_ms=0, late_ms=10_000))

    await world.live(3000)

    receipt = await only(world, "ngay")
    assert told(receipt) == ("played", None)
    assert receipt.skew_ms < 100


async def test_a_late_one_that_asks_for_its_rest_sounds_only_that(world: World) -> None:
    world.cache.all_there = False
    world.plan(world.broadcast("tiep-song", in_ms=2000, duration_ms=10_000, on_late=OnLate.REST))
    await world.live(6000)
    world.cache.all_there = True

    await world.live(10_000)

    receipt = await only(world, "tiep-song")
    assert told(receipt) == ("partial", "too_late")
    assert abs((receipt.ended - receipt.planned).total_seconds() - 10.0) < 0.6


async def test_a_stop_silences_what_sounds_and_keeps_what_comes_quiet(world: World) -> None:
    world.plan(
        world.broadcast("dai", in_ms=2000, duration_ms=6000),
        world.broadcast("sau", in_ms=20_000, late_ms=0),
        world.broadcast("mai-sau", in_ms=60_000, late_ms=0),
    )
    await world.live(4000)
    at = world.system.mono_ns
    world.stop(for_ms=30_000)

    await world.live(65_000)

    assert told(await only(world, "dai")) == ("partial", "stopped")
    assert world.sounds()[0][2] - at < 100_000_000
    assert told(await only(world, "sau")) == ("skipped", "stopped")
    assert told(await only(world, "mai-sau")) == ("played", None)


async def test_a_withdrawn_one_stops_where_it_is(world: World) -> None:
    sound = world.broadcast("dai", in_ms=2000, duration_ms=6000)
    world.plan(sound)
    await world.live(4000)
    world.plan(withdrawn=(Withdrawn(id="dai", rev=0),))

    await world.live(3000)

    assert told(await only(world, "dai")) == ("interrupted", "withdrawn")


async def test_the_same_documents_again_change_nothing(world: World) -> None:
    sound = world.broadcast("mot", in_ms=2000)
    world.plan(sound)
    await world.live(6000)
    world.plan(sound)

    await world.live(9000)

    assert len(world.sounds()) == 1
    await only(world, "mot")


async def test_a_dead_player_interrupts_and_the_next_broadcast_sounds(world: World) -> None:
    world.plan(world.broadcast("mot", in_ms=2000, duration_ms=4000), world.broadcast("hai", in_ms=10_000))
    await world.live(4000)
    world.player.die()
    await world.live(7000)
    assert await world.starts() == ["mot"]
    world.player.back()

    await world.live(4000)

    assert told(await only(world, "mot")) == ("interrupted", "player_died")
    assert told(await only(world, "hai")) == ("played", None)


async def test_without_a_player_it_fails_with_the_output_not_with_the_hour(world: World) -> None:
    world.player.broken = True
    world.plan(world.broadcast("mot", in_ms=2000, late_ms=2000))

    await world.live(9000)

    assert told(await only(world, "mot")) == ("failed", "output_failed")
    assert await world.starts() == []


async def test_undecodable_content_that_hashes_right_fails_as_bad(world: World) -> None:
    world.player.refuses["mot"] = "content_undecodable"
    world.plan(world.broadcast("mot", in_ms=2000))

    await world.live(6000)

    assert told(await only(world, "mot")) == ("failed", "content_bad")
    assert world.cache.rechecked == [content_named("mot").root]


async def test_content_damaged_on_disk_is_waited_for_again(world: World) -> None:
    world.player.refuses["mot"] = "content_truncated"
    world.cache.good = False
    world.plan(world.broadcast("mot", in_ms=2000, late_ms=10_000))
    await world.live(4000)
    assert "mot" not in await world.receipts()
    world.player.refuses.clear()
    world.cache.have.add(content_named("mot").root)

    await world.live(6000)

    assert told(await only(world, "mot")) == ("played", None)


async def test_silence_is_not_played(world: World) -> None:
    world.player.loudness_db = -75.0
    world.plan(world.broadcast("mot", in_ms=2000))

    await world.live(5000)

    assert told(await only(world, "mot")) == ("failed", "silent")


async def test_a_step_of_the_wall_clock_matters_not(world: World) -> None:
    wanted = world.broadcast("mot", in_ms=5000)
    world.plan(wanted)
    await world.live(2000)
    world.system.wall_now += timedelta(days=900)

    await world.live(6000)

    assert (await only(world, "mot")).started == wanted.start


async def test_a_plan_that_expired_before_the_start_is_said_to_have(world: World) -> None:
    world.plan(world.broadcast("mot", in_ms=5000, late_ms=20_000), days=4 / 86_400)

    await world.live(30_000)

    assert told(await only(world, "mot")) == ("skipped", "expired")
    assert world.sounds() == []


async def test_a_changed_end_is_followed_while_it_sounds(world: World) -> None:
    sound = world.broadcast("dai", in_ms=2000, duration_ms=8000)
    world.plan(sound)
    await world.live(4000)
    world.plan(world.broadcast("dai", in_ms=-2000, duration_ms=4000, rev=1))

    await world.live(8000)

    receipt = await only(world, "dai")
    assert told(receipt) == ("played", None)
    assert receipt.played_ms == 4000


async def test_an_ended_agent_answers_for_what_sounded(world: World) -> None:
    world.plan(world.broadcast("dai", in_ms=2000, duration_ms=8000))
    await world.live(5000)

    await world.runner.close()

    assert told(await only(world, "dai")) == ("interrupted", "power_cut")
    assert (await only(world, "dai")).played_ms == 3000


async def test_after_a_lost_journal_nothing_that_was_due_before_begins(world: World) -> None:
    world.plan(
        world.broadcast("mot", in_ms=2000, duration_ms=1000, late_ms=60_000), world.broadcast("hai", in_ms=15_000)
    )
    await world.live(6000)
    assert len(world.sounds()) == 1
    await world.power_cut()
    (world.folder / "journal.sqlite").write_bytes(b"not a database" * 500)
    await world.born()
    assert world.journal.replaced
    world.runner.begin_nothing_before(world.utc)

    await world.live(20_000)

    assert told(await only(world, "mot")) == ("interrupted", "power_cut")
    assert told(await only(world, "hai")) == ("played", None)
    assert [name for name, _, _ in world.sounds()] == ["mot", "hai"]


async def test_a_full_disk_begins_nothing_and_goes_on_when_there_is_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_agent.database import DiskFull

    append = Journal.append

    async def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(Journal, "append", full)
    world.plan(world.broadcast("mot", in_ms=2000, late_ms=20_000))
    for _ in range(80):
        world.system.pass_ms(50)
        try:
            await world.live(1)
        except DiskFull:
            continue
    assert world.sounds() == []
    monkeypatch.setattr(Journal, "append", append)

    await world.live(5000)

    assert told(await only(world, "mot")) == ("played", None)
