"""Thousands of simulated devices in one process, each with a connection of its own.

Rules: never more than `pace.connecting` handshakes at a time; a lost connection comes back after a full-jitter pause,
as a real agent's; bytes are seen by observers at the instant they arrived, before any device thinks about them.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.light.content import ContentMaker, assumed
from edge_agent.light.device import Identity, LightDevice
from edge_agent.light.faults import Faults, Pace
from edge_agent.light.link import KEEPALIVE_S, Link
from edge_agent.light.mail import Mail
from edge_agent.light.services import Services
from edge_agent.session import STABLE_S, pause_s
from loa_protocol import topics
from loa_protocol.trust import Trust

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 60.0
_PING_PARTS = 50
_CONTENT = f"{topics.PREFIX}/content/"
_CONTENT_LEAF = "/content"

Observer = Callable[[str, str, bytes, int], None]
"""(device id, topic, payload, CLOCK_MONOTONIC ns at which its last bytes were read)"""


@dataclass(frozen=True, slots=True)
class Counts:
    """A fleet at one moment. `whole`: subscribed to all its scopes; `clocks`: those that schedules can play by."""

    devices: int
    connected: int
    whole: int
    clocks: int
    unacknowledged: int
    journalled: int
    thinking: int
    examined: int
    verified: int


class _Seat:
    """One device's place in the fleet: owns its link and connects it again."""

    __slots__ = ("_born_s", "_failures", "_fleet", "_link", "_over", "away", "device")

    def __init__(self, fleet: "Fleet", device: LightDevice, *, away: bool) -> None:
        self._fleet, self.device, self.away = fleet, device, away
        self._link: Link | None = None
        self._failures = 0
        self._born_s = 0.0
        self._over: asyncio.Future[None] | None = None

    async def live(self) -> None:
        """One connection's beginning; its end calls `link_down`."""
        fleet = self._fleet
        if self.away or self._link is not None:
            return
        self._born_s = fleet.services.now_s()
        self._over = fleet.services.loop.create_future()
        self._link = link = Link(self, self.device.device_id, self.device.will())
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await fleet.services.loop.create_connection(lambda: link, fleet.host, fleet.port)
                await self._over  # until the broker has granted the first subscriptions, or broken off
        except OSError as error:
            log.debug("%s: no connection: %s", self.device.device_id, error)
            link.abort()
            self.link_down(link, error)

    def leave(self) -> None:
        """Break off as a power cut does, and stay away."""
        self.away = True
        if self._link is not None:
            self._link.abort()

    def close(self) -> None:
        """Say goodbye and stay away."""
        self.away = True
        self.device.end()
        if self._link is not None:
            self._link.close()

    def ping(self) -> None:
        """Keep the connection."""
        if self._link is not None and self._link.up:
            self._link.ping()

    # Owner of the link.

    def link_up(self, link: Link) -> None:
        self.device.link_up(link)
        faults = self._fleet.services.faults
        if faults.away_every_s:
            stay_s = self._fleet.services.chance.expovariate(1 / faults.away_every_s)
            self._fleet.services.later(link.abort, stay_s)

    def link_down(self, link: Link, error: Exception | None) -> None:
        if link is not self._link:
            return
        self._link = None
        self._answered()
        self.device.link_down(link)
        if not self.away:
            services = self._fleet.services
            stable = services.now_s() - self._born_s > STABLE_S
            self._failures = 0 if stable else self._failures + 1
            away_s = services.faults.away_for_s if error is None and services.faults.away_every_s else 0.0
            services.later(lambda: self._fleet.seat(self), away_s + pause_s(self._failures, services.chance.random()))

    def arrived(self, topic: str, payload: bytes, at_ns: int) -> None:
        fleet, device = self._fleet, self.device
        for observer in fleet.observers:
            observer(device.device_id, topic, payload, at_ns)
        if fleet.services.loses() or topic in fleet.services.extra:
            return
        if topic.startswith(_CONTENT) or topic.endswith(_CONTENT_LEAF):
            device.content.take(topic, payload)  # bulky: it must not pile up
        else:
            fleet.mail.put(lambda: device.take(topic, payload, at_ns))

    def subscribed(self, refused: int) -> None:
        if refused:
            log.warning("%s: the broker refused %d subscriptions", self.device.device_id, refused)
        self._answered()
        self.device.subscribed()

    def _answered(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)


class Fleet:
    """Make it in a running loop, then `run` it until it is cancelled; `observers` may be added at any time."""

    def __init__(
        self,
        host: str,
        port: int,
        devices: Sequence[Identity],
        trust: Trust,
        *,
        pace: Pace | None = None,
        faults: Faults | None = None,
        content: ContentMaker = assumed,
        extra: Iterable[str] = (),
        seed: int | None = None,
    ) -> None:
        self.host, self.port = host, port
        chance = random.Random(seed)  # noqa: S311 - spreads load, guards nothing
        faults = faults or Faults()
        self.services = Services(
            pace=pace or Pace.of(len(devices)), faults=faults, chance=chance, content=content, extra=tuple(extra)
        )
        self.mail = Mail(self.services.loop)
        self.observers: list[Observer] = []
        away = set(chance.sample(range(len(devices)), round(faults.offline * len(devices))))
        self._seats = {
            identity.device_id: _Seat(self, LightDevice(identity, trust, self.services), away=place in away)
            for place, identity in enumerate(devices)
        }
        self._waiting: asyncio.Queue[_Seat] = asyncio.Queue()
        for seat in self._seats.values():
            self.seat(seat)

    async def run(self) -> None:
        """Connect everybody and keep them connected, until cancelled; then all say goodbye."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self.services.pace.connecting):
                    tasks.create_task(self._connect())
                tasks.create_task(self._ping())
        finally:
            for seat in self._seats.values():
                seat.close()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    def __iter__(self) -> Iterator[LightDevice]:
        """All devices."""
        return (seat.device for seat in self._seats.values())

    def __getitem__(self, device_id: str) -> LightDevice:
        """One device."""
        return self._seats[device_id].device

    @property
    def away(self) -> tuple[str, ...]:
        """Who is kept off the network."""
        return tuple(name for name, seat in self._seats.items() if seat.away)

    def counts(self) -> Counts:
        """Where the fleet stands."""
        examination, devices = self.services.examination, list(self)
        return Counts(
            devices=len(devices),
            connected=sum(device.connected for device in devices),
            whole=sum(device.connected and device.whole for device in devices),
            clocks=sum(device.clock_usable for device in devices),
            unacknowledged=sum(device.unacknowledged for device in devices),
            journalled=sum(device.journalled for device in devices),
            thinking=len(self.mail),
            examined=examination.asked,
            verified=examination.verified,
        )

    def take_away(self, device_ids: Iterable[str]) -> None:
        """Break these off the network and keep them off it; they live on."""
        for device_id in device_ids:
            self._seats[device_id].leave()

    def bring_back(self, device_ids: Iterable[str]) -> None:
        """Let these connect again."""
        for device_id in device_ids:
            self._seats[device_id].away = False
            self.seat(self._seats[device_id])

    def seat(self, seat: _Seat) -> None:
        """It wants to connect."""
        self._waiting.put_nowait(seat)

    async def _connect(self) -> None:
        while True:
            await (await self._waiting.get()).live()

    async def _ping(self) -> None:
        seats = list(self._seats.values())
        while True:
            for part in range(_PING_PARTS):
                await asyncio.sleep(KEEPALIVE_S / 2 / _PING_PARTS)
                for seat in seats[part::_PING_PARTS]:
                    seat.ping()
