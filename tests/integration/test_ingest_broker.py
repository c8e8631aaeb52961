"""What devices say, over a real broker: only what they signed counts, and only what is committed is acknowledged."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from controller.devices.tables import DeviceReport, Finding
from controller.receipts import service
from controller.receipts.tables import JournalEntry
from loa_protocol import topics
from loa_protocol.documents.device import DeviceState, Health
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import GENESIS, Note, ReceiptBatch, Refused
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink
from tests.fakes.running_controller import Running, eventually, running, surroundings
from tests.fakes.wire_device import TRUSTED, skipped, soon

pytestmark = pytest.mark.broker


_TRIGGER = "CREATE TRIGGER refuse BEFORE INSERT ON journal_entries"
REFUSING = {
    "sqlite": (f"{_TRIGGER} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$",
        f"{_TRIGGER} FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
}
ACCEPTING = {"sqlite": ("DROP TRIGGER refuse",), "postgresql": ("DROP TRIGGER refuse ON journal_entries",)}


@pytest.fixture(autouse=True, params=["embedded", "mosquitto"])
def _broker(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every promise holds with either broker and either database."""
    with surroundings(request.param, request):
        yield


def _dropped(system: Running, reason: str, count: int = 1) -> Callable[[], Awaitable[bool]]:
    async def counted() -> bool:
        return system.controller.uplink.dropped[reason] == count

    return counted


async def _entries(system: Running) -> list[int]:
    async with system.controller.db.reading() as session:
        return list(await session.scalars(select(JournalEntry.sequence).order_by(JournalEntry.sequence)))


async def _report(system: Running, device: str = "loa-1") -> DeviceReport | None:
    async with system.controller.db.reading() as session:
        return await session.get(DeviceReport, device)


async def _statements(system: Running, *statements: str) -> None:
    async with system.controller.db.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def _findings(system: Running) -> list[str]:
    async with system.controller.db.reading() as session:
        return list(await session.scalars(select(Finding.code).order_by(Finding.code)))


async def test_receipts_reach_the_ledger_and_are_acknowledged_with_their_chain_hash(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        broadcast = await system.broadcast(in_s=0)
        device.journal.write(skipped(broadcast, outcome=Outcome.PLAYED, played_ms=1200))

        ack = await device.acked(device.journal.batch("loa-1"))

        assert (ack.journal, ack.sequence, ack.hash) == (device.journal.id, 1, device.journal.hash_at(1))
        async with system.controller.db.reading() as session:
            rows = {row.device_id: row.outcome for row in await service.rows(session, broadcast)}
        assert rows == {"loa-1": "played", "loa-2": None}


async def test_a_change_of_the_ledger_is_told_to_watchers(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        broadcast = await system.broadcast(in_s=0)
        device.journal.write(skipped(broadcast))
        async with system.controller.changes.subscribe() as changes:
            await device.acked(device.journal.batch("loa-1"))

            told = await anext(c async for c in changes if c.kind == "ledger" and c.data.get("outcome"))

        assert told.data == {"broadcast_id": broadcast, "device_id": "loa-1", "outcome": "skipped"}


async def test_a_lost_batch_is_asked_for_and_then_everything_is_there_once(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(*(Note(code=f"n-{n}") for n in range(6)))
        await device.acked(device.journal.batch("loa-1", 1, 2))
        hole = await device.acked(device.journal.batch("loa-1", 5, 6))
        assert hole.resend_from == 3

        ack = await device.acked(device.journal.batch("loa-1", hole.resend_from))

        assert (ack.sequence, ack.resend_from) == (6, None)
        assert await _entries(system) == [1, 2, 3, 4, 5, 6]


async def test_a_batch_sent_many_times_at_once_is_stored_once_and_acknowledged(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(*(Note(code=f"n-{n}") for n in range(40)))
        batch = device.journal.batch("loa-1")
        for _ in range(20):
            await device.send_batch(batch)

        ack = await device.acked(batch)

        assert ack.sequence == 40
        assert await _entries(system) == list(range(1, 41))
        assert await _findings(system) == []


async def test_nothing_is_acknowledged_that_could_not_be_committed(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(Note(code="n-1"))
        await _statements(system, *REFUSING[system.controller.db.engine.dialect.name])
        await device.send_batch(device.journal.batch("loa-1"))
        await eventually(_dropped(system, "not_taken_in"), "the failed commit is counted")
        before = device.documents(Family.ACK)
        await _statements(system, *ACCEPTING[system.controller.db.engine.dialect.name])

        ack = await device.acked(device.journal.batch("loa-1"))

        assert before == []
        assert ack.sequence == 1


async def test_a_cloned_card_is_a_finding_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(Note(code="n-1"))
        await device.acked(device.journal.batch("loa-1"))
        committed = device.journal.hash_at(1)
        device.journal.raws.clear()
        device.journal.write(Note(code="another"), Note(code="story"))

        ack = await device.acked(device.journal.batch("loa-1"))

        assert (ack.sequence, ack.hash) == (1, committed)
        assert await _findings(system) == ["journal_fork"]


async def test_a_batch_signed_by_another_device_is_dropped_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(Note(code="n-1"))
        await device.send_batch(device.journal.batch("loa-1"), signer=system.commune.signers["loa-2"])

        await eventually(_dropped(system, "uplink_refused"), "the forged batch is counted")

        assert await _entries(system) == []
        assert device.documents(Family.ACK) == []


async def test_a_batch_that_names_another_device_is_dropped_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.journal.write(Note(code="n-1"))
        await device.send_batch(device.journal.batch("loa-2"))

        await eventually(_dropped(system, "uplink_refused"), "the misnamed batch is counted")

        assert await _entries(system) == []


async def test_a_state_where_receipts_belong_is_dropped_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        state = DeviceState(device="loa-1", boot="b-1", issued=soon(0), clock=TRUSTED)
        await device.raw(Family.RECEIPTS, seal_uplink("state", state, device.signer))

        await eventually(_dropped(system, "uplink_refused"), "it is counted")


async def test_garbage_is_dropped_and_the_next_batch_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        for payload in (b"\xff\x00", b"{}", b"[" * 50_000, b'{"payloadType":1}'):
            await device.raw(Family.RECEIPTS, payload)
        device.journal.write(Note(code="n-1"))

        ack = await device.acked(device.journal.batch("loa-1"))

        assert ack.sequence == 1
        assert system.controller.uplink.dropped["document_invalid"] == 4


async def test_a_message_on_another_devices_shard_is_dropped_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        right = topics.up(Family.STATE, "loa-1").split("/")[3]
        wrong = "00" if right != "00" else "01"
        await device.client.publish(f"loa/v1/up/{wrong}/loa-1/state", b"{}", 1)

        await eventually(_dropped(system, "topic_unknown"), "it is counted")


async def test_an_unregistered_device_is_dropped_until_it_is_registered(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        device.device_id = "loa-9"
        system.commune.signers["loa-9"] = device.signer
        device.journal.write(Note(code="n-1"))
        await device.send_batch(device.journal.batch("loa-9"))
        await eventually(_dropped(system, "device_unknown"), "it is counted")
        async with system.controller.db.transaction() as session:
            await system.commune.register(session, "loa-9")
        system.controller.wake()
        await device.send_batch(device.journal.batch("loa-9"))

        async def taken() -> bool:
            return await _entries(system) == [1]

        assert await eventually(taken, "its journal is taken")


async def test_a_signed_state_is_what_the_report_shows(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await device.send_state(ready=True, agent="0.1.0")

        async def shown() -> bool:
            report = await _report(system)
            return report is not None and report.online and report.state.get("ready") is True

        assert await eventually(shown, "the report")


async def test_an_older_state_that_a_broker_replays_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await device.send_state(playing="mới", issued=soon(0))
        await device.send_state(playing="cũ", issued=soon(-60))
        await device.ask_time()
        await device.acked(_one_note(device))

        report = await _report(system)

        assert report is not None
        assert report.state["playing"] == "mới"


def _one_note(device: Any) -> ReceiptBatch:
    device.journal.write(Note(code="n"))
    return device.journal.batch(device.device_id)


async def test_a_retained_state_does_not_make_a_silent_device_online(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        async with system.device() as device:
            await device.send_state(retain=True)
            await device.send_presence(online=False)

            async def gone() -> bool:
                report = await _report(system)
                return report is not None and not report.online and report.state_issued is not None

            await eventually(gone, "the device is offline")
        link = next(iter(system.controller._publisher._links))  # type: ignore[union-attr]
        async with running_again(system), system.device("loa-2") as other:
            await other.acked(_one_note(other))
            report = await _report(system)

        assert link.connected
        assert report is not None
        assert not report.online


def running_again(system: Running) -> Any:
    """Subscribe anew, so that the broker delivers what it retains."""
    from contextlib import asynccontextmanager

    import aiomqtt

    from controller.runtime.mqtt import Arrival

    @asynccontextmanager
    async def again() -> Any:
        link = next(iter(system.controller._publisher._links))  # type: ignore[union-attr]
        async with aiomqtt.Client("127.0.0.1", system.port) as client:
            await client.subscribe(topics.up(Family.STATE, "loa-1"), 1)
            message = await anext(aiter(client.messages))
            assert message.retain
            system.controller.uplink.take(Arrival(str(message.topic), bytes(message.payload), True, link))  # type: ignore[arg-type]
            yield

    return again()


async def test_who_is_silent_too_long_is_offline_by_our_own_timer(tmp_path: Path) -> None:
    from controller.runtime.jobs import Jobs

    async with running(tmp_path) as system, system.device() as device:
        await device.send_state()

        async def online() -> bool:
            report = await _report(system)
            return report is not None and report.online

        await eventually(online, "the device is online")
        controller = system.controller
        jobs = Jobs(controller.db, system.clock, controller.changes, controller.settings, controller.wake)
        from datetime import timedelta

        system.clock.ahead = timedelta(seconds=149)
        await jobs.watch_liveness()
        still = await online()
        system.clock.ahead = timedelta(seconds=152)
        await jobs.watch_liveness()

        assert still
        assert not await online()


async def test_telemetry_and_presence_are_hints_that_show_a_device_as_there(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await device.send_presence(online=True)
        await device.raw(Family.HEALTH, msgspec.json.encode(Health(device="loa-1", uptime_s=42)))

        async def shown() -> bool:
            report = await _report(system)
            return report is not None and report.online and report.health.get("uptime_s") == 42

        assert await eventually(shown, "health")


async def test_telemetry_in_another_devices_name_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await device.raw(Family.HEALTH, msgspec.json.encode(Health(device="loa-2", uptime_s=42)))

        await eventually(_dropped(system, "wrong_device"), "it is counted")


async def test_the_will_of_an_earlier_life_does_not_end_the_present_one(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await device.send_state()
        before, device.boot = device.boot, "b-earlier"
        await device.send_presence(online=False)
        await device.acked(_one_note(device))

        report = await _report(system)

        assert before != device.boot
        assert report is not None
        assert report.online


async def test_refused_documents_of_a_device_become_one_finding_a_kind(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        refused = [Refused(topic="loa/v1/plan/u-x", reason="not_signed", digest=GENESIS, count=n) for n in (1, 7)]
        other = Refused(topic="loa/v1/plan/u-x", reason="older", digest=GENESIS)
        device.journal.write(*refused, other)
        await device.acked(device.journal.batch("loa-1"))

        assert await _findings(system) == ["refused_not_signed", "refused_older"]
