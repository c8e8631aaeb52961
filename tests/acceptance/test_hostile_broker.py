"""A hostile broker against a real agent: at least 100 of every class, each refused for its reason, and no sound.

Before and after each class the unaltered document is accepted and sounds.
"""

import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from loa_protocol import content, topics
from loa_protocol.documents.plan import Plan
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from tests.acceptance.rig import (
    LOOPBACK,
    broker_process,
    bursts,
    captured,
    free_port,
    lone_agent,
    make_tone,
    wait_for,
)
from tests.fakes.attacks import CLASSES, World
from tests.fakes.lone_controller import COMMUNE, LoneController, SentContent, utc_now

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

EACH = 100
AT_A_TIME = 20
DEVICE = "loa-1"
TONE_S = 0.5


class Siege:
    """One agent, one broker, one true controller; whoever holds the broker can send anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.broker = broker_process("mosquitto", folder, port)
        self.broker.start()
        wait_for(lambda: _connects(port), "the broker listens")
        self.controller = LoneController(port, DEVICE)
        _, self.agent = lone_agent(folder, port, self.controller.pinned_trust(), device=DEVICE)
        self.agent.start()
        self.controller.assign()
        self.asset = SentContent("tieng-thu", _opus(folder), int(TONE_S * 1000))
        self.played = 0
        self.accepted: list[bytes] = []

    def sounds(self) -> int:
        """How often anything was audible so far."""
        return len(bursts(captured(self.folder / "captured")))

    def a_true_plan_sounds(self) -> Plan:
        """The unaltered way: plan, content, sound, receipt; gives the plan in force."""
        self.played += 1
        name = f"that-{self.played}"
        plan = self.controller.make_plan([self.controller.sound(name, self.asset, in_s=1.0)], self.asset.manifest())
        self.accepted.append(self.controller.send_plan(plan))
        self.controller.send_content(self.asset)
        receipts = wait_for(lambda: self.controller.receipts(name), f"{name} is answered; {self.agent.tail()}", 20)
        assert [str(receipt.outcome) for receipt in receipts] == ["played"], receipts
        wait_for(lambda: self.sounds() == self.played, f"{self.played} sounds; heard {self.sounds()}", 5)
        return plan

    def refusals_logged(self) -> int:
        """How many documents the agent says it refused."""
        return self.agent.log.read_text().count(" refused on ")

    def world(self, in_force: Plan) -> World:
        """What the attacker knows."""
        return World(
            plan_key=self.controller.plan_key,
            ingest_key=self.controller.ingest_key,
            device=DEVICE,
            other_device="loa-2",
            scope=COMMUNE,
            other_scope="u-xa-2",
            in_force=in_force,
            earlier=tuple(self.accepted[:-1]),
            now=utc_now(),
            loud=self._loud,
        )

    def _loud(self, _chance: Random, name: str) -> Plan:
        sound = self.controller.sound(name, self.asset, in_s=0.3)
        version = self.accepted_version + 10**9
        return self.controller.make_plan([sound], self.asset.manifest(), version)

    @property
    def accepted_version(self) -> int:
        """Version of the plan in force."""
        return self.controller._version

    def end(self) -> None:
        self.agent.end()
        self.controller.close()
        self.broker.end()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _opus(folder: Path) -> Path:
    made = folder / "tone.ogg"
    command = ["ffmpeg", "-v", "error", "-i", str(make_tone(folder / "tone.wav", seconds=TONE_S)), "-c:a", "libopus"]
    subprocess.run([*command, "-b:a", "24k", "-ac", "1", str(made)], check=True)
    return made


def _noise(folder: Path) -> Path:
    """Two seconds that need several chunks."""
    made = folder / "noise.ogg"
    source = ["-f", "lavfi", "-i", "anoisesrc=d=2:a=0.2:r=48000"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-c:a", "libopus", "-b:a", "200k", str(made)], check=True)
    return made


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    held = Siege(tmp_path_factory.mktemp("siege"))
    try:
        held.a_true_plan_sounds()
        yield held
    finally:
        held.end()


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_attacks_makes_no_sound_and_is_refused_for_its_reason(siege: Siege, name: str) -> None:
    in_force = siege.a_true_plan_sounds()
    world, chance = siege.world(in_force), Random(name)
    before = Counter(siege.controller.refusals())
    expected: Counter[str] = Counter()
    heard = siege.sounds()

    logged = siege.refusals_logged()
    for number in range(EACH):
        if number % AT_A_TIME == 0:
            # The agent's mailbox is bounded: a flood beyond it is dropped unread, and would not be counted.
            wait_for(lambda: siege.refusals_logged() - logged >= sum(expected.values()), "the agent keeps up", 20)
        attack = CLASSES[name](world, chance)
        reaches = attack.topic != topics.scoped(Family.PLAN, world.other_scope)
        siege.controller.raw(attack.topic, attack.raw, retain=False)
        if reaches:
            expected[str(attack.why)] += 1
        else:
            # The agent does not subscribe to another scope: the broker pushes it under the agent's own topic too.
            siege.controller.raw(topics.scoped(Family.PLAN, world.scope), attack.raw, retain=False)
            expected["wrong_scope"] += 1

    def refused() -> bool:
        met = Counter(siege.controller.refusals()) - before
        return all(met[why] >= count for why, count in expected.items())

    wait_for(refused, f"{expected} are refused", 75)
    assert sum(expected.values()) >= EACH
    assert siege.sounds() == heard
    siege.a_true_plan_sounds()


def test_wrong_chunks_are_refused_and_the_true_ones_still_make_the_sound_whole(siege: Siege) -> None:
    chance = Random(7)
    other = SentContent("tieng-khac", _noise(siege.folder), 2000)
    assert other.index.chunk_count > 1
    plan = siege.controller.make_plan([siege.controller.sound("khac", other, in_s=2.0)], other.manifest())
    siege.accepted.append(siege.controller.send_plan(plan))
    topic = topics.content(other.index.root)

    for _ in range(EACH):
        number = chance.randrange(other.index.chunk_count)
        true = content.pack_chunk(other.index, number, list(content.split(other.data))[number])
        place = chance.randrange(content.HEADER_BYTES, len(true))
        siege.controller.raw(topic, true[:place] + bytes([true[place] ^ 1]) + true[place + 1 :], retain=False, qos=0)
    siege.controller.send_content(other)

    receipts = wait_for(lambda: siege.controller.receipts("khac"), "the true content is played", 30)
    assert str(receipts[0].outcome) == "played"
    siege.played += 1


def test_forged_and_too_high_acks_delete_nothing(siege: Siege) -> None:
    controller = siege.controller
    controller.acknowledging = False
    siege.a_true_plan_sounds()
    state = wait_for(lambda: [s for s in controller.states if s.journal][-1:], "a state with the journal's head")[0]
    journal = state.journal.journal
    chance = Random(11)

    for _ in range(EACH):
        mark = f"{chance.getrandbits(256):064x}"
        controller.acknowledge(journal, chance.randint(1, 10**6), mark, Ed25519Signer.generate("ingest-1"))
        controller.acknowledge(journal, chance.randint(1, 10**6), mark, controller.ingest_key)
    held = dict(controller.entries)
    controller.entries.clear()
    siege.agent.kill()
    controller.acknowledging = True
    siege.agent.start()

    newest = max(held)
    wait_for(lambda: newest in controller.entries, "what was never truly acknowledged is sent again", 30)
    assert all(controller.entries[key] == held[key] for key in controller.entries.keys() & held.keys())
    siege.a_true_plan_sounds()
