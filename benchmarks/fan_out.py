"""Fan-out: from the call of the API to the plan's bytes at every simulated device's socket.

Beside it, in the same run and interleaved with it, a raw publish: the same bytes, QoS and retain flag, to the same
sockets, sent by a bare socket. What is between the two is ours: accept, commit, plan, sign, publish. Goal: p99 at
10,000 devices ≤ 2 × raw. The devices' instants are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import base64
import itertools
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.fleets import Stand, standing
from benchmarks.measuring import Figure, Growth, Options, Report, at_most_raw, percentile
from edge_agent.light import mqtt
from loa_protocol import topics
from loa_protocol.ids import unit_scope
from loa_protocol.topics import Family
from tests.acceptance.rig import COMMUNE

SIZES = {"mosquitto": (100, 1_000, 10_000), "embedded": (100, 1_000)}
"""The embedded broker is for one commune, which has 110 devices at most; it takes minutes to let 10,000 in."""
ROUNDS = {100: 15, 1_000: 9, 10_000: 5}
GOAL_AT = 10_000
PLAN = topics.scoped(Family.PLAN, unit_scope(COMMUNE))
RAW = topics.scoped(Family.PLAN, "g-raw")
_PROCESSES = 2
_BEFORE = 20
_WITHIN_S = 60.0
_MS = 1e6


@dataclass(slots=True)
class Times:
    """Milliseconds from the call to each device's socket, and to the API's answer."""

    devices: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)

    def add(self, since_ns: int, times: list[int]) -> None:
        """One round."""
        waited = [(at - since_ns) / _MS for at in times]
        self.devices += waited
        self.p99_ms.append(percentile(waited, 0.99))
        self.first_ms.append(min(waited))


def run(options: Options) -> Report:
    """Every size on every broker."""
    figures: list[Figure] = []
    notes: list[str] = []
    series: dict[str, list[tuple[int, float]]] = {}
    for broker, devices in ((broker, devices) for broker, sizes in SIZES.items() for devices in sizes):
        if options.quick and devices == GOAL_AT:
            continue
        ours, raw, note = measure(broker, devices, 3 if options.quick else ROUNDS[devices])
        figures += _figures(broker, devices, ours, raw)
        notes.append(note)
        for name, times in (("Loa", ours), ("raw", raw)):
            series.setdefault(f"{name}, {broker}", []).append((devices, percentile(times.devices, 0.99)))
    return Report("fan_out", figures, (Growth("API call to every device's socket, p99", "ms", series),), tuple(notes))


def measure(broker: str, devices: int, rounds: int) -> tuple[Times, Times, str]:
    """One size on one broker; rounds of ours and raw take turns."""
    ours, raw = Times(), Times()
    with standing(devices, broker) as stand:
        for number in range(_BEFORE):
            _call(stand, f"Bản tin số {number}")
        stand.settle()
        connecting_s = stand.connect(processes=_PROCESSES, watch=(PLAN,), extra=(RAW,))
        resting_s = stand.settle()
        known = {message["payload"] for answer in stand.ask(do="arrivals", topic=PLAN) for message in answer}
        size = 0
        for number in range(rounds):
            plan = _round_of_ours(stand, ours, number, known)
            stand.settle()
            _round_of_raw(stand, raw, plan)
            size = len(plan)
    note = (
        f"{broker}, {devices} devices: connected and on time after {connecting_s:.1f} s,"
        f" at rest {resting_s:.1f} s later; plan of {size} bytes;"
        f" API answer p50 {percentile(ours.answer_ms, 0.5):.1f} ms,"
        f" first byte at a device p50 {percentile(ours.first_ms, 0.5):.1f} ms (raw {percentile(raw.first_ms, 0.5):.1f})"
    )
    return ours, raw, note


def _call(stand: Stand, title: str) -> None:
    """A text hours ahead: nothing plays while we measure."""
    at = datetime.now(UTC) + timedelta(hours=6)  # noqa: TID251 - the operator's own clock
    body = {
        "title": title,
        "to": [unit_scope(COMMUNE)],
        "board_text": f"{title}: mời bà con theo dõi",
        "at": at.isoformat(),
    }
    stand.system.client.post("/broadcasts", body)


def _round_of_ours(stand: Stand, times: Times, number: int, known: set[str]) -> bytes:
    since_ns = time.monotonic_ns()
    _call(stand, f"Thông báo số {number}")
    times.answer_ms.append((time.monotonic_ns() - since_ns) / _MS)
    arrived = _arrivals(stand, PLAN, known)
    times.add(since_ns, arrived.instants)
    return arrived.payload


def _round_of_raw(stand: Stand, times: Times, payload: bytes) -> None:
    with socket.create_connection(("127.0.0.1", stand.system.broker_port), timeout=_WITHIN_S) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bare.sendall(mqtt.connect("raw-publisher", keepalive_s=60))
        bare.recv(16)
        packet = mqtt.publish(RAW, payload, packet_id=1, retain=True)
        since_ns = time.monotonic_ns()
        bare.sendall(packet)
        bare.recv(16)
        times.add(since_ns, _arrivals(stand, RAW, set()).instants)
        bare.sendall(mqtt.DISCONNECT)


@dataclass(frozen=True, slots=True)
class _Arrived:
    payload: bytes
    instants: list[int]


def _arrivals(stand: Stand, topic: str, known: set[str]) -> _Arrived:
    """The new message of a round at every device; what is `known` may be published again beside it."""

    def newest() -> str | None:
        counts: Counter[str] = Counter()
        for heard in stand.ask(do="heard", topic=topic):
            counts.update({payload: count for payload, count in heard.items() if payload not in known})
        return next((payload for payload, count in counts.items() if count == stand.devices), None)

    stand.wait(lambda: newest() is not None, f"all devices have what was published on {topic}", _WITHIN_S)
    found: dict[str, list[int]] = {}
    for message in itertools.chain.from_iterable(stand.ask(do="arrivals", topic=topic)):
        found.setdefault(message["payload"], []).extend(message["times"])
    fresh = found.keys() - known
    if len(fresh) != 1:
        raise RuntimeError(f"{len(fresh)} new messages on {topic} in one round; expected one")
    known |= fresh
    (payload,) = fresh
    return _Arrived(base64.b64decode(payload), found[payload])


def _figures(broker: str, devices: int, ours: Times, raw: Times) -> list[Figure]:
    goal = at_most_raw(2) if devices == GOAL_AT else None
    found: list[Any] = []
    for q in (50, 99):
        what = f"API call → every socket, p{q}, {broker}"
        mine, bare = percentile(ours.devices, q / 100), percentile(raw.devices, q / 100)
        found.append(Figure(what, mine, bare, "ms", n=devices, goal=goal if q == 99 else None))
    return found
