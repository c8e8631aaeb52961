"""Content on the device: verified on arrival, resumed after a cut, thrown away when damaged, within its quota."""

import asyncio
import errno
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from edge_agent import durable
from edge_agent.clock import ClockKeeper
from edge_agent.content import cache as cache_module
from edge_agent.content.cache import CacheFull, ContentCache
from edge_agent.content.fetcher import Fetcher, Need
from loa_protocol import topics
from loa_protocol.content import (
    ContentBadFrame,
    ContentWrongChunk,
    ContentWrongIndex,
    pack_index,
    unpack,
)
from loa_protocol.documents.device import Want
from tests.fakes.agent_world import DEVICE, NOW, FakeSystem
from tests.fakes.assets import Asset, until

MIB = 1024 * 1024


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContentCache:
    monkeypatch.setattr(cache_module, "RESERVE_BYTES", 0)
    made = ContentCache(tmp_path / "content", MIB)
    made.open()
    return made


def again(tmp_path: Path) -> ContentCache:
    made = ContentCache(tmp_path / "content", MIB)
    made.open()
    return made


def fill(cache: ContentCache, asset: Asset) -> None:
    for frame in asset.frames:
        cache.take(unpack(frame), asset.described)


def cut_off_before_whole(cache: ContentCache, asset: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk is in its place, and the disk refuses the last step."""

    def refuse(_path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "write", refuse)
        with pytest.raises(CacheFull):
            fill(cache, asset)


def test_an_asset_is_whole_when_its_last_chunk_has_come_in_any_order(cache: ContentCache) -> None:
    asset = Asset(1)
    cache.take(unpack(asset.frames[0]), asset.described)
    shuffled = random.Random(3).sample(asset.chunks, len(asset.chunks))

    whole = [cache.take(unpack(frame), asset.described) for frame in shuffled]

    assert whole == [False] * (len(whole) - 1) + [True]
    assert cache.path(asset.root).read_bytes() == asset.data
    assert cache.verified(asset.root)
    assert cache.roots() == {asset.root}


def test_wrong_chunks_and_a_wrong_index_are_refused_and_nothing_of_them_is_kept(cache: ContentCache) -> None:
    asset, other = Asset(1), Asset(2)
    lying = pack_index(other.index).replace(bytes.fromhex(other.root), bytes.fromhex(asset.root))
    with pytest.raises(ContentWrongIndex):
        cache.take(unpack(lying), asset.described)
    cache.take(unpack(asset.frames[0]), asset.described)
    broken = asset.chunks[0][:-1] + bytes([asset.chunks[0][-1] ^ 1])

    with pytest.raises(ContentWrongChunk):
        cache.take(unpack(broken), asset.described)

    assert cache.missing(asset.root, asset.described) == (False, tuple(range(len(asset.chunks))))


def test_chunks_before_their_index_are_kept_and_count_once_it_confirms_them(cache: ContentCache) -> None:
    asset, other = Asset(1), Asset(2)
    lying = other.chunks[1].replace(bytes.fromhex(other.root), bytes.fromhex(asset.root))
    for frame in (asset.chunks[0], lying, asset.chunks[3]):
        cache.take(unpack(frame), asset.described)
    assert cache.missing(asset.root, asset.described) == (True, (2,))

    cache.take(unpack(asset.frames[0]), asset.described)

    assert cache.missing(asset.root, asset.described) == (False, (1, 2))
    cache.take(unpack(asset.chunks[1]), asset.described)
    assert cache.take(unpack(asset.chunks[2]), asset.described)
    assert cache.path(asset.root).read_bytes() == asset.data


def test_an_index_that_comes_last_makes_an_asset_whole(cache: ContentCache) -> None:
    asset = Asset(1)

    whole = [cache.take(unpack(frame), asset.described) for frame in (*asset.chunks, asset.frames[0])]

    assert whole == [False] * len(asset.chunks) + [True]
    assert cache.verified(asset.root)


def test_a_chunk_of_the_wrong_length_or_place_is_not_kept_before_the_index(cache: ContentCache) -> None:
    asset, long = Asset(1), Asset(2, size=500_000)
    for chunk in (long.chunks[-1], long.chunks[10]):
        frame = chunk.replace(bytes.fromhex(long.root), bytes.fromhex(asset.root))
        cache.take(unpack(frame), asset.described)

    assert cache.used_bytes() == 0
    assert cache.missing(asset.root, asset.described) == (True, tuple(range(len(asset.chunks))))


def test_a_restart_goes_on_where_it_was_and_hashes_what_it_found(cache: ContentCache, tmp_path: Path) -> None:
    asset = Asset(1, size=100_000)
    for frame in asset.frames[:4]:
        cache.take(unpack(frame), asset.described)
    with (tmp_path / "content" / "growing" / asset.root).open("r+b") as file:
        file.write(b"\xff")  # the first chunk was torn by the power cut

    resumed = again(tmp_path)

    assert resumed.missing(asset.root, asset.described) == (False, (0, *range(3, len(asset.chunks))))
    for frame in asset.chunks:
        resumed.take(unpack(frame), asset.described)
    assert resumed.path(asset.root).read_bytes() == asset.data


def test_an_asset_that_lacked_nothing_when_the_power_went_is_whole_after_the_restart(
    cache: ContentCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = Asset(1)
    cut_off_before_whole(cache, asset, monkeypatch)
    resumed = again(tmp_path)
    assert resumed.missing(asset.root, asset.described) == (False, ())

    whole = resumed.finish(asset.root, asset.described)

    assert whole
    assert resumed.verified(asset.root)
    assert resumed.path(asset.root).read_bytes() == asset.data


def test_what_is_not_there_or_lacks_a_chunk_is_not_finished(cache: ContentCache) -> None:
    asset = Asset(1)
    absent = cache.finish(asset.root, asset.described)
    for frame in asset.frames[:-1]:
        cache.take(unpack(frame), asset.described)

    lacking = cache.finish(asset.root, asset.described)

    assert (absent, lacking) == (False, False)


def test_after_a_restart_nothing_sounds_before_it_was_hashed_again(cache: ContentCache, tmp_path: Path) -> None:
    asset = Asset(1)
    fill(cache, asset)

    restarted = again(tmp_path)

    assert not restarted.verified(asset.root)
    assert restarted.unverified() == {asset.root}
    assert restarted.verify(asset.root)
    assert restarted.verified(asset.root)


@pytest.mark.parametrize("damage", ["flip", "truncate", "no index"])
def test_damaged_content_is_thrown_away(cache: ContentCache, tmp_path: Path, damage: str) -> None:
    asset = Asset(1)
    fill(cache, asset)
    path = cache.path(asset.root)
    match damage:
        case "flip":
            path.write_bytes(b"\0" + asset.data[1:])
        case "truncate":
            path.write_bytes(asset.data[:-1])
        case _:
            path.with_name(f"{asset.root}.index").unlink()
    restarted = again(tmp_path)

    assert not restarted.verify(asset.root)

    assert restarted.roots() == frozenset()
    assert not path.exists()


def test_room_is_made_by_what_nobody_needs_then_by_what_is_needed_last(cache: ContentCache) -> None:
    idle, later, soon = (Asset(seed, size=300_000) for seed in (1, 2, 3))
    for asset in (idle, later, soon):
        fill(cache, asset)
    needed = {later.root: NOW + timedelta(days=2), soon.root: NOW + timedelta(hours=1)}

    cache.make_room(300_000, NOW + timedelta(hours=2), needed, ())
    assert cache.roots() == {later.root, soon.root}
    cache.make_room(600_000, NOW + timedelta(hours=2), needed, ())
    assert cache.roots() == {soon.root}
    with pytest.raises(CacheFull):
        cache.make_room(900_000, NOW + timedelta(hours=2), needed, ())

    assert cache.roots() == {soon.root}


def test_pinned_content_never_goes(cache: ContentCache) -> None:
    siren = Asset(1, size=300_000)
    fill(cache, siren)

    with pytest.raises(CacheFull):
        cache.make_room(900_000, NOW, {}, {siren.root})

    assert cache.roots() == {siren.root}


class Line:
    """The fetcher's outside: what it asked, and a clock."""

    def __init__(self, cache: ContentCache, tmp_path: Path) -> None:
        system = FakeSystem()
        self.clock = ClockKeeper(tmp_path / "clock.json", system)
        self.clock.answered(sent_ns=system.mono_ns, received_ns=system.mono_ns, now=NOW)
        self.wants: list[Want] = []
        self.asked = asyncio.Event()
        self.spoiled: list[str] = []
        self.changes = 0
        self.fetcher = Fetcher(
            cache,
            device_id=DEVICE,
            clock=self.clock,
            publish=self.publish,
            changed=self.changed,
            spoiled=self.note_spoiled,
        )

    async def publish(self, _topic: str, payload: bytes) -> bool:
        self.wants.append(msgspec.json.decode(payload, type=Want))
        self.asked.set()
        return True

    def changed(self) -> None:
        self.changes += 1

    async def note_spoiled(self, root: str) -> None:
        self.spoiled.append(root)


@pytest.fixture
async def line(cache: ContentCache, tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(cache, tmp_path)
    running = asyncio.create_task(made.fetcher.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.fetcher.close()


async def test_what_is_needed_now_is_asked_for_whole_and_then_not_listened_to_any_more(line: Line) -> None:
    asset = Asset(1)
    line.fetcher.need([Need(asset.described, NOW + timedelta(seconds=10))])
    await until(lambda: line.wants)
    want = line.wants[0]
    assert (want.root, want.index, want.chunks) == (asset.root, True, tuple(range(len(asset.chunks))))
    assert line.fetcher.active == line.fetcher.missing == (asset.root,)

    for frame in asset.frames:
        await line.fetcher.take(topics.content(asset.root), frame)

    assert line.fetcher.ready(asset.root)
    assert line.fetcher.active == line.fetcher.missing == ()


@pytest.mark.parametrize("restarted", [False, True])
async def test_content_that_lacks_nothing_but_its_last_step_is_finished_without_another_chunk(
    cache: ContentCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    asset = Asset(1)
    cut_off_before_whole(cache, asset, monkeypatch)
    made = Line(again(tmp_path) if restarted else cache, tmp_path)
    running = asyncio.create_task(made.fetcher.run())

    made.fetcher.need([Need(asset.described, NOW + timedelta(seconds=10))])
    await until(lambda: made.fetcher.ready(asset.root))

    assert made.wants == []
    assert made.fetcher.active == made.fetcher.missing == ()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.fetcher.close()


async def test_what_is_needed_much_later_is_not_asked_for_at_once(line: Line) -> None:
    asset = Asset(1)
    line.fetcher.need([Need(asset.described, NOW + timedelta(days=1))])
    await until(lambda: line.fetcher.active)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.8):
            await line.asked.wait()


async def test_content_nobody_needs_is_passed_over(line: Line, cache: ContentCache) -> None:
    asset = Asset(1)

    for frame in asset.frames:
        await line.fetcher.take(topics.content(asset.root), frame)

    assert cache.roots() == frozenset()
    assert cache.used_bytes() == 0


async def test_a_frame_on_the_topic_of_another_asset_is_refused(line: Line) -> None:
    asset, other = Asset(1), Asset(2)

    with pytest.raises(ContentBadFrame):
        await line.fetcher.take(topics.content(other.root), asset.frames[0])


async def test_damaged_content_found_in_idle_time_is_told_and_fetched_again(
    cache: ContentCache, tmp_path: Path
) -> None:
    asset = Asset(1)
    fill(cache, asset)
    cache.path(asset.root).write_bytes(b"\0" * len(asset.data))
    made = Line(again(tmp_path), tmp_path)
    running = asyncio.create_task(made.fetcher.run())

    made.fetcher.need([Need(asset.described, NOW + timedelta(seconds=10))])
    await until(lambda: made.wants)

    assert made.spoiled == [asset.root]
    assert made.fetcher.missing == (asset.root,)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.fetcher.close()
