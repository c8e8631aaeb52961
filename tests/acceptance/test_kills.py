"""kill -9 of controller, broker, agent and player, at named points and at seeded random moments.

Nothing accepted is lost, nothing sounds twice, and the ledger closes. `--kills N` makes more of them.
"""

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.acceptance.rig import COMMUNE, Process, System, bursts, captured, make_tone, running, wait_for

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
    "controller.plan.before_commit",
    "controller.plan.after_commit",
    "controller.publish.after",
    "controller.ingest.before_commit",
    "controller.ingest.after_commit",
    "controller.ack.after",
)
TONE_S = 1.2


def _soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def _accept(system: System, asset: str, seconds: float = 2.5) -> str:
    """One accepted broadcast; asked again with the same key until the controller has answered."""
    body = {"title": "Thử", "to": [f"u-{COMMUNE}"], "asset_id": asset, "at": _soon(seconds), "late_s": 20}
    return str(system.client.post("/broadcasts", body)["id"])


def _restart_fallen(system: System) -> None:
    if not system.controller.alive:
        system.start_controller()
    if system.broker is not None and not system.broker.alive:
        system.start_broker()
    for agent in system.agents.values():
        if not agent.alive:
            agent.start()


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


def _assert_nothing_sounded_twice(system: System, accepted: list[str]) -> None:
    """A device never made more sounds than there were broadcasts it began, nor longer ones than were asked."""
    for device in DEVICES:
        heard = bursts(captured(system.capture(device)))
        rows = [row for b in accepted for row in system.ledger(b)["rows"] if row["device_id"] == device]
        begun = [row for row in rows if row["outcome"] in {"played", "partial", "interrupted"}]
        assert len(heard) <= len(begun), f"{device}: {len(heard)} sounds, {len(begun)} begun"
        played = [row for row in rows if row["outcome"] == "played"]
        assert len(heard) >= len(played), f"{device}: {len(heard)} sounds heard, {len(played)} said to have played"
        assert all(end - begin < TONE_S + 0.2 for begin, end in heard)


def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    total = int(request.config.getoption("--kills"))
    chance = random.Random(int(request.config.getoption("--seed")))
    hits: Counter[str] = Counter()
    accepted: list[str] = []
    with running(tmp_path, "iotcore", answer_deadline_s=4) as system:
        for device in DEVICES:
            system.add_agent(device)
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        while sum(hits.values()) < total or any(hits[p] == 0 for p in (*AGENT_POINTS, *CONTROLLER_POINTS)):
            point = _next_point(hits, chance)
            before = sum(hits.values())
            _one_kill(system, point, asset, accepted, hits, chance)
            _restart_fallen(system)
            assert sum(hits.values()) >= before
        _restart_fallen(system)
        outcomes = _close_all(system, accepted)

        print("\nhits per point:", dict(sorted(hits.items())))
        print("outcomes:", dict(sum(outcomes.values(), Counter())))
        _assert_nothing_sounded_twice(system, accepted)
        assert sum(outcomes.values(), Counter())["played"] > 0
        assert not [f for f in system.findings() if f["code"] in {"journal_fork", "receipt_conflict"}]


def _next_point(hits: Counter[str], chance: random.Random) -> str:
    """Points not reached yet first, else a random victim at a random moment."""
    missing = [point for point in (*AGENT_POINTS, *CONTROLLER_POINTS) if hits[point] == 0]
    return missing[0] if missing else chance.choice(["agent", "player", "controller", "broker", *AGENT_POINTS])


def _one_kill(
    system: System, point: str, asset: str, accepted: list[str], hits: Counter[str], chance: random.Random
) -> None:
    agent = system.agents[chance.choice(DEVICES)]
    if point.startswith("agent."):
        agent.kill()
        hits["agent"] += 1
        agent.start(LOA_FAILPOINT=f"{point}:{chance.randint(1, 2)}")
        accepted.append(_accept(system, asset))
        _died(agent, point, hits)
    elif point.startswith("controller."):
        accepted.append(_accept(system, asset))
        system.controller.kill()
        hits["controller"] += 1
        system.start_controller(LOA_FAILPOINT=f"{point}:{chance.randint(2, 3)}")
        _accept_while_it_may_die(system, asset, accepted)
        _died(system.controller, point, hits)
    else:
        accepted.append(_accept(system, asset, chance.uniform(0.5, 2.5)))
        time.sleep(chance.uniform(0.0, 4.0))  # the seeded random moment
        hits[point] += _kill_now(system, agent, point)


def _accept_while_it_may_die(system: System, asset: str, accepted: list[str]) -> None:
    from loa_cli.client import ApiUnreachable

    try:
        accepted.append(_accept(system, asset))
    except ApiUnreachable:
        return


def _died(process: Process, point: str, hits: Counter[str]) -> None:
    try:
        process.wait_dead(12)
    except Exception:  # noqa: BLE001 - the point was not reached this time; another round tries again
        return
    hits[point] += 1


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


def test_a_broadcast_accepted_just_before_the_controller_dies_is_still_played(tmp_path: Path) -> None:
    with running(tmp_path, "mosquitto") as system:
        system.add_agent("loa-1")
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=TONE_S), "Âm thử")["id"]
        broadcast = _accept(system, asset, 5.0)
        system.controller.kill()
        system.start_controller()

        view = system.wait_closed(broadcast)

        assert view["outcomes"] == {"played": 1}


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

        view = system.wait_closed(broadcast)

        assert view["outcomes"] == {"played": 1}
        assert len(bursts(captured(system.capture("loa-1")))) == 1


def _holds(system: System, broadcast: str) -> bool:
    assert broadcast
    state = system.device("loa-1")["state"]
    return f"loa/v1/plan/u-{COMMUNE}" in state.get("have", {}) and not state.get("missing")
