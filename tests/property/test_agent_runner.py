"""Whatever is planned and whatever happens to the device: once each, one answer each, one sound at a time."""

import asyncio
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from loa_protocol.documents.plan import OnLate, OnPreempt, Withdrawn
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome
from tests.fakes.agent_world import World, content_named

NAMES = ("a", "b", "c", "d", "e")

_broadcast = st.fixed_dictionaries(
    {
        "in_ms": st.integers(0, 20_000),
        "duration_ms": st.integers(200, 6_000),
        "late_ms": st.sampled_from([0, 2_000, 15_000]),
        "level": st.sampled_from([Level.NORMAL, Level.PRIORITY]),
        "on_preempt": st.sampled_from(OnPreempt),
        "on_late": st.sampled_from(OnLate),
    }
)
_event = st.sampled_from(["power", "player", "back", "stop", "withdraw", "again", "content"])


@settings(max_examples=80)
@given(
    planned=st.lists(_broadcast, min_size=1, max_size=len(NAMES)),
    events=st.lists(st.tuples(st.integers(0, 6_000), _event, st.sampled_from(NAMES)), max_size=5),
    missing=st.sets(st.sampled_from(NAMES)),
)
def test_each_broadcast_begins_at_most_once_and_is_answered_exactly_once(planned, events, missing) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live_through(Path(folder), planned, events, missing))


async def _live_through(folder: Path, planned, events, missing) -> None:
    world = World(folder)
    await world.born()
    broadcasts = [world.broadcast(name, **one) for name, one in zip(NAMES, planned, strict=False)]
    world.cache.all_there = False
    world.cache.have = {content_named(one.id).root for one in broadcasts if one.id not in missing}
    world.plan(*broadcasts)
    for after_ms, what, name in events:
        await world.live(after_ms, step_ms=200)
        await _happen(world, what, name, broadcasts)
    world.player.back()
    await world.live(90_000, step_ms=1_000)

    receipts, starts = await world.receipts(), Counter(await world.starts())
    assert {name: len(many) for name, many in receipts.items()} == {one.id: 1 for one in broadcasts}
    assert all(count == 1 for count in starts.values())
    sounds = sorted(world.sounds(), key=lambda one: one[1])
    assert all(first[2] <= second[1] for first, second in pairwise(sounds))
    assert {name for name, _, _ in sounds} <= starts.keys()
    for one in broadcasts:
        receipt = receipts[one.id][0]
        heard_ms = sum(end - begin for name, begin, end in sounds if name == one.id) / 1e6
        if receipt.outcome in {Outcome.SKIPPED, Outcome.FAILED}:
            assert heard_ms == 0
        if receipt.outcome is Outcome.PLAYED:
            assert heard_ms > 0
            assert abs(receipt.played_ms - heard_ms) <= 2
        if one.on_preempt is not OnPreempt.RESTART:
            assert heard_ms <= one.duration_ms + 2
    await world.power_cut()


async def _happen(world: World, what: str, name: str, broadcasts) -> None:
    match what:
        case "power":
            await world.reborn()
        case "player":
            world.player.die()
        case "back":
            world.player.back()
        case "stop":
            world.stop(for_ms=3_000)
        case "withdraw":
            world.plan(withdrawn=(Withdrawn(id=name, rev=0),))
        case "again":
            world.plan(*broadcasts)
        case _:
            world.cache.have.add(content_named(name).root)
            world.runner.changed()
