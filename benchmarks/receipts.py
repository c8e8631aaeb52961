"""Receipts committed a second: from the signed bytes of many devices to the acknowledgement after the commit.

Proves the goals of one ingest process on SQLite and on PostgreSQL (fsync on), for batches of 1 and of 10: everything
is verified, chained, stored and in the ledger, which is checked at the end; beside it, in the same run, a raw bulk
insert of the very same rows. The ingest's opening processes are there from the beginning, as under a load that lasts;
they and the ingest share the machine's cores with the database. "Storing" is what a group does in its transaction once
its messages are opened, in one lane, knowing of the journals what a lane knows after its last commit.
"""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from benchmarks.measuring import Figure, Goal, Growth, Options, Report, at_least, at_least_raw
from benchmarks.receipts_raw import raw_of
from benchmarks.receipts_world import Sealed, Simulated, StandingClock, World
from controller.delivery.directory import Directory
from controller.receipts import taking
from controller.receipts.heads import Heads
from controller.receipts.ingest import seldom_collecting
from controller.receipts.lanes import GROUP, GROUP_ENTRIES
from controller.receipts.opening import Message, Opener
from controller.receipts.opening_pool import Needs, usual_count
from controller.receipts.rows import HeadRow
from controller.receipts.told import Received
from controller.runtime.database import Database
from controller.runtime.mqtt import Arrival, Link
from loa_protocol import topics
from loa_protocol.documents.device import Ack
from loa_protocol.envelope import open_payload, parse, payload_of
from loa_protocol.receipts import read_batch
from loa_protocol.topics import Family
from tests.fakes.databases import postgres_server, sqlite_url
from tests.fakes.ingest_feed import Broker, Feed, feeding

_AHEAD = 4_000
"""Arrivals offered before the ingest has taken them: fewer than it has room for."""
_START_S = 30.0
_ROUND_S = 120.0
_GOALS = {1: 2_000.0, 10: 20_000.0}


@dataclass(frozen=True, slots=True)
class _Sizes:
    devices: int
    rounds: int
    broadcasts: dict[int, int]
    """Batch size → new broadcasts a round."""


_FULL = _Sizes(2_000, 3, {1: 2, 10: 10, 100: 100})
_QUICK = _Sizes(500, 1, {1: 4, 10: 20})


def run(options: Options) -> Report:
    """Both databases, batches of 1 and 10 (and of 100, unless quick)."""
    sizes = _QUICK if options.quick else _FULL
    figures: list[Figure] = []
    whole: dict[str, list[tuple[int, float]]] = {}
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        for name, fresh in _databases(stack, server.database):
            for a_batch, broadcasts in sizes.broadcasts.items():
                devices = sizes.devices if a_batch <= 10 else sizes.devices // 20
                measured = asyncio.run(_measure(fresh(), devices, broadcasts, a_batch, sizes.rounds))
                figures += _figures(name, a_batch, measured)
                whole.setdefault(name, []).append((a_batch, measured.whole))
    growth = Growth("Receipts committed a second, by the size of a batch", "receipts/s", whole)
    return Report("receipts", figures, (growth,), notes=("raw: the same rows into bare tables, a commit a group",))


def _databases(stack: ExitStack, postgres: Callable[[], str]) -> Sequence[tuple[str, Callable[[], str]]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-receipts-")))
    numbers = iter(range(1_000))
    return (("SQLite", lambda: sqlite_url(folder / str(next(numbers)))), ("PostgreSQL", postgres))


@dataclass(frozen=True, slots=True)
class _Measured:
    """Receipts a second, medians of the rounds."""

    whole: float
    storing: float
    raw: float


def _figures(name: str, a_batch: int, measured: _Measured) -> list[Figure]:
    goal = at_least(_GOALS[a_batch]) if a_batch in _GOALS else None
    half: Goal = at_least_raw(0.5)
    unit = "receipts/s"
    return [
        Figure(f"{name}, batches of {a_batch}: bytes to commit", measured.whole, measured.raw, unit, goal=goal),
        Figure(f"{name}, batches of {a_batch}: storing alone", measured.storing, measured.raw, unit, goal=half),
    ]


async def _measure(url: str, devices: int, broadcasts: int, a_batch: int, rounds: int) -> _Measured:
    db = Database(url)
    raw = raw_of(url)
    try:
        world = await World.furnish(db, devices)
        whole, storing, bare = [], [], []
        group = min(GROUP * a_batch, GROUP_ENTRIES)
        opener = Opener(usual_count(), Needs(backlog=0))
        async with feeding(db, StandingClock(), opener) as feed:
            await _warm(world, feed, opener, a_batch)
            for _ in range(rounds):
                whole.append(await _whole(world, feed, await _prepared(world, broadcasts, a_batch)))
                known = _known(world)
                arriving = await _prepared(world, broadcasts, a_batch)
                storing.append(await _storing(world, arriving, group // a_batch, known))
                count, seconds = raw.insert_all(group, a_batch)
                bare.append(count / seconds)
        await world.require_whole()
        return _Measured(statistics.median(whole), statistics.median(storing), statistics.median(bare))
    finally:
        raw.close()
        await db.close()


async def _prepared(world: World, broadcasts: int, a_batch: int) -> Sequence[Sealed]:
    """A round's batches; what the benchmark itself keeps in memory is not to be searched for garbage while it runs."""
    arriving = await world.round_of(broadcasts, a_batch)
    gc.collect()
    gc.freeze()
    return arriving


async def _warm(world: World, feed: Feed, opener: Opener, a_batch: int) -> None:
    """A first round, until the opening processes are there."""
    await _whole(world, feed, await _prepared(world, a_batch, a_batch))
    async with asyncio.timeout(_START_S):
        while len(opener.pool.pids) < usual_count():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.01)


async def _whole(world: World, feed: Feed, arriving: Sequence[Sealed]) -> float:
    """Receipts a second through the whole ingest, the last acknowledgement included."""
    begin = time.perf_counter()
    for sealed in arriving:
        await feed.below(_AHEAD)
        feed.offer(sealed.topic, sealed.raw)
    async with asyncio.timeout(_ROUND_S):
        await feed.below(1)
        while not all(_acknowledged(feed, device) for device in reversed(world.devices)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
    assert not feed.uplink.dropped, feed.uplink.dropped
    return world.newest_answers / (feed.broker.last_s - begin)


def _acknowledged(feed: Feed, device: Simulated) -> bool:
    """Whether everything of its journal is."""
    posted = feed.broker.posted.get(topics.to_device(Family.ACK, device.id))
    ack = open_payload(parse(posted[-1]), Ack) if posted else None
    return ack is not None and (ack.sequence, ack.hash) == (device.sequence, device.hash)


def _known(world: World) -> Heads:
    """What an ingest knows that has taken in the round before."""
    known = Heads()
    known.learn(HeadRow(device.id, "j-1", device.sequence, device.hash) for device in world.devices if device.sequence)
    return known


async def _storing(world: World, arriving: Sequence[Sealed], a_group: int, known: Heads) -> float:
    """Receipts a second of what a group does in its transaction."""
    link = cast("Link", Broker())
    devices = await Directory(world.db, StandingClock()).find_all({sealed.device for sealed in arriving})
    messages = [
        Message(
            Arrival(sealed.topic, sealed.raw, retained=False, link=link),
            devices[sealed.device],
            Received.of(*read_batch(payload_of(parse(sealed.raw)))),
        )
        for sealed in arriving
    ]
    groups = [messages[at : at + a_group] for at in range(0, len(messages), a_group)]
    begin = time.perf_counter()
    with seldom_collecting():
        for group in groups:
            work = partial(taking.take, group=group, clock=StandingClock(), known=known)
            known.learn((await world.db.attempt(work)).heads())
    return world.newest_answers / (time.perf_counter() - begin)
