"""A real agent process on the real embedded broker, with a small controller that serves content too.

It plays into a file; `kill -9` at every named point: never a sound twice, every receipt exactly once.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest

from loa_protocol import content, strict_json, topics
from loa_protocol.documents.device import Command, CommandReply, Want
from loa_protocol.documents.emergency import Stop
from loa_protocol.documents.plan import Broadcast, Plan
from loa_protocol.envelope import open_payload, parse, seal
from loa_protocol.receipts import Note, Receipt, Started, follow_chain
from loa_protocol.topics import Family
from tests.acceptance.rig import _listens as listens
from tests.acceptance.rig import broker_process, bursts, free_port, lone_agent, read_wav, wait_for
from tests.fakes.lone_controller import COMMUNE, LoneController, SentContent, utc_now
from tests.fakes.modems import ANSWER, program
from tests.fakes.player_sounds import write_encoded

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

DEVICE = "loa-1"
TONE_S = 0.6
POINTS = (
    "agent.content.before_whole",
    "agent.floor.before_commit",
    "agent.floor.after_commit",
    "agent.journal.before_commit",
    "agent.journal.after_commit",
    "agent.start.before_commit",
    "agent.start.after_commit",
    "agent.start.after_send",
)


class ServingController(LoneController):
    """A controller that also answers wants, and takes replies to commands."""

    def __init__(self, port: int, device: str) -> None:
        self.assets: dict[str, SentContent] = {}
        self.wants: list[Want] = []
        self.replies: list[CommandReply] = []
        super().__init__(port, device)

    def _arrived(self, link: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        address = topics.parse(message.topic)
        if address.family is Family.WANT:
            self._serve(strict_json.decode(message.payload, Want))
        elif address.family is Family.UP_REPLY and b"payloadType" in message.payload:
            self.replies.append(open_payload(parse(message.payload), CommandReply))
        else:
            super()._arrived(link, data, message)

    def _serve(self, want: Want) -> None:
        self.wants.append(want)
        asset = self.assets.get(want.root)
        if asset is None:
            return
        topic = topics.to_device(Family.DEVICE_CONTENT, self.device)
        if want.index:
            self._link.publish(topic, content.pack_index(asset.index), 1)
        chunks = list(content.split(asset.data))
        for number in want.chunks:
            self._link.publish(topic, content.pack_chunk(asset.index, number, chunks[number]), 1)

    def stop(self, broadcast: str | None = None, *, for_s: float = 0) -> None:
        now = utc_now()
        document = Stop(
            scope=COMMUNE,
            version=self.next_version(),
            issued=now,
            expires=now + timedelta(hours=2),
            until=now + timedelta(seconds=for_s),
            broadcast=broadcast,
        )
        self.raw(topics.scoped(Family.STOP, COMMUNE), seal("stop", document, [self.plan_key]))

    def command(self, identity: str, name: str) -> None:
        now = utc_now()
        command = Command(
            id=identity, scope=f"d-{self.device}", name=name, issued=now, expires=now + timedelta(minutes=5)
        )
        self.raw(topics.to_device(Family.COMMAND, self.device), seal("command", command, [self.plan_key]), retain=False)


class Site:
    """One broker, one controller, one agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.broker = broker_process("iotcore", folder, port)
        self.broker.start()
        wait_for(lambda: listens(port), "the broker listens")
        self.controller = ServingController(port, DEVICE)
        self.bundle, self.agent = lone_agent(
            folder, port, self.controller.pinned_trust(), device=DEVICE, module=["edge_agent"]
        )
        self.controller.assign()
        self.plans = 0

    def asset(self, name: str, seconds: float = TONE_S, hz: float = 600.0) -> SentContent:
        at = np.arange(round(seconds * 48_000)) / 48_000
        path = self.folder / f"{name}.ogg"
        samples = (0.3 * np.sin(2 * np.pi * hz * at)).astype(np.float32)
        write_encoded(path, samples, codec="libopus", container="ogg")
        made = SentContent(name, path, round(seconds * 1000))
        self.controller.assets[made.index.root] = made
        return made

    def plan(self, *broadcasts: Broadcast, assets: tuple[SentContent, ...] = ()) -> Plan:
        manifest = {}
        for asset in assets:
            manifest |= asset.manifest()
        plan = self.controller.make_plan(broadcasts, manifest)
        self.controller.send_plan(plan)
        return plan

    def wait_ready(self) -> None:
        wait_for(lambda: any(s.ready for s in self.controller.states), f"ready; {self.agent.tail()}", 20)

    def answered(self, name: str, limit_s: float = 20.0) -> Receipt:
        def found() -> list[Receipt]:
            if not self.agent.alive:
                raise AssertionError(f"the agent ended:\n{self.agent.tail()}")
            return self.controller.receipts(name)

        return wait_for(found, f"{name} is answered", limit_s)[0]

    def sounds(self) -> list[tuple[float, float]]:
        """Everything audible, each life of the player by itself: nothing sounds across a kill."""
        lives = sorted((self.folder / "captured").glob("*.wav"))
        return [burst for life in lives for burst in bursts(read_wav(life)[1])]

    def notes(self) -> Counter[str]:
        return Counter(body.code for body in self.controller.bodies() if isinstance(body, Note))

    def logged(self) -> dict[str, dict[str, Any]]:
        """Lines of the agent's own log as health told them: text → line, in the order in which they came."""
        return {line["text"]: line for health in self.controller.health for line in health.get("log", ())}

    def end(self) -> None:
        self.agent.end()
        self.controller.close()
        self.broker.end()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    held = Site(tmp_path)
    try:
        yield held
    finally:
        held.end()


def test_a_real_opus_file_sounds_at_its_instant_and_is_answered_once(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("tieng")
    site.plan(site.controller.sound("mot", asset, in_s=2.0), assets=(asset,))

    receipt = site.answered("mot")

    assert (str(receipt.outcome), receipt.reason) == ("played", None)
    assert abs(receipt.skew_ms) < 20
    assert abs(receipt.played_ms - TONE_S * 1000) < 80
    assert receipt.rms_dbfs > -40
    assert receipt.roots == (asset.index.root,)
    assert str(receipt.clock.state) == "trusted"
    assert len(site.sounds()) == 1
    started = [b for b in site.controller.bodies() if isinstance(b, Started)]
    assert [s.occurrence.id for s in started] == ["mot"]
    follow_chain(tuple(raw for _, raw in sorted(site.controller.entries.items())), 0, "0" * 64)


def test_a_redelivered_plan_plays_once(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("tieng")
    sound = site.controller.sound("mot", asset, in_s=1.5)
    plan = site.plan(sound, assets=(asset,))
    site.answered("mot")
    for _ in range(3):
        site.controller.send_plan(plan)
    site.controller.send_plan(site.controller.make_plan([sound], asset.manifest()))
    after = site.controller.sound("hai", asset, in_s=1.5)
    site.plan(sound, after, assets=(asset,))

    site.answered("hai")

    assert len(site.sounds()) == 2
    assert len(site.controller.receipts("mot")) == 1


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_nothing_sounds_twice_and_every_receipt_arrives_once(site: Site, point: str) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("tieng")
    site.plan(site.controller.sound("truoc", asset, in_s=1.5), assets=(asset,))
    site.answered("truoc")
    site.agent.kill()
    hits = site.folder / "hits"
    site.agent.start(LOA_FAILPOINT=point, LOA_FAILPOINT_LOG=str(hits))
    other = site.asset("khac", hz=900.0)
    site.plan(site.controller.sound("sau", other, in_s=4.0, late_s=60.0), assets=(other,))
    site.agent.wait_dead(20)
    site.agent.start()

    receipt = site.answered("sau", 30)

    assert hits.read_text().split() == [point]
    begun = "start.after" in point
    assert str(receipt.outcome) == ("interrupted" if begun else "played")
    assert len(site.controller.receipts("sau")) == len(site.controller.receipts("truoc")) == 1
    heard = 2 if str(receipt.outcome) == "played" else 1
    assert len(site.sounds()) == heard
    keys = sorted(site.controller.entries)
    assert [sequence for _, sequence in keys] == list(range(1, len(keys) + 1))


@pytest.mark.alone
def test_a_stop_silences_at_once_and_says_partial(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("dai", seconds=8.0)
    site.plan(site.controller.sound("dai", asset, in_s=1.5), assets=(asset,))
    wait_for(lambda: any(s.playing == "dai" for s in site.controller.states), "it sounds", 15)
    stopped = utc_now()
    site.controller.stop()

    receipt = site.answered("dai")

    assert (str(receipt.outcome), str(receipt.reason)) == ("partial", "stopped")
    assert (receipt.ended - stopped).total_seconds() < 0.5
    assert len(site.sounds()) == 1
    assert site.sounds()[0][1] - site.sounds()[0][0] < 7.0


def test_a_withdrawn_broadcast_is_interrupted(site: Site) -> None:
    from loa_protocol.documents.plan import Withdrawn

    site.agent.start()
    site.wait_ready()
    asset = site.asset("dai", seconds=8.0)
    sound = site.controller.sound("dai", asset, in_s=1.5)
    site.plan(sound, assets=(asset,))
    wait_for(lambda: any(s.playing == "dai" for s in site.controller.states), "it sounds", 15)
    plan = site.controller.make_plan([])
    plan = Plan(**{f: getattr(plan, f) for f in plan.__struct_fields__} | {"withdrawn": (Withdrawn(id="dai", rev=0),)})
    site.controller.send_plan(plan)

    receipt = site.answered("dai")

    assert (str(receipt.outcome), str(receipt.reason)) == ("interrupted", "withdrawn")


def test_a_priority_broadcast_cuts_a_normal_one_which_resumes(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    long, urgent = site.asset("dai", seconds=5.0, hz=500.0), site.asset("gap", seconds=1.0, hz=1500.0)
    first = site.controller.sound("dai", long, in_s=2.0)
    cutting = site.controller.sound("gap", urgent, in_s=4.0)
    from loa_protocol.ids import Level

    cutting = Broadcast(**{f: getattr(cutting, f) for f in cutting.__struct_fields__} | {"level": Level.PRIORITY})
    site.plan(first, cutting, assets=(long, urgent))

    resumed = site.answered("dai", 25)

    assert str(site.answered("gap").outcome) == "played"
    assert str(resumed.outcome) == "played"
    assert abs(resumed.played_ms - 5000) < 200
    assert abs(site.answered("gap").skew_ms) < 20
    total = sum(end - begin for begin, end in site.sounds())
    assert 5.8 < total < 6.6


def test_content_that_never_comes_is_said_to_be_missing(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset, other = site.asset("mat"), site.asset("co", hz=900.0)
    del site.controller.assets[asset.index.root]
    lost = site.controller.sound("mat", asset, in_s=2.0, late_s=1.0)
    behind = site.controller.sound("co", other, in_s=2.2)
    site.plan(lost, behind, assets=(asset, other))

    receipt = site.answered("mat")

    assert (str(receipt.outcome), str(receipt.reason)) == ("failed", "content_missing")
    assert str(site.answered("co").outcome) == "played"
    assert all(want.root in {asset.index.root, other.index.root} for want in site.controller.wants)


def test_without_a_time_answer_nothing_plays_and_the_plan_waits_for_the_clock(site: Site) -> None:
    silent = site.controller._reply
    site.controller._reply = lambda _question: None
    asset = site.asset("tieng")
    site.plan(site.controller.sound("mot", asset, in_s=1.0, late_s=60), assets=(asset,))
    site.agent.start()
    wait_for(lambda: site.controller.states, "a state", 15)
    assert str(site.controller.states[-1].clock.state) == "untrusted"
    assert not site.controller.states[-1].ready
    wait_for(lambda: site.notes()["clock_untrusted"], "the fault is journalled", 15)
    assert not site.sounds()
    site.controller._reply = silent

    receipt = site.answered("mot", 45)

    assert str(receipt.outcome) == "played"
    assert str(receipt.clock.state) == "trusted"


def test_a_command_is_done_once_and_answered_each_time(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    for _ in range(2):
        site.controller.command("c-1", "test-tone")
    site.controller.command("c-2", "fly")
    wait_for(lambda: len(site.controller.replies) >= 2, "replies", 15)
    wait_for(site.sounds, "the tone sounds", 10)
    site.controller.command("c-1", "test-tone")

    wait_for(lambda: [r.id for r in site.controller.replies].count("c-1") >= 2, "the same answer again", 15)

    codes = {reply.id: reply.code for reply in site.controller.replies}
    assert codes == {"c-1": "", "c-2": "command_unknown"}
    assert len(site.sounds()) == 1


def test_a_device_asked_for_its_log_tells_it_and_what_comes_after(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    site.controller.command("c-1", "show-log")
    wait_for(lambda: "c-1" in {reply.id for reply in site.controller.replies}, "it answers", 15)
    wait_for(lambda: "command c-1: show-log" in site.logged(), f"its lines come: {site.logged()}", 10)
    site.plan(assets=(site.asset("tieng"),))
    wait_for(lambda: any("is in force" in text for text in list(site.logged())[-3:]), "so does what is new", 15)
    site.controller.command("c-1", "show-log")
    site.controller.command("c-2", "fly")
    wait_for(lambda: "c-2" in {reply.id for reply in site.controller.replies}, "it answers", 15)

    lines = site.logged()

    assert site.controller.replies[0].code == ""
    assert len({health["boot"] for health in site.controller.health}) == 1
    assert any("connected to" in text for text in lines)
    assert {line["level"] for line in lines.values()} <= {"info", "warning"}
    assert all(len(health.get("log", ())) <= 40 for health in site.controller.health)


def test_a_warning_is_told_unasked_and_what_is_only_information_is_not(site: Site) -> None:
    site.controller._reply = lambda _question: None
    site.agent.start()

    wait_for(lambda: any("clock_untrusted" in text for text in site.logged()), f"it tells; {site.agent.tail()}", 30)

    assert {line["level"] for line in site.logged().values()} == {"warning"}


def test_the_mobile_signal_is_told_and_a_hanging_program_holds_nothing_up(site: Site) -> None:
    programs = site.folder / "programs"
    programs.mkdir()
    hanging = program(programs, "exec sleep 60")
    profile = site.folder / "own.yaml"
    shipped = files("firmware_configs").joinpath("demo-speaker.yaml").read_text(encoding="utf-8")
    profile.write_text(f"{shipped}\nmodem: modemmanager\n", encoding="utf-8")
    site.bundle.config.write_text(site.bundle.config.read_text().replace("demo-speaker", str(profile)))
    path = f"{programs}:{os.environ['PATH']}"
    site.agent.start(PATH=path)
    site.wait_ready()
    asset = site.asset("tieng")
    site.plan(site.controller.sound("mot", asset, in_s=1.5), assets=(asset,))
    receipt = site.answered("mot")
    wait_for(lambda: "did not answer within 3 s" in site.agent.log.read_text(), "it gives up", 15)
    site.agent.end()
    assert site.controller.health[-1].get("signal") is None
    program(programs, f"cat <<'END'\n{ANSWER}\nEND", hanging.name)
    site.agent.start(PATH=path)

    told = wait_for(lambda: site.controller.health[-1].get("signal"), "it tells", 20)

    assert str(receipt.outcome) == "played"
    assert abs(receipt.skew_ms) < 20
    assert told == {"percent": 67, "technology": "lte", "operator": "Viettel"}


def test_a_damaged_documents_file_is_set_aside_and_the_device_lives_on(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    site.agent.end()
    for path in site.bundle.state.glob("documents.sqlite*"):
        path.write_bytes(b"not a database at all, but long enough to be read as one" * 50)
    site.controller.states.clear()
    site.agent.start()

    wait_for(lambda: site.notes()["documents_replaced"], f"it says so; {site.agent.tail()}", 20)

    wait_for(lambda: any(s.ready for s in site.controller.states), "it is ready again", 20)


def test_damaged_content_is_thrown_away_fetched_again_and_sounds(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("tieng")
    site.plan(site.controller.sound("mot", asset, in_s=1.5), assets=(asset,))
    site.answered("mot")
    site.agent.end()
    kept = site.bundle.state / "content" / "whole" / asset.index.root
    kept.write_bytes(b"\0" * kept.stat().st_size)
    site.agent.start()
    site.plan(site.controller.sound("hai", asset, in_s=6.0), assets=(asset,))

    receipt = site.answered("hai", 30)

    assert str(receipt.outcome) == "played"
    assert site.notes()["content_thrown_away"] == 1
    assert len(site.sounds()) == 2


def test_asked_to_end_while_it_plays_it_answers_interrupted(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("dai", seconds=8.0)
    site.plan(site.controller.sound("dai", asset, in_s=1.5), assets=(asset,))
    wait_for(lambda: any(s.playing == "dai" for s in site.controller.states), "it sounds", 15)

    site.agent.end()

    receipt = wait_for(lambda: site.controller.receipts("dai"), "it is answered", 5)[0]
    assert (str(receipt.outcome), str(receipt.reason)) == ("interrupted", "power_cut")
    assert 0 < receipt.played_ms < 7000
    assert len(site.sounds()) == 1


def test_killed_while_it_plays_it_tells_how_far_it_got_and_never_begins_again(site: Site) -> None:
    site.agent.start()
    site.wait_ready()
    asset = site.asset("dai", seconds=8.0)
    site.plan(site.controller.sound("dai", asset, in_s=1.5, late_s=60), assets=(asset,))
    wait_for((site.bundle.state / "progress.json").exists, "some progress is kept", 15)
    site.agent.kill()
    site.agent.start()

    receipt = site.answered("dai")

    assert (str(receipt.outcome), str(receipt.reason)) == ("interrupted", "power_cut")
    assert receipt.played_ms > 0
    assert len(site.sounds()) == 1
