"""kill -9 of controller, broker, agent and player, at named points and at seeded random moments.

Nothing accepted is lost, nothing sounds twice, and the ledger closes. `--kills N` makes more of them than one at each
point and of each process, `--database postgresql` does it on PostgreSQL. That database dies here too.
"""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from controller.audit.verifying import verified
from loa_cli.client import ApiRefused, ApiUnreachable
from tests.acceptance.rig import COMMUNE, Process, System, bursts, captured, make_tone, running, wait_for
from tests.fakes.databases import fresh_database
from tests.fakes.postgres import PostgresServer

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1500)]

DEVICES = ("loa-1", "loa-2")
AGENT_POINTS = (
    "agent.floor.before_commit",
    "agent.floor.after_commit",
    "agent.journal.before_commit",
    "agent.journal.after_commit",
    "agent.start.before_commit",
    "agent.start.after_commit",
    "agent.start.after_send",
)
CONTROLLER_POINTS = (
    "controller.audit.before_commit",
    "controller.plan.before_commit",
    "controller.plan.after_commit",
    "controller.publish.after",
    "controller.ingest.before_commit",
    "controller.ingest.after_commit",
    "controller.ack.after",
)
VICTIMS = ("agent", "player", "controller", "broker")
"""Killed at random moments."""
TONE_S = 1.2
POINT_LIMIT_S = 40.0
MOST_MISSES = 8


def _soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def _accept(system: System, asset: str, seconds: float = 2.5, late_s: int = 20) -> str:
    """One accepted broadcast; asked again with the same key until the controller has answered."""
    body = {"title": "Thử", "to": [f"u-{COMMUNE}"], "asset_id": asset, "at": _soon(seconds), "late_s": late_s}
    return str(system.client.post("/broadcasts", body)["id"])


def _players(agent: Process) -> list[psutil.Process]:
    try:
        family = psutil.Process(agent.pid).children(recursive=True)
        return [child for child in family if "edge_agent.player" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def _close_all(system: System, accepted: list[str]) -> dict[str, Counter[str]]:
    """All ledgers, closed and whole: every device has exactly one answer to everything accepted."""
    outcomes = {}
    for broadcast in accepted:
        view = system.wait_closed(broadcast, limit_s=90)
        assert view["expected"] == len(DEVICES), f"{broadcast} expected {view['expected']} devices"
        outcomes[broadcast] = Counter(row["outcome"] for row in view["rows"])
    return outcomes


def _assert_nothing_sounded_twice(system: System, broadcasts: list[str]) -> None:
    """By the captured samples and where each sound began in them, not by what receipts say."""
    for device in DEVICES:
        rows = {b: row for b in broadcasts for row in system.ledger(b)["rows"] if row["device_id"] == device}
        began = _began(system.capture(device))
        assert set(began.values()) == {1}, f"{device} sounded {[b for b, n in began.items() if n > 1]} again"
        played = {b for b, row in rows.items() if row["outcome"] == "played"}
        assert played <= set(began), f"{device} says it played what was never heard: {played - set(began)}"
        silent = {b for b, row in rows.items() if row["outcome"] in {"skipped", "failed"} and not row["played_ms"]}
        assert not silent & set(began), f"{device} sounded what it says it did not: {silent & set(began)}"
        heard_s = sum(end - begin for begin, end in bursts(captured(system.capture(device)), gap_s=0.005))
        assert heard_s <= TONE_S * len(began) + 0.05, f"{device} sounded longer than was asked"
        assert heard_s >= (TONE_S - 0.05) * len(played), f"{device} sounded shorter than it says"


def _reasons(system: System, broadcasts: list[str]) -> Counter[str]:
    """Why something was not played whole, by device."""
    rows = [row for broadcast in broadcasts for row in system.ledger(broadcast)["rows"]]
    return Counter(f"{row['device_id']} {row['outcome']} {row['reason']}" for row in rows if row["reason"])


def _began(folder: Path) -> Counter[str]:
    """How often each broadcast began in the captured sound."""
    events = [json.loads(line) for path in folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    return Counter(event["occurrence"] for event in events if event["event"] == "began")


@pytest.mark.alone
def test_kills_lose_nothing_and_repeat_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, tell: Callable[[str], None]
) -> None:
    total = int(request.config.getoption("--kills"))
    chance = random.Random(int(request.config.getoption("--seed")))
    hits: Counter[str] = Counter()
    with (
        fresh_database(request.config.getoption("--database"), tmp_path, request) as database,
        running(tmp_path, "iotcore", answer_deadline_s=4, database=database) as system,
    ):
        for device in DEVICES:
            system.add_agent(device)
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        siege = Siege(system, asset, chance, hits)
        missed = 0
        while sum(hits.values()) < total or siege.unreached():
            missed += not siege.one_kill()
            assert missed <= MOST_MISSES, f"points that were not reached: {siege.unreached()}; hits {dict(hits)}"
            siege.restart_fallen()
        known = [row["id"] for row in system.client.get("/broadcasts")]
        outcomes = _close_all(system, known)

        tell(f"kills: {sum(hits.values())}; hits per point: {dict(sorted(hits.items()))}")
        tell(f"outcomes after the kills: {dict(sum(outcomes.values(), Counter()))}")
        tell(f"reasons: {dict(_reasons(system, known))}")
        assert set(siege.accepted) <= set(known)
        _assert_nothing_sounded_twice(system, known)
        assert sum(outcomes.values(), Counter())["played"] > 0
        audit = verified(system.client.lines("/audit/export", {"private": "true"}))
        tell(f"audit after the kills: {audit.checked} entries, {len(audit.found)} faults")
        assert (audit.found, audit.checked >= len(known)) == ([], True)
        assert not [f for f in system.findings() if f["code"] in {"journal_fork", "receipt_conflict"}]


class Siege:
    """Kills one thing after another; `hits` counts the processes that really died, by point."""

    def __init__(self, system: System, asset: str, chance: random.Random, hits: Counter[str]) -> None:
        self.system, self.asset, self.chance, self.hits = system, asset, chance, hits
        self.accepted: list[str] = []

    def unreached(self) -> list[str]:
        """Named points at which nothing has died yet, and processes that have not."""
        return [point for point in (*AGENT_POINTS, *CONTROLLER_POINTS, *VICTIMS) if self.hits[point] == 0]

    def one_kill(self) -> bool:
        """At a point not reached yet, else at a random one or of a random victim; False where it was not reached."""
        points = (*AGENT_POINTS, *CONTROLLER_POINTS, *VICTIMS)
        point = next(iter(self.unreached()), None) or self.chance.choice(points)
        before = sum(self.hits.values())
        agent = self.system.agents[self.chance.choice(DEVICES)]
        if point.startswith("agent."):
            agent.kill()
            agent.start(LOA_FAILPOINT=point)
            self._accept()
            self._await_death(agent, point)
        elif point.startswith("controller."):
            self.system.controller.kill()
            self.hits["controller"] += 1
            before += 1
            self.system.controller.start(LOA_FAILPOINT=point)
            self._accept()
            self._await_death(self.system.controller, point)
        else:
            self._accept()
            time.sleep(self.chance.uniform(0.0, 3.5))  # the seeded random moment
            self.hits[point] += _kill_now(self.system, agent, point)
        return sum(self.hits.values()) > before

    def restart_fallen(self) -> None:
        """Everything that died runs again, as a supervisor would see to."""
        if self.system.broker is not None and not self.system.broker.alive:
            self.system.start_broker()
        if not self.system.controller.alive:
            self.system.start_controller()
        for agent in self.system.agents.values():
            if not agent.alive:
                agent.start()

    def _accept(self) -> None:
        """One more broadcast; the controller may die before it answers, and then nobody was promised anything."""
        deadline = time.monotonic() + 10
        while self.system.controller.alive and time.monotonic() < deadline:
            try:
                if self.system.serving():
                    self.accepted.append(_accept(self.system, self.asset))
                    return
            except (ApiUnreachable, AssertionError):
                pass
            time.sleep(0.1)

    def _await_death(self, process: Process, point: str) -> None:
        try:
            process.wait_dead(POINT_LIMIT_S)
        except subprocess.TimeoutExpired:
            return
        self.hits[point] += 1


def _kill_now(system: System, agent: Process, victim: str) -> int:
    if victim == "player":
        players = _players(agent)
        for player in players:
            player.kill()
        return len(players)
    process = {"agent": agent, "controller": system.controller, "broker": system.broker}[victim]
    assert process is not None
    process.kill()
    return 1


def test_a_database_that_dies_loses_nothing_that_was_accepted(
    tmp_path: Path, request: pytest.FixtureRequest, postgres: PostgresServer
) -> None:
    with (
        fresh_database("postgresql", tmp_path, request) as database,
        running(tmp_path, "mosquitto", answer_deadline_s=10, database=database) as system,
    ):
        system.add_agent("loa-1")
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        accepted, refused = [], Counter[str]()
        for number, strike in enumerate((postgres.kill_one_of_its_children, postgres.kill)):
            strike()
            accepted.append(_accept_at_last(system, asset, f"k-{number}", refused, postgres))

        views = [system.wait_closed(broadcast) for broadcast in accepted]

        assert [view["outcomes"] for view in views] == [{"played": 1}] * 2
        assert _began(system.capture("loa-1")) == Counter(accepted)
        assert set(refused) == {"database_unavailable"}
        assert "Traceback" not in system.controller.tail(100_000)


def _accept_at_last(system: System, asset: str, key: str, refused: Counter[str], postgres: PostgresServer) -> str:
    """The same request with the same key until it is accepted; `refused` counts by code. The server is started late."""
    body = {"title": "Thử", "to": [f"u-{COMMUNE}"], "asset_id": asset, "late_s": 20}
    deadline = time.monotonic() + 60  # recovery brings every file to the disk first, which a busy disk makes slow
    while time.monotonic() < deadline:
        try:
            return str(system.client.post("/broadcasts", body, key=key)["id"])
        except ApiRefused as error:
            refused[error.problem_code] += 1
            time.sleep(0.1)
            if sum(refused.values()) % 5 == 0:
                postgres.ensure()
    raise AssertionError("the database did not come back")


def test_a_broadcast_accepted_just_before_the_controller_dies_is_still_played(tmp_path: Path) -> None:
    with running(tmp_path, "mosquitto") as system:
        system.add_agent("loa-1")
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        broadcast = _accept(system, asset, 5.0, late_s=120)  # the content comes from it, once it has started again
        system.controller.kill()
        system.start_controller()

        view = system.wait_closed(broadcast, limit_s=200)

        assert view["outcomes"] == {"played": 1}, system.ledger(broadcast)["rows"]


def test_with_the_controller_and_the_broker_gone_a_device_plays_what_it_holds(tmp_path: Path) -> None:
    with running(tmp_path, "mosquitto") as system:
        system.add_agent("loa-1")
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        broadcast = _accept(system, asset, 6.0)
        wait_for(lambda: _holds(system, broadcast), "plan and content are on the device")
        system.controller.kill()
        assert system.broker is not None
        system.broker.kill()
        wait_for(lambda: bursts(captured(system.capture("loa-1"))), "it sounds without any network", 15)
        system.start_broker()
        system.start_controller()

        system.wait_closed(broadcast)

        wait_for(lambda: system.ledger(broadcast)["outcomes"] == {"played": 1}, "what it kept is answered", 60)
        assert len(bursts(captured(system.capture("loa-1")))) == 1


def _holds(system: System, broadcast: str) -> bool:
    assert broadcast
    state = system.device("loa-1")["state"]
    return f"loa/v1/plan/u-{COMMUNE}" in state.get("have", {}) and not state.get("missing")
