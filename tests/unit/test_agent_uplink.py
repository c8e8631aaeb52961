"""Receipts go up until they are acknowledged; the state is told when it differs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.journal import AckRefused, Journal
from edge_agent.uplink import receipts as receipts_module
from edge_agent.uplink import state as state_module
from edge_agent.uplink.receipts import AHEAD, ReceiptSender
from edge_agent.uplink.state import StateReporter, spread
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import Ack, ClockReport, ClockState, DeviceState
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import GENESIS, Note, ReceiptBatch, entry_hash, follow_chain
from loa_protocol.uplink import open_uplink
from tests.fakes.agent_world import DEVICE, NOW

SIGNER = Ed25519Signer.generate()
READING = ClockReading(ClockState.TRUSTED, NOW, 1, "time-answer")


class Wire:
    """Takes what is published, or loses it."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[ReceiptBatch] = asyncio.Queue()
        self.online = True

    async def publish(self, _topic: str, raw: bytes) -> bool:
        if self.online:
            key = SIGNER.trust_key("device")
            self.batches.put_nowait(open_uplink(raw, kind="receipts", model=ReceiptBatch, device_id=DEVICE, key=key))
        return self.online


class Line:
    """A sender over a real journal."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.sqlite")
        self.wire = Wire()
        self.sender = ReceiptSender(
            self.journal, SIGNER, device_id=DEVICE, clock=lambda: READING, publish=self.wire.publish
        )

    async def write(self, count: int) -> None:
        for number in range(count):
            await self.journal.append(Note(code=f"n{number}"), at=NOW)
        self.sender.wake()

    async def batch(self) -> ReceiptBatch:
        async with asyncio.timeout(5):
            return await self.wire.batches.get()

    async def ack(self, sequence: int, *, resend_from: int | None = None, mark: str | None = None) -> None:
        pending = await self.journal.pending(sequence - 1, 1)
        true = entry_hash(pending.entries[0]) if pending.entries else GENESIS
        await self.sender.acknowledged(
            Ack(
                scope=f"d-{DEVICE}",
                journal=self.journal.head.journal,
                sequence=sequence,
                hash=mark or true,
                resend_from=resend_from,
            )
        )


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(tmp_path)
    await made.journal.open()
    task = asyncio.create_task(made.sender.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.journal.close()


async def test_new_entries_go_at_once_in_batches_of_a_hundred_as_they_were_written(line: Line) -> None:
    await line.write(230)

    batches = [await line.batch() for _ in range(3)]

    raw = tuple(bytes(entry) for batch in batches for entry in batch.entries)
    assert max(len(batch.entries) for batch in batches) <= 100
    follow_chain(raw, 0, GENESIS)


async def test_acknowledged_entries_are_not_sent_again_after_a_new_connection(line: Line) -> None:
    await line.write(3)
    await line.batch()
    await line.ack(2)

    line.sender.connected()

    assert len((await line.batch()).entries) == 1


async def test_a_lost_batch_is_sent_again_after_a_while(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "FIRST_RETRY_S", 0.05)
    await line.write(2)

    first, again = await line.batch(), await line.batch()

    assert first.entries == again.entries


async def test_what_was_written_without_a_connection_goes_when_there_is_one(line: Line) -> None:
    line.wire.online = False
    await line.write(4)
    await asyncio.sleep(0)
    line.wire.online = True

    line.sender.connected()

    assert len((await line.batch()).entries) == 4


async def test_a_controller_that_lost_entries_gets_them_again(line: Line) -> None:
    await line.write(5)
    await line.batch()
    await line.ack(5)

    await line.ack(5, resend_from=3)

    follow_chain(
        tuple(bytes(e) for e in (await line.batch()).entries),
        2,
        entry_hash((await line.journal.pending(1, 1)).entries[0]),
    )


async def test_what_is_no_longer_held_is_answered_as_gone(line: Line) -> None:
    from datetime import timedelta

    await line.write(5)
    await line.batch()
    await line.ack(4)
    await line.journal.prune(now=NOW + timedelta(days=30), named=frozenset())

    await line.ack(5, resend_from=2)

    batch = await line.batch()
    assert batch.gone is not None
    assert (batch.gone.first, batch.gone.last) == (2, 4)
    assert len(batch.entries) == 1


async def test_a_forged_ack_stops_nothing_from_being_sent_again(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "FIRST_RETRY_S", 0.05)
    await line.write(2)
    await line.batch()

    with pytest.raises(AckRefused):
        await line.ack(2, mark="f" * 64)

    assert len((await line.batch()).entries) == 2


async def test_it_does_not_run_far_ahead_of_the_controller(line: Line) -> None:
    await line.write(AHEAD + 150)
    sent = 0
    async with asyncio.timeout(5):
        while sent < AHEAD:
            sent += len((await line.batch()).entries)

    assert sent == AHEAD
    assert line.wire.batches.empty()


def state(**changes: object) -> DeviceState:
    made = DeviceState(device=DEVICE, boot="b", issued=NOW, clock=ClockReport(state=ClockState.TRUSTED, error_ms=3))
    return msgspec.structs.replace(made, **changes)


async def test_the_state_is_told_when_it_differs_and_not_when_only_time_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_module, "SOON_S", (0.0, 0.0))
    states = iter(
        [
            state(),
            state(free_bytes=5, clock=ClockReport(state=ClockState.TRUSTED, error_ms=9)),
            state(ready=True),
            state(ready=True),
        ]
    )
    composed, told = asyncio.Queue(), []

    async def compose() -> DeviceState:
        made = next(states)
        composed.put_nowait(made)
        return made

    async def publish(_topic: str, raw: bytes) -> bool:
        key = SIGNER.trust_key("device")
        told.append(open_uplink(raw, kind="state", model=DeviceState, device_id=DEVICE, key=key))
        return True

    reporter = StateReporter(SIGNER, device_id=DEVICE, compose=compose, publish=publish)
    task = asyncio.create_task(reporter.run())
    for again in (reporter.changed, reporter.changed, reporter.changed, reporter.repeat):
        again()
        await composed.get()
        await asyncio.sleep(0)

    assert [one.ready for one in told] == [False, True, True]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@given(st.floats(0, 1))
def test_what_happens_to_all_devices_at_once_is_not_told_by_all_at_once(chance: float) -> None:
    assert 0.2 <= spread(state_module.SOON_S, chance) <= 1.0
    assert 45 <= spread(state_module.EVERY_S, chance) <= 75
    assert spread(state_module.SOON_S, 0.9) - spread(state_module.SOON_S, 0.1) > 0.5
