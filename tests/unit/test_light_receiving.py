"""Simulated devices receive content by the agent's own rules: checked, resumed, asked for within their window."""

import asyncio
import random
from datetime import timedelta

import msgspec

from edge_agent.content.fetcher import Need
from edge_agent.light.receiving import ReceivedContent, Receivers
from loa_protocol import topics
from loa_protocol.documents.device import LinkClass, Want
from loa_protocol.topics import Family
from tests.fakes.agent_world import NOW
from tests.fakes.assets import Asset, until

OWN = topics.to_device(Family.DEVICE_CONTENT, "sim-1")


class Line:
    """One receiver, what it sent and how often its topics changed."""

    def __init__(self, link: LinkClass = "mobile") -> None:
        self.wants: list[Want] = []
        self.changes = 0
        self.whole: list[str] = []
        self.receivers = Receivers(
            lambda: NOW, random.Random(1), link=link, whole=lambda _device, root, _at_s: self.whole.append(root)
        )
        self.content: ReceivedContent = self.receivers("sim-1", self._send, self._changed)

    def need(self, asset: Asset) -> None:
        self.content.need([Need(asset.described, NOW + timedelta(seconds=30))])

    def _send(self, topic: str, payload: bytes, qos: int) -> bool:
        assert (topic, qos) == (topics.up(Family.WANT, "sim-1"), 1)
        self.wants.append(msgspec.json.decode(payload, type=Want))
        return True

    def _changed(self) -> None:
        self.changes += 1


async def test_an_asset_is_whole_in_any_order_and_then_not_listened_to() -> None:
    line, asset = Line(), Asset(1)
    line.need(asset)
    assert tuple(line.content.topics) == (OWN, topics.content(asset.root))

    for frame in random.Random(2).sample(asset.frames, len(asset.frames)):
        line.content.take(topics.content(asset.root), frame)

    assert line.content.ready(asset.root)
    assert line.whole == [asset.root]
    assert tuple(line.content.topics) == (OWN,)
    assert line.changes == 1


async def test_forged_and_foreign_frames_count_for_nothing() -> None:
    line, asset, other = Line(), Asset(1), Asset(2)
    line.need(asset)
    forged = other.chunks[0].replace(bytes.fromhex(other.root), bytes.fromhex(asset.root))
    for topic, payload in (
        (topics.content(asset.root), forged),
        (topics.content(other.root), asset.frames[0]),
        (OWN, b"nonsense"),
        (OWN, asset.frames[0]),
        (OWN, asset.chunks[1][:-1]),
        *((OWN, chunk) for chunk in asset.chunks[1:]),
    ):
        line.content.take(topic, payload)

    assert not line.content.ready(asset.root)
    line.content.take(OWN, asset.chunks[0])
    assert line.content.ready(asset.root)


async def test_what_is_missing_is_asked_for_and_nothing_else() -> None:
    line, asset = Line(), Asset(1)
    line.need(asset)
    for frame in (asset.frames[0], asset.chunks[0], asset.chunks[3]):
        line.content.take(topics.content(asset.root), frame)

    await until(lambda: line.wants)

    assert (line.wants[0].index, line.wants[0].chunks, line.wants[0].alone) == (False, (1, 2), False)


async def test_a_narrow_link_keeps_off_what_goes_to_all_and_asks_for_little() -> None:
    line, asset = Line("narrow"), Asset(1)
    line.need(asset)

    assert tuple(line.content.topics) == (OWN,)
    await until(lambda: line.wants)
    assert (line.wants[0].index, line.wants[0].chunks, line.wants[0].alone) == (True, (0, 1), True)


async def test_lost_frames_are_drawn_by_chance_and_counted_as_bytes_all_the_same() -> None:
    line, asset = Line(), Asset(1)
    line.need(asset)
    line.receivers.begin(1.0)

    for frame in asset.frames:
        line.content.take(topics.content(asset.root), frame)

    assert not line.content.ready(asset.root)
    assert line.receivers.frames == len(asset.frames)
    assert line.receivers.wire_bytes > sum(map(len, asset.frames))
    await asyncio.sleep(0)
