"""What one MQTT connection costs: the light devices' own codec beside aiomqtt, each in a process of its own.

Run as a module it is that process: connects, listens to one topic, tells memory and processor time as JSON.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial

import aiomqtt

from benchmarks.memory import cpu_s, pss_bytes
from edge_agent.light import mqtt
from edge_agent.light.link import Link

TOPIC = "bench/clients"
_WILL = mqtt.Will("bench/will", b"gone")
_QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one client: PSS of a connection, and processor time of a message of QoS 1 received."""

    bytes_each: float
    us_a_message: float


def cost(kind: str, port: int, clients: int, messages: int, payload: bytes) -> Cost:
    """Measure one `kind`, light or aiomqtt, against the broker on `port`."""
    numbers = map(str, (port, clients, messages, len(payload)))
    command = [sys.executable, "-m", "benchmarks.clients", kind, *numbers]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return Cost(**json.loads(told))


class _Counting:
    """An owner that only counts."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.count = 0
        self.link: Link | None = None

    def link_up(self, link: Link) -> None:
        self.link = link
        link.subscribe([(TOPIC, 1)])

    def link_down(self, _link: Link, _error: Exception | None) -> None:
        pass

    def arrived(self, _topic: str, _payload: bytes, _at_ns: int) -> None:
        self.count += 1

    def subscribed(self, _refused: int) -> None:
        self.ready.set()


async def _light(port: int, clients: int) -> list[_Counting]:
    owners = [_Counting() for _ in range(clients)]
    loop = asyncio.get_running_loop()
    for number, owner in enumerate(owners):
        await loop.create_connection(partial(Link, owner, f"light-{number}", _WILL), "127.0.0.1", port)
        await owner.ready.wait()
    return owners


class _Listening:
    """An aiomqtt client that only counts."""

    def __init__(self, port: int, number: int) -> None:
        self._client = aiomqtt.Client("127.0.0.1", port, identifier=f"aiomqtt-{number}")
        self.count = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._client.__aenter__()
        await self._client.subscribe(TOPIC, 1)
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for _ in self._client.messages:
            self.count += 1


async def _aiomqtt(port: int, clients: int) -> list[_Listening]:
    made = [_Listening(port, number) for number in range(clients)]
    for one in made:
        await one.start()
    return made


async def _measure(options: argparse.Namespace) -> Cost:
    before = pss_bytes()
    kinds = {"light": _light, "aiomqtt": _aiomqtt}
    made = await kinds[options.kind](options.port, options.clients)
    await asyncio.sleep(_QUIET_S)
    each = (pss_bytes() - before) / options.clients
    begin = cpu_s()
    async with aiomqtt.Client("127.0.0.1", options.port) as client:
        for _ in range(options.messages):
            await client.publish(TOPIC, bytes(options.size), 1)
    expected = options.messages
    async with asyncio.timeout(60):
        while min(one.count for one in made) < expected:  # noqa: ASYNC110 - counted, not told
            await asyncio.sleep(0.05)
    return Cost(each, (cpu_s() - begin) * 1e6 / (options.clients * options.messages))


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["light", "aiomqtt"])
    for name in ("port", "clients", "messages", "size"):
        parser.add_argument(name, type=int)
    found = asyncio.run(_measure(parser.parse_args()))
    sys.stdout.write(json.dumps({"bytes_each": found.bytes_each, "us_a_message": found.us_a_message}))
    sys.stdout.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
