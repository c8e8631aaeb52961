"""Content: bytes on the wire and time to whole for 500 devices that want the same 1 MB, with 0, 1 and 5 % loss.

The whole way is real: a broadcast is accepted, its plan signed and published, the content sent by the controller's own
sender over a real broker to simulated devices with a socket each, which lose frames by chance (seeded), check what
comes and ask for the rest. Raw: the same frames by a bare socket to one device after the other, each on its own topic,
really done for a few devices and multiplied. Bytes are MQTT packets, without TCP.
"""

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, Options, Report, at_most_raw, percentile
from controller.broadcasts.service import BroadcastOver
from controller.delivery.content_outflow import Outflow
from controller.runtime.keys import newest_envelope
from edge_agent.light import mqtt
from loa_cli.enrolment import share
from loa_protocol import topics
from loa_protocol.content import ContentIndex, pack_chunk, pack_index, split
from loa_protocol.topics import Family
from tests.acceptance.rig import broker_process, free_port
from tests.fakes.commune import COMMUNE
from tests.fakes.running_controller import Running, eventually, listens, running
from tests.fakes.stored_content import StoredContent, stored_content

DEVICES, QUICK_DEVICES = 500, 100
SIZE_BYTES = 1_000_000
LOSSES = (0.0, 0.01, 0.05)
RAW_DEVICES = 20
_PREFIX = "sim"
_IN_S = 58.0
_WITHIN_S = 120.0
_PACKET_BYTES = 8
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Measured:
    """One delivery. Seconds are from the operator's call until a device is whole."""

    loss: float
    up_bytes: int
    down_bytes: int
    wants: int
    whole_s: list[float]


@dataclass(frozen=True, slots=True)
class Raw:
    """One transfer per device: bytes of one, seconds for all of the few it was done for."""

    devices: int
    bytes_each: int
    took_s: float


class Devices:
    """The process of simulated devices."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def ask(self, **request: Any) -> dict[str, Any]:
        """A request and its answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        answer = await self._child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the simulated devices ended with {await self._child.wait()}")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def until(self, done: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Ask until it is so."""
        end_s = time.monotonic() + _WITHIN_S
        while not done(answer := await self.ask(do="counts")):
            if time.monotonic() > end_s:
                raise RuntimeError(f"not within {_WITHIN_S:.0f} s: {what}; {len(answer.pop('whole'))} whole, {answer}")
            await asyncio.sleep(0.1)
        return answer


def run(options: Options) -> Report:
    """Each loss, then the raw baseline, on one broker."""
    devices = QUICK_DEVICES if options.quick else DEVICES
    measured, raw = asyncio.run(_measure(devices, options.seed))
    figures = [figure for one in measured for figure in _figures(one, raw, devices)]
    notes = (
        f"{devices} devices of class mobile (256 kB/s: 1 MB takes 3.9 s at its pace), {SIZE_BYTES} bytes, Mosquitto",
        f"wants sent: {', '.join(f'{one.loss:.0%} loss {one.wants}' for one in measured)}",
        (
            f"raw: one transfer per device, unpaced on loopback, done for {raw.devices} in {raw.took_s:.2f} s and"
            f" multiplied; at the controller's limit of 8 MB/s it would take {raw.bytes_each * devices / 8e6:.0f} s"
        ),
    )
    return Report("content", figures, notes=notes)


async def _measure(devices: int, seed: int) -> tuple[list[Measured], Raw]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-bench-")))
        port = await stack.enter_async_context(_broker(folder))
        names = list(share(devices, [COMMUNE], _PREFIX))
        given = {"brokers": (f"mqtt://127.0.0.1:{port}",), "first_pass_delay_s": 0.3}
        system = await stack.enter_async_context(running(folder, names, watched=False, **given))
        fleet = await stack.enter_async_context(_fleet(system, folder, port, devices, seed))
        await fleet.until(lambda answer: answer["ready"], "everybody is connected and knows the time")
        measured, content = [], None
        for loss in LOSSES:
            content = await stored_content(system, SIZE_BYTES)
            measured.append(await _deliver(system, fleet, content, devices, loss))
        assert content is not None
        return measured, await asyncio.to_thread(_raw, port, content, min(RAW_DEVICES, devices))


async def _deliver(system: Running, fleet: Devices, content: StoredContent, devices: int, loss: float) -> Measured:
    assert system.controller._sender is not None  # noqa: SLF001 - what it counts has no other door
    (outflow,) = system.controller._sender.outflows.values()  # noqa: SLF001 - as above
    await fleet.ask(do="begin", loss=loss)
    before = _sent_bytes(outflow)
    began_s = time.monotonic()
    broadcast = await system.broadcast(asset_id=content.asset_id, board_text=None, in_s=_IN_S)
    answer = await fleet.until(lambda one: len(one["whole"]) >= devices, "everybody has the whole of it")
    with suppress(BroadcastOver):  # it plays in a second of its own, on a machine as slow as that
        await system.commune.cancel(broadcast)
    system.controller.wake()
    whole_s = [at_s - began_s for at_s in answer["whole"]]
    return Measured(loss, _sent_bytes(outflow) - before, answer["wire_bytes"], answer["wants"], whole_s)


def _sent_bytes(outflow: Outflow) -> int:
    topic_bytes = len(topics.content("0" * 64))
    return outflow.sent_bytes + outflow.sent_frames * (topic_bytes + _PACKET_BYTES)


def _figures(one: Measured, raw: Raw, devices: int) -> list[Figure]:
    name, each = f"{one.loss:.0%} of chunks lost", raw.bytes_each * devices
    return [
        Figure(f"controller → broker, {name}", one.up_bytes / _MB, each / _MB, "MB", devices, at_most_raw(0.1)),
        Figure(f"broker → devices, {name}", one.down_bytes / _MB, each / _MB, "MB", devices, at_most_raw(1.25)),
        Figure(f"time to whole p50, {name}", percentile(one.whole_s, 0.5), None, "s", n=devices),
        Figure(f"time to whole p99, {name}", percentile(one.whole_s, 0.99), None, "s", n=devices),
    ]


def _raw(port: int, content: StoredContent, devices: int) -> Raw:
    """Bare sockets: each device its own transfer, the next chunk as soon as the broker takes it."""
    index: ContentIndex = content.index
    frames = [pack_index(index), *(pack_chunk(index, i, data) for i, data in enumerate(split(content.data)))]
    own = [topics.to_device(Family.DEVICE_CONTENT, f"raw-{number:05d}") for number in range(devices)]
    expected = sum(len(mqtt.publish(own[0], frame, packet_id=0)) for frame in frames)
    receivers = [_connected(port, f"raw-{number:05d}") for number in range(devices)]
    for receiver, topic in zip(receivers, own, strict=True):
        receiver.sendall(mqtt.subscribe(1, [(topic, 0)]))
        receiver.recv(16)
    publisher = _connected(port, "raw-publisher")
    began_s = time.monotonic()
    for receiver, topic in zip(receivers, own, strict=True):
        for frame in frames:
            publisher.sendall(mqtt.publish(topic, frame, packet_id=0))
        left = expected
        while left:
            left -= len(receiver.recv(min(left, 1 << 20)))
    took_s = time.monotonic() - began_s
    for one in (publisher, *receivers):
        one.sendall(mqtt.DISCONNECT)
        one.close()
    return Raw(devices, expected, took_s)


def _connected(port: int, name: str) -> socket.socket:
    bare = socket.create_connection(("127.0.0.1", port), timeout=_WITHIN_S)
    bare.sendall(mqtt.connect(name, keepalive_s=60))
    bare.recv(16)
    return bare


@asynccontextmanager
async def _broker(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    process = broker_process("mosquitto", folder, port)
    process.start()
    try:
        await eventually(partial(asyncio.to_thread, listens, port), "the broker listens")
        yield port
    finally:
        await asyncio.to_thread(process.end)


@asynccontextmanager
async def _fleet(system: Running, folder: Path, port: int, devices: int, seed: int) -> AsyncIterator[Devices]:
    async with system.controller.db.reading() as session:
        trust = await newest_envelope(session)
    assert trust is not None
    keys = {name: signer.private_raw.hex() for name, signer in system.commune.signers.items()}
    await asyncio.to_thread((folder / "devices.json").write_text, json.dumps(keys))
    await asyncio.to_thread((folder / "trust.json").write_bytes, trust)
    command = [sys.executable, "-m", "benchmarks.content_worker", str(folder), str(port), str(devices)]
    child = await asyncio.create_subprocess_exec(
        *command,
        "--seed",
        str(seed),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    try:
        yield Devices(child)
    finally:
        assert child.stdin is not None
        child.stdin.close()
        try:
            async with asyncio.timeout(15):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
