"""Programmes, receipts' figures, commands and self-diagnosis: the small rules of the agent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge_agent import checks
from edge_agent.checks import Condition
from edge_agent.commands import TEST_TONE_CUE, Commands
from edge_agent.documents import DocumentStore
from edge_agent.performance import joined_levels
from edge_agent.player import wire
from edge_agent.programmes import Catalogue, ProgrammeUnplayable, programme_of
from edge_agent.vitals import look
from loa_protocol.documents.device import ClockState, Command, CommandReply
from loa_protocol.documents.plan import (
    Broadcast,
    ChimeSegment,
    ContentSegment,
    PauseSegment,
    Plan,
    RelaySegment,
    Segments,
)
from loa_protocol.documents.policy import Policy, Window
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import item_of
from tests.fakes.agent_world import COMMUNE, DEVICE, NOW, World, content_named

CONDITION = Condition(
    clock=ClockState.TRUSTED,
    connected=True,
    free_bytes=10 << 30,
    min_free_bytes=64 << 20,
    output_open=True,
    output_down_s=0.0,
    unacknowledged=0,
    unacknowledged_s=0.0,
)


def plan_of(segments: Segments) -> tuple[Broadcast, Plan]:
    broadcast = Broadcast(
        id="mot",
        start=NOW + timedelta(hours=1),
        latest_start=NOW + timedelta(hours=1),
        duration_ms=5000,
        segments=segments,
    )
    plan = Plan(
        scope=COMMUNE,
        version=1,
        issued=NOW,
        expires=NOW + timedelta(days=9),
        horizon=NOW,
        broadcasts=(broadcast,),
        manifest={name: content_named(name) for name in ("tieng-viet", "tieng-mong", "chung", "du-phong")},
    )
    return broadcast, plan


def sources(segments: Segments) -> tuple[wire.Source, ...]:
    return programme_of(*plan_of(segments), ("vi",)).sources(Path)


def test_segments_become_what_the_player_understands() -> None:
    found = sources(
        (
            ChimeSegment(name="opening", duration_ms=2000),
            ContentSegment(ref="tieng-viet"),
            PauseSegment(duration_ms=700),
        )
    )

    root = content_named("tieng-viet").root
    assert found == (wire.Chime("opening"), wire.Content(root, 1000, 20_000), wire.Silence(700))


def test_a_chime_nobody_here_knows_does_not_cost_the_bulletin() -> None:
    assert sources((ChimeSegment(name="cong-chieng", duration_ms=2000),)) == (wire.Chime("opening"),)


def test_a_relay_is_given_its_fallback_where_the_plan_names_one() -> None:
    url = "https://example.org/live"
    fallback = wire.Content(content_named("du-phong").root, 1000, 20_000)

    found = sources(
        (
            RelaySegment(url=url, duration_ms=9, fallback="du-phong"),
            RelaySegment(url=url, duration_ms=8),
            RelaySegment(url=url, duration_ms=7, fallback="khong-co"),
        )
    )

    assert found == (wire.Relay(url, 9, fallback), wire.Relay(url, 8), wire.Relay(url, 7))


def test_a_programme_waits_for_its_bulletins_but_not_for_the_fallback_of_a_relay() -> None:
    relay = RelaySegment(url="https://example.org/live", duration_ms=9, fallback="du-phong")

    programme = programme_of(*plan_of((relay, ContentSegment(ref="tieng-viet"))), ("vi",))

    assert programme.required == (content_named("tieng-viet").root,)
    assert set(programme.roots) == {content_named("du-phong").root, content_named("tieng-viet").root}


def test_a_reference_the_plan_does_not_name_is_said_to_be_missing() -> None:
    with pytest.raises(ProgrammeUnplayable, match="manifest"):
        sources((ContentSegment(ref="khong-co"),))


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (("vi",), ["tieng-viet"]),
        (("hmn", "vi"), ["tieng-mong", "tieng-viet"]),
        (("vi", "hmn"), ["tieng-viet", "tieng-mong"]),
        (("km",), ["chung"]),
        ((), ["chung"]),
    ],
)
def test_a_device_sounds_and_fetches_what_its_languages_name_in_their_order(
    languages: tuple[str, ...], expected: list[str]
) -> None:
    spoken = ContentSegment(ref="chung", variants={"vi": "tieng-viet", "hmn": "tieng-mong"})
    broadcast, plan = plan_of((spoken,))
    roots = tuple(content_named(name).root for name in expected)

    programme = programme_of(broadcast, plan, languages)

    assert (programme.roots, programme.required) == (roots, roots)
    assert [source.path for source in programme.sources(Path)] == list(roots)  # type: ignore[union-attr]
    assert {need.root for need, _ in Catalogue([plan], languages).needs(lambda _: False, NOW)} == set(roots)


def test_only_what_may_still_sound_is_needed() -> None:
    broadcast, plan = plan_of((ContentSegment(ref="tieng-viet"),))
    catalogue = Catalogue([plan], ("vi",))
    root = content_named("tieng-viet").root

    assert [(c.root, at) for c, at in catalogue.needs(lambda _: False, NOW)] == [(root, broadcast.start)]
    assert list(catalogue.needs(lambda one: one == Occurrence(id="mot"), NOW)) == []
    assert list(catalogue.needs(lambda _: False, NOW + timedelta(hours=2))) == []
    over = NOW + timedelta(hours=1, seconds=6)
    again = [c.root for c, _ in catalogue.needs(lambda _: False, over, turn=1)]
    assert (list(catalogue.needs(lambda _: False, over)), again) == ([], [root])
    assert catalogue.programme(replace(item_of(broadcast, plan), version=9)) is None


def test_levels_of_several_stretches_are_joined_by_energy() -> None:
    loud = wire.Ended(occurrence="a", outcome="stopped", evidence="signal", frames=100, rms_dbfs=-20, peak_dbfs=-3)
    mute = wire.Ended(occurrence="a", outcome="played", evidence="signal", frames=100, rms_dbfs=-120, peak_dbfs=-90)

    rms, peak = joined_levels([loud, mute])

    assert rms == pytest.approx(-23.01, abs=0.01)
    assert peak == -3
    assert joined_levels([]) == (-120.0, -120.0)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, set()),
        ({"clock": ClockState.PLAUSIBLE}, set()),
        ({"clock": ClockState.UNTRUSTED}, {"clock_untrusted"}),
        ({"free_bytes": 1}, {"disk_low"}),
        ({"output_open": False, "output_down_s": 3.0}, set()),
        ({"output_open": False, "output_down_s": 60.0}, {"output_failing"}),
        ({"output_open": None, "output_down_s": 60.0}, set()),
        ({"unacknowledged": 3, "unacknowledged_s": 700.0}, {"journal_unacknowledged"}),
        ({"unacknowledged": 3, "unacknowledged_s": 700.0, "connected": False}, set()),
    ],
)
def test_a_fault_is_found_when_it_is_there_and_only_then(changes: dict[str, object], codes: set[str]) -> None:
    found = checks.faults(replace(CONDITION, **changes))

    assert set(found) == codes
    assert all(len(text) > 20 for text in found.values())


def test_the_machine_can_be_looked_at(tmp_path: Path) -> None:
    seen = look(tmp_path)

    assert seen.free_bytes > 0
    assert seen.cpu_s > 0
    assert seen.memory_bytes is not None
    assert seen.memory_bytes > 1 << 20


@dataclass
class TonePlayer:
    """Remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    async def prepare(self, cue: wire.Prepare) -> wire.Ready:
        return wire.Ready(occurrence=cue.occurrence, duration_ms=1000)

    async def start_at(self, occurrence: str, *, start_ns: int, volume: int = 100) -> None:
        assert start_ns
        self.asked.append(f"{occurrence} {volume}")

    async def start(self) -> None:
        self.asked.append("start")

    async def close(self) -> None:
        self.asked.append("close")


class Post:
    """Commands over a real store."""

    def __init__(self, world: World) -> None:
        self.world, self.player = world, TonePlayer()
        self.replies: list[CommandReply] = []
        self.shown: list[datetime] = []
        self.states = 0
        self.busy = False
        self.store = DocumentStore(world.folder / "documents.sqlite")

    async def open(self, *, sound: bool = True) -> None:
        await self.store.open()
        self.commands = Commands(
            device_id=DEVICE,
            store=self.store,
            clock=self.world.clock,
            desk=self.world.desk,
            player=self.player if sound else None,
            busy=lambda: self.busy,
            report_state=self.count,
            show_log=lambda: self.shown.append(self.world.utc),
            reply=self.reply,
        )

    def count(self) -> None:
        self.states += 1

    async def reply(self, reply: CommandReply) -> None:
        self.replies.append(reply)

    async def obey(self, name: str, identity: str = "c-1") -> str:
        now = self.world.utc
        command = Command(id=identity, scope=f"d-{DEVICE}", name=name, issued=now, expires=now + timedelta(minutes=5))
        await self.commands.obey(command)
        return self.replies[-1].code


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    world = World(tmp_path)
    await world.born()
    made = Post(world)
    await made.open()
    yield made
    await made.store.close()
    await world.power_cut()


async def test_a_command_is_done_once_per_id_and_answered_every_time(post: Post) -> None:
    assert [await post.obey("report-state") for _ in range(3)] == ["", "", ""]
    assert await post.obey("report-state", "c-2") == ""

    assert post.states == 2
    assert [reply.id for reply in post.replies] == ["c-1", "c-1", "c-1", "c-2"]


async def test_the_log_is_shown_on_request_even_while_something_sounds(post: Post) -> None:
    post.busy = True

    assert await post.obey("show-log") == ""
    assert len(post.shown) == 1
    assert "5 minutes" in post.replies[-1].message


async def test_a_test_tone_keeps_the_hours_and_the_volume_of_the_policy(post: Post) -> None:
    assert await post.obey("test-tone") == ""
    assert post.player.asked == [f"{TEST_TONE_CUE} 50"]
    closed = Policy(
        scope=COMMUNE,
        version=1,
        issued=NOW,
        expires=NOW + timedelta(days=9),
        windows=(Window(from_minute=60, to_minute=120),),
    )
    post.world._hold(closed)
    held = post.world.holdings.held
    held["policy"] = [held.pop(next(t for t, many in held.items() if many[-1].document is closed))[-1]]
    post.world.desk.refresh()

    assert await post.obey("test-tone", "c-2") == "policy"
    assert len(post.player.asked) == 1


@pytest.mark.parametrize("name", ["test-tone", "restart-player"])
async def test_nothing_disturbs_what_sounds_or_is_about_to(post: Post, name: str) -> None:
    post.busy = True
    assert await post.obey(name) == "busy"
    post.busy = False
    post.world.plan(post.world.broadcast("mot", in_ms=5000))

    assert await post.obey(name, "c-2") == "busy"
    assert post.player.asked == []


async def test_the_player_is_restarted_on_request(post: Post) -> None:
    assert await post.obey("restart-player") == ""

    assert post.player.asked == ["close", "start"]


async def test_an_unknown_command_and_a_device_without_sound_say_so(post: Post) -> None:
    assert await post.obey("fly") == "command_unknown"
    await post.store.close()
    post.store = DocumentStore(post.world.folder / "other.sqlite")
    await post.open(sound=False)

    assert await post.obey("test-tone", "c-2") == "not_for_device"
