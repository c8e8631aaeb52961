"""A commune of N simulated devices plays broadcasts end to end: every device answers once, the ledger closes, exactly.

Tells what a device costs (memory, processor), how long the answers take after the end, and that the controller's
memory stays flat from one broadcast to the next. Raw beside a device's memory and messages: a bare aiomqtt connection
that only counts, which is why light devices have a codec of their own.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.clients import cost
from benchmarks.fleets import Stand, lone_broker, standing
from benchmarks.measuring import Figure, Growth, Options, Report
from benchmarks.memory import cpu_s, pss_bytes
from edge_agent.light.faults import PER_SECOND
from loa_protocol.ids import unit_scope
from tests.acceptance.rig import COMMUNE, make_tone

SIZES = (100, 1_000, 10_000)
SOUND_S = 2.0
_BROKER = "mosquitto"
_CLIENTS, _MESSAGES, _PAYLOAD = 200, 50, bytes(2048)
_MIB = 1024 * 1024


@dataclass(slots=True)
class Played:
    """What one size did."""

    connecting_s: float = 0.0
    device_kib: float = 0.0
    fleet_cpu_ms: float = 0.0
    controller_cpu_ms: float = 0.0
    closing_s: list[float] = field(default_factory=list)
    controller_mib: list[float] = field(default_factory=list)


def run(options: Options) -> Report:
    """Every size, several broadcasts each."""
    figures: list[Figure] = _of_a_connection()
    closing: list[tuple[int, float]] = []
    memory: list[tuple[int, float]] = []
    notes = []
    for devices in SIZES[:2] if options.quick else SIZES:
        played = measure(devices, 2 if options.quick or devices > SIZES[1] else 4)
        grown = played.controller_mib[-1] - played.controller_mib[0]
        figures += [
            Figure("light device, PSS of its process ÷ devices", played.device_kib, unit="KiB", n=devices),
            Figure("light device, processor per broadcast", played.fleet_cpu_ms, unit="ms", n=devices),
            Figure("controller, processor per broadcast and device", played.controller_cpu_ms, unit="ms", n=devices),
            Figure("end of the sound → ledger closed, worst", max(played.closing_s), unit="s", n=devices),
            Figure("controller PSS, last broadcast − first", grown, unit="MiB", n=devices),
        ]
        closing.append((devices, max(played.closing_s)))
        memory.append((devices, played.controller_mib[-1]))
        notes.append(
            f"{devices} devices: connected and on time after {played.connecting_s:.1f} s; each of"
            f" {len(played.closing_s)} broadcasts has exactly {devices} answers “played”, marked as simulated;"
            f" controller PSS {', '.join(f'{mib:.0f}' for mib in played.controller_mib)} MiB"
        )
    growths = (
        Growth("End of the sound → every answer in, ledger closed", "s", {"Loa": closing}),
        Growth("Controller's memory (PSS)", "MiB", {"Loa": memory}),
    )
    return Report("swarm", figures, growths, tuple(notes))


def measure(devices: int, broadcasts: int) -> Played:
    """One size.

    Raises:
        RuntimeError: an answer is missing, doubled or wrong.
    """
    played = Played()
    with standing(devices, _BROKER, answer_deadline_s=600) as stand:
        stand.settle()
        played.connecting_s = stand.connect(processes=1)
        stand.settle()
        tone = make_tone(stand.folder / "tone.wav", seconds=SOUND_S)
        asset = stand.system.client.upload(tone, "Bản tin")
        stand.settle()
        pids = stand.system.controller.pid, stand.workers[0].child.pid
        begin = [cpu_s(pid) for pid in pids]
        for number in range(broadcasts):
            played.closing_s.append(_play(stand, asset["id"], number))
            stand.settle()
            played.controller_mib.append(pss_bytes(pids[0]) / _MIB)
        spent_s = [cpu_s(pid) - since for pid, since in zip(pids, begin, strict=True)]
        played.controller_cpu_ms, played.fleet_cpu_ms = [1000 * one / (broadcasts * devices) for one in spent_s]
        played.device_kib = stand.counts()["pss_bytes"] / 1024 / devices
        findings = stand.system.findings()
        if findings:
            raise RuntimeError(f"the controller found {len(findings)} things odd: {findings[0]}")
    return played


def _play(stand: Stand, asset: str, number: int) -> float:
    """Seconds from the end of the sound until the ledger was closed, with every answer as it must be."""
    ahead_s = 3 + 2 * stand.devices / PER_SECOND
    at = datetime.now(UTC) + timedelta(seconds=ahead_s)  # noqa: TID251 - the operator's own clock
    ends_s = time.monotonic() + ahead_s + SOUND_S
    body = {"title": f"Bản tin {number}", "to": [unit_scope(COMMUNE)], "asset_id": asset, "at": at.isoformat()}
    made = stand.system.client.post("/broadcasts", body)["id"]
    stand.wait(lambda: _closed(stand, made), "the ledger is closed", ahead_s + SOUND_S + 60 + stand.devices / 20)
    took_s = time.monotonic() - ends_s
    view = stand.system.ledger(made)
    names = {row["device_id"] for row in view["rows"]}
    evidence = {(row["receipt"] or {}).get("evidence") for row in view["rows"]}
    if view["outcomes"] != {"played": stand.devices} or len(names) != stand.devices or evidence != {"simulated"}:
        raise RuntimeError(f"{view['outcomes']} of {stand.devices} devices, evidence {evidence}")
    return took_s


def _closed(stand: Stand, broadcast: str) -> Any:
    time.sleep(0.2)
    return stand.system.client.get(f"/broadcasts/{broadcast}")["closed_at"]


def _of_a_connection() -> list[Figure]:
    with lone_broker() as port:
        ours = cost("light", port, _CLIENTS, _MESSAGES, _PAYLOAD)
        raw = cost("aiomqtt", port, _CLIENTS, _MESSAGES, _PAYLOAD)
    return [
        Figure("one connection, PSS", ours.bytes_each / 1024, raw.bytes_each / 1024, "KiB", n=_CLIENTS),
        Figure("one message of QoS 1 received, processor", ours.us_a_message, raw.us_a_message, "µs", n=_CLIENTS),
    ]
