"""Tiếp sóng with the real agent: chime, station, bulletin; the station dies on the way, and comes back.

The tones say what was heard when; then a priority notice cuts into another relay, which goes on where it is by then.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from loa_protocol.documents.plan import (
    Broadcast,
    ChimeSegment,
    Content,
    ContentSegment,
    OnLate,
    RelaySegment,
)
from loa_protocol.ids import Level
from loa_protocol.receipts import Note
from tests.acceptance.rig import Process, broker_process, free_port, lone_agent, read_wav, wait_for
from tests.acceptance.rig import _listens as listens
from tests.fakes.lone_controller import LoneController, SentContent, utc_now
from tests.fakes.player_sounds import write_encoded
from tests.fakes.radio import Radio
from tests.fakes.tones import order, spans

pytestmark = [pytest.mark.broker, pytest.mark.alone]

STATION_HZ, FALLBACK_HZ, BULLETIN_HZ, NOTICE_HZ = 1000, 400, 2000, 3000
TONES = (STATION_HZ, FALLBACK_HZ, BULLETIN_HZ, NOTICE_HZ)
PROFILE = """
format: loa.profile.v1
name: relaying-speaker
title: Loa tiếp sóng
kind: speaker
audio: {output: file, folder: captured, sample_rate_hz: 48000}
limits: {max_volume: 100, min_free_disk_mib: 64, cache_quota_mib: 64}
link: fibre
relay: {retry_s: 0.5, back_s: 0.6, buffer_s: 1, crossfade_ms: 100}
relay_allow: [127.0.0.1/32]
"""


class Site:
    """One broker, one controller, one agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.broker = broker_process("iotcore", folder, port)
        self.broker.start()
        wait_for(lambda: listens(port), "the broker listens")
        self.controller = LoneController(port)
        profile = folder / "profile.yaml"
        profile.write_text(PROFILE)
        _, self.agent = lone_agent(
            folder, port, self.controller.pinned_trust(), profile=str(profile), module=["edge_agent"]
        )
        self.controller.assign()

    def asset(self, name: str, hz: int, seconds: float) -> SentContent:
        at = np.arange(round(seconds * 48_000)) / 48_000
        path = self.folder / f"{name}.ogg"
        write_encoded(path, (0.2 * np.sin(2 * np.pi * hz * at)).astype(np.float32), codec="libopus", container="ogg")
        return SentContent(name, path, round(seconds * 1000))

    def end(self) -> None:
        self.agent.end()
        self.controller.close()
        self.broker.end()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    held = Site(tmp_path)
    try:
        yield held
    finally:
        held.end()


def wait_relay(site: Site, *, down: bool) -> None:
    wait_for(
        lambda: site.controller.states[-1].playing and bool(site.controller.states[-1].relay_down) is down,
        f"a state that says the relay is {'down' if down else 'heard'}; {site.agent.tail()}",
    )


def test_a_station_that_dies_in_the_middle_is_replaced_and_taken_back_and_the_receipt_tells_it(site: Site) -> None:
    agent: Process = site.agent
    agent.start()
    wait_for(lambda: any(s.ready for s in site.controller.states), f"ready; {agent.tail()}")
    bulletin = site.asset("tin", BULLETIN_HZ, 0.6)
    fallback = site.asset("du-phong", FALLBACK_HZ, 0.7)
    notice = site.asset("bao", NOTICE_HZ, 1.0)
    manifest: dict[str, Content] = {**bulletin.manifest(), **fallback.manifest(), **notice.manifest()}
    start = utc_now() + timedelta(seconds=3)
    again = start + timedelta(seconds=9)
    with Radio(hz=STATION_HZ) as radio:
        morning = Broadcast(
            id="sang",
            start=start,
            latest_start=start + timedelta(seconds=30),
            duration_ms=875 + 6000 + 600,
            segments=(
                ChimeSegment(name="attention", duration_ms=875),
                RelaySegment(url=radio.url, duration_ms=6000, fallback="du-phong"),
                ContentSegment(ref="tin"),
            ),
            volume=100,
        )
        noon = Broadcast(
            id="trua",
            start=again,
            latest_start=again + timedelta(seconds=30),
            duration_ms=5000,
            segments=(RelaySegment(url=radio.url, duration_ms=5000),),
            on_late=OnLate.REST,
            volume=100,
        )
        urgent = Broadcast(
            id="bao",
            start=again + timedelta(seconds=1.5),
            latest_start=again + timedelta(seconds=30),
            duration_ms=1000,
            level=Level.PRIORITY,
            segments=(ContentSegment(ref="bao"),),
            volume=100,
        )
        site.controller.send_plan(site.controller.make_plan([morning, noon, urgent], manifest))
        for asset in (bulletin, fallback, notice):
            site.controller.send_content(asset)
        wait_relay(site, down=False)
        wait_for(lambda: utc_now() > start + timedelta(seconds=1.5), "the station is on air")
        radio.behaviour = "cut"
        wait_relay(site, down=True)
        radio.behaviour = "sound"
        receipts = wait_for(
            lambda: site.controller.receipts("sang") + site.controller.receipts("trua"), f"answered; {agent.tail()}"
        )
        wait_for(lambda: site.controller.receipts("trua"), f"answered; {agent.tail()}")

    told = receipts[0]
    assert (str(told.outcome), told.reason) == ("played", None)
    assert told.relayed_ms + told.fallback_ms == 6000
    assert told.fallback_ms > 600
    assert (
        told.detail == f"relay: {told.relayed_ms / 1000:.0f} s stream, {told.fallback_ms / 1000:.0f} s fallback (ended)"
    )
    assert set(told.roots) == {bulletin.index.root, fallback.index.root}
    assert abs((told.ended - start) / timedelta(milliseconds=1) - 7475) < 30
    interrupted = site.controller.receipts("trua")[0]
    assert (str(interrupted.outcome), str(site.controller.receipts("bao")[0].outcome)) == ("played", "played")
    assert abs((interrupted.ended - again) / timedelta(milliseconds=1) - 5000) < 60
    assert 2500 < interrupted.relayed_ms < 4100
    capture = next((site.folder / "captured").rglob("*.wav"))
    samples = read_wav(capture)[1]
    first = int(np.flatnonzero(np.abs(samples) > 0.003)[0])
    heard = samples[first + 42_000 - 480 :]
    assert order(heard, TONES) == [
        STATION_HZ,
        FALLBACK_HZ,
        STATION_HZ,
        BULLETIN_HZ,
        STATION_HZ,
        NOTICE_HZ,
        STATION_HZ,
    ]
    assert not [span for span in spans(heard[: round(6.5 * 48_000)], TONES)[1:] if span[0] == 0]
    notes = [body.text for body in site.controller.bodies() if isinstance(body, Note) and body.code == "relay_down"]
    assert all(radio.url in text for text in notes)
