"""A fleet of light devices and a real controller: every device ends in exactly one outcome, and nothing is invented."""

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from controller.broadcasts.tables import LedgerRow
from controller.devices import service as devices
from controller.devices.service import NewDevice
from controller.devices.tables import DeviceReport, Finding
from controller.receipts import service
from edge_agent.light.device import Identity
from edge_agent.light.faults import Faults, Pace
from edge_agent.light.fleet import Fleet
from loa_protocol import topics
from loa_protocol.ids import unit_scope
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE
from tests.fakes.running_controller import Running, eventually, running

pytestmark = pytest.mark.broker
PLAN = topics.scoped(Family.PLAN, unit_scope(COMMUNE))
BRISK = Pace(spread_s=0.5, state_every_s=2.0)
WITHIN_S = 120.0


async def registered(system: Running, count: int, kind: str = "board") -> list[Identity]:
    """Devices of one kind, in bulk as the API registers them."""
    identities = [Identity(f"{kind}-{number:03d}", Ed25519Signer.generate()) for number in range(count)]
    wanted = [
        NewDevice(
            device_id=one.device_id,
            name=one.device_id,
            kind=kind,
            unit_id=COMMUNE,
            public_key=base64.b64encode(one.signer.public_raw).decode(),
            profile="simulated",
            languages=["vi"],
            stagger_ms=0,
        )
        for one in identities
    ]
    async with system.controller.db.transaction() as session:
        await devices.register_all(session, wanted, now=system.clock.now())
    system.controller.wake()
    return identities


@asynccontextmanager
async def living(system: Running, identities: list[Identity], **given: Any) -> AsyncIterator[Fleet]:
    """A fleet whose devices on the network are connected, subscribed and on time."""
    fleet = Fleet("127.0.0.1", system.port, identities, await system.trust(), pace=BRISK, seed=1, **given)
    life = asyncio.create_task(fleet.run())
    try:
        present = len(identities) - len(fleet.away)
        await until(lambda: fleet.counts().whole == fleet.counts().clocks == present, "all devices are there")
        yield fleet
    finally:
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life


async def until(done: Callable[[], Any], what: str) -> None:
    async def asked() -> Any:
        return done()

    await eventually(asked, what, WITHIN_S)


async def rows(system: Running, broadcast_id: str) -> list[LedgerRow]:
    async with system.controller.db.reading() as session:
        return list(await session.scalars(select(LedgerRow).where(LedgerRow.broadcast_id == broadcast_id)))


async def closed(system: Running, broadcast_id: str) -> list[LedgerRow]:
    async def over() -> bool:
        return (await system.commune.row(broadcast_id)).closed_at is not None

    await eventually(over, "the ledger is closed", WITHIN_S)
    return await rows(system, broadcast_id)


async def findings(system: Running) -> list[str]:
    async with system.controller.db.reading() as session:
        return list(await session.scalars(select(Finding.code)))


async def test_two_hundred_devices_each_end_in_one_outcome_and_the_absent_in_unknown(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 120, "board") + await registered(system, 80, "speaker")
        async with living(system, identities, faults=Faults(offline=0.1)) as fleet:
            before = fleet.services.examination.verified
            broadcast = await system.broadcast(in_s=5, late_s=6, grace_s=3, board_s=1)
            answers = await closed(system, broadcast)
            counts = fleet.counts()
            away = set(fleet.away)

    outcomes = Counter((row.outcome, row.reason) for row in answers)
    present = Counter(one.device_id.split("-")[0] for one in identities if one.device_id not in away)
    assert len(answers) == len({row.device_id for row in answers}) == 200
    assert outcomes == {
        ("played", None): present["board"],
        ("skipped", "not_for_device"): present["speaker"],
        ("unknown", "no_answer"): 20,
    }
    assert {row.device_id for row in answers if row.outcome == "unknown"} == away
    assert counts.verified - before == 1  # the plan, once for 180 devices
    tell(f"light fleet: {counts.examined} documents asked for, {counts.verified} verified, {counts.devices} devices")


async def test_a_simulated_receipt_says_so_and_claims_no_sound(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 3)
        async with living(system, identities):
            (row, *_) = await closed(system, await system.broadcast(in_s=1, board_s=1))

            async def reported() -> list[DeviceReport]:
                async with system.controller.db.reading() as session:
                    found = list(await session.scalars(select(DeviceReport)))
                return found if len(found) == 3 and all(one.state for one in found) else []

            reports = await eventually(reported, "every device has said its state")
            async with system.controller.db.reading() as session:
                receipt = (await service.receipts(session, row.broadcast_id))[row.device_id]

    assert row.outcome == "played"
    assert receipt.evidence == "simulated"
    assert "nothing sounded" in receipt.detail
    assert (receipt.rms_dbfs, receipt.peak_dbfs, receipt.board) == (None, None, None)
    assert {one.state["evidence"] for one in reports} == {"simulated"}


@pytest.mark.long
async def test_receipts_arrive_though_a_tenth_of_all_messages_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 12)
        async with living(system, identities, faults=Faults(loss=0.1)) as fleet:
            await until(lambda: all(device.ready for device in fleet), "every device is ready")
            answers = await closed(system, await system.broadcast(in_s=8, grace_s=60, board_s=1))
            found = await findings(system)

    assert Counter(row.outcome for row in answers) == {"played": 12}
    assert found == []


async def test_a_device_that_was_away_plays_on_and_answers_when_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 4)
        async with living(system, identities) as fleet:
            broadcast = await system.broadcast(in_s=3, grace_s=60, board_s=1)
            await until(lambda: all(PLAN in device.versions for device in fleet), "every device has the plan")
            fleet.take_away(["board-001"])
            await until(lambda: fleet["board-001"].unacknowledged >= 2, "it played without a network")
            assert not fleet["board-001"].connected
            fleet.bring_back(["board-001"])
            answers = await closed(system, broadcast)

    assert Counter(row.outcome for row in answers) == {"played": 4}


async def test_a_power_cut_ends_what_is_on_as_interrupted(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 3)
        async with living(system, identities) as fleet:
            broadcast = await system.broadcast(in_s=2, grace_s=60, board_s=4)
            await until(lambda: all(device.playing for device in fleet), "all play")
            fleet["board-000"].power_cut()
            answers = {row.device_id: (row.outcome, row.reason) for row in await closed(system, broadcast)}

    assert answers == {
        "board-000": ("interrupted", "power_cut"),
        "board-001": ("played", None),
        "board-002": ("played", None),
    }


async def test_devices_without_a_clock_begin_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, devices=()) as system:
        identities = await registered(system, 3)
        fleet = Fleet(
            "127.0.0.1",
            system.port,
            identities,
            await system.trust(),
            pace=BRISK,
            faults=Faults(late_clock_s=3600),
        )
        life = asyncio.create_task(fleet.run())
        try:
            await until(lambda: fleet.counts().connected == 3, "all are connected")
            answers = await closed(system, await system.broadcast(in_s=1, grace_s=1, board_s=1))
        finally:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life

    assert Counter(row.outcome for row in answers) == {"unknown": 3}
    assert fleet.counts().journalled == 0
