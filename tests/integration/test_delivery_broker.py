"""What devices hold, over a real broker that forgets, dies and lies: the documents come back."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import aiomqtt
import pytest

from controller.broadcasts import service as broadcasts
from controller.delivery import store
from controller.runtime.mqtt import Arrival
from loa_protocol import topics
from loa_protocol.content import Kind, unpack
from loa_protocol.documents.plan import Plan
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.running_controller import Running, broker_kind, eventually, running, surroundings
from tests.fakes.stored_content import stored_content
from tests.fakes.wire_device import skipped

pytestmark = pytest.mark.broker
PLAN = topics.scoped(Family.PLAN, SCOPE)


@pytest.fixture(autouse=True, params=["embedded", "mosquitto"])
def _broker(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every promise holds with either broker and either database."""
    with surroundings(request.param, request):
        yield


async def _wants_nothing(system: Running) -> bool:
    async with system.controller.db.reading() as session:
        return not await store.pending(session) and not await store.unpublished(session, system.clock.now())


def _frames(device: object, topic: str) -> list[object]:
    return [unpack(payload) for arrived, payload in device.arrived if arrived == topic]  # type: ignore[attr-defined]


async def test_an_accepted_broadcast_reaches_the_device_signed_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        broadcast = await system.broadcast()

        await device.until(lambda: PLAN in device.held, "the plan")

        plan = device.documents(Family.PLAN)[-1]
        assert [one.id for one in plan.broadcasts] == [broadcast]
        assert device.assignment is not None
        assert device.assignment.units == (SCOPE, "u-tinh")


async def test_a_device_that_connects_later_gets_what_was_said_before(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await system.broadcast()
        await eventually(lambda: _wants_nothing(system), "everything is published")

        async with system.device() as device:
            await device.until(lambda: PLAN in device.held, "the retained plan")


async def test_a_document_a_device_lacks_is_published_again(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await system.broadcast()
        await device.until(lambda: PLAN in device.held, "the plan")
        seen = sum(topic == PLAN for topic, _ in device.arrived)
        await device.send_state(have={topic: v for topic, v in device.held.items() if topic != PLAN})

        await device.until(lambda: sum(t == PLAN for t, _ in device.arrived) > seen, "the plan once more")


async def test_a_device_that_has_everything_is_left_in_peace(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await system.broadcast()
        await device.until(lambda: PLAN in device.held, "the plan")
        await eventually(lambda: _wants_nothing(system), "everything is published")
        before = -1
        while before < len(device.arrived):  # what a broker has may still be under way
            before = len(device.arrived)
            await asyncio.sleep(1)
        await device.send_state()
        await device.ask_time()

        published = [topic for topic, _ in device.arrived[before:]]

        assert published == [topics.to_device(Family.REPLY, "loa-1")]


async def test_a_killed_broker_comes_back_with_every_document(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await system.broadcast()
        async with system.device() as device:
            await device.until(lambda: PLAN in device.held, "the plan")
        await system.kill_broker()

        async def again() -> bool:
            try:
                async with system.device("loa-2") as other:
                    await other.until(lambda: PLAN in other.held, "the plan from the new broker")
                    return True
            except (OSError, aiomqtt.MqttError):
                return False

        assert await eventually(again, "the broker serves again", 20)


async def test_a_stop_reaches_a_connected_device_within_two_seconds(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        broadcast = await system.broadcast()
        await device.until(lambda: PLAN in device.held, "the plan")
        began = asyncio.get_running_loop().time()
        async with system.controller.db.transaction() as session:
            await broadcasts.stop(session, now=system.clock.now(), broadcast_id=broadcast)
        system.controller.wake()

        stop = await device.next_document(Family.STOP)

        assert stop.broadcast == broadcast
        assert asyncio.get_running_loop().time() - began < 2.0


async def test_a_time_answer_is_fresh_signed_and_names_the_newest_documents(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await system.broadcast()
        await device.until(lambda: PLAN in device.held, "the plan")
        await eventually(lambda: _wants_nothing(system), "everything is published")

        answer, asked, came = await device.ask_time()

        assert asked <= answer.now <= came
        assert answer.newest == device.held


async def test_an_unregistered_device_gets_no_time(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        from tests.fakes.wire_device import connected

        stranger = system.commune.signers["loa-2"]
        async with connected("loa-9", stranger, await system.trust(), system.port) as unknown:
            question = b'{"kind":"time","device":"loa-9","nonce":"0123456789abcdef"}'
            await unknown.raw(Family.UP_REPLY, question)
            await device.ask_time()

            assert {topic for topic, _ in unknown.arrived} <= {topics.TRUST}


async def test_new_content_is_sent_once_to_all_index_first(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        content = await stored_content(system)
        topic = topics.content(content.index.root)
        await device.client.subscribe(topic)
        await system.broadcast(asset_id=content.asset_id, board_text=None)

        await device.until(lambda: len(_frames(device, topic)) == 8, "the index and 7 chunks")

        frames = [unpack(payload) for arrived, payload in device.arrived if arrived == topic]
        assert frames[0].kind is Kind.INDEX
        assert b"".join(frame.data for frame in frames[1:]) == content.data


async def test_a_want_is_answered_to_the_device_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        stored = await stored_content(system)
        await system.broadcast(asset_id=stored.asset_id, board_text=None)
        await device.until(lambda: PLAN in device.held, "the plan")
        plan = device.documents(Family.PLAN)[-1]
        assert isinstance(plan, Plan)
        (content,) = plan.manifest.values()
        await _passed(system)
        await device.send_want(content.root, 3, 1, index=True)
        own = topics.to_device(Family.DEVICE_CONTENT, "loa-1")

        await device.until(lambda: len(_frames(device, own)) == 3, "index and two chunks")

        frames = [unpack(payload) for arrived, payload in device.arrived if arrived == own]
        assert [(f.kind, f.i) for f in frames] == [(Kind.INDEX, 0), (Kind.CHUNK, 1), (Kind.CHUNK, 3)]
        assert frames[1].data == stored.data[content.chunk_bytes : 2 * content.chunk_bytes]


async def _passed(system: Running) -> None:
    sender = system.controller._sender
    assert sender is not None

    async def over() -> bool:
        (outflow,) = sender.outflows.values()
        return bool(sender._known) and outflow.sent_frames > 0 and not outflow.queue.passing

    await eventually(over, "the first pass is over")
    system.clock.ahead += timedelta(seconds=1)  # nothing of it is on its way any more


async def test_what_many_want_goes_to_all_once(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ("loa-1", "loa-2", "loa-3")) as system,
        system.device("loa-1") as one,
        system.device("loa-2") as two,
        system.device("loa-3") as three,
    ):
        content = await stored_content(system, 40_000)
        root = content.index.root
        await system.broadcast(asset_id=content.asset_id, board_text=None)
        await one.until(lambda: PLAN in one.held, "the plan")
        await _passed(system)
        await one.client.subscribe(topics.content(root))
        for device in (one, two, three):
            await device.send_want(root, 1)

        await one.until(lambda: len(_frames(one, topics.content(root))) == 1, "the chunk on the common topic")

        own = [topics.to_device(Family.DEVICE_CONTENT, d.device_id) for d in (one, two, three)]
        assert not [topic for d in (one, two, three) for topic, _ in d.arrived if topic in own]


async def test_content_outside_a_devices_plans_is_not_sent_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        content = await stored_content(system)
        await device.send_want(content.index.root, 0)
        await device.send_want("f" * 64, 0)

        async def counted() -> bool:
            return system.controller.uplink.dropped["want_not_in_plan"] == 2

        await eventually(counted, "both wants are counted")
        assert not [topic for topic, _ in device.arrived if topic.endswith("/content")]


async def test_a_command_is_signed_for_the_device_and_its_answer_recorded(tmp_path: Path) -> None:
    from controller.delivery.tables import SentCommand
    from loa_protocol.documents.device import CommandReply
    from loa_protocol.uplink import seal_uplink

    async with running(tmp_path) as system, system.device() as device:
        await device.until(lambda: device.assignment, "the assignment")
        assert system.controller.commands is not None
        command_id, sent = await system.controller.commands.send("loa-1", "say-hello", {"times": 2})
        command = await device.next_document(Family.COMMAND)
        reply = CommandReply(device="loa-1", id=command.id, code="", message="xin chào")
        await device.raw(Family.UP_REPLY, seal_uplink("command-reply", reply, device.signer))

        async def answered() -> SentCommand | None:
            async with system.controller.db.reading() as session:
                row = await session.get(SentCommand, command_id)
                return row if row is not None and row.answered_at else None

        row = await eventually(answered, "the answer is recorded")
        assert sent
        assert command.arguments == {"times": 2}
        assert row.message == "xin chào"


async def test_documents_signed_before_a_key_rotation_are_signed_anew(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        await system.broadcast()
        await device.until(lambda: PLAN in device.held, "the plan")
        before = device.held[PLAN]
        await system.controller.keys.rotate_plan_key()
        system.controller.wake()

        await device.until(lambda: device.held[PLAN] > before, "the plan by the new key")

        assert device.held[topics.TRUST] == 2
        newest = next(a for t, a in reversed(device.accepted) if t == PLAN)
        assert newest.witnesses[0].keyid == system.controller.keys.plan.keyid


async def test_plans_are_signed_anew_before_they_age(tmp_path: Path) -> None:
    from controller.runtime.jobs import Jobs

    async with running(tmp_path) as system:
        await system.broadcast(in_s=5 * 86_400)
        await eventually(lambda: _wants_nothing(system), "everything is published")
        system.clock.ahead = timedelta(hours=25)
        controller = system.controller
        jobs = Jobs(controller.db, system.clock, controller.changes, controller.settings, controller.wake)
        await jobs.sign_anew()
        await eventually(lambda: _wants_nothing(system), "signed again")

        from controller.delivery.tables import DocumentRow

        async with controller.db.reading() as session:
            row = await session.get(DocumentRow, PLAN)
        assert row is not None
        assert system.clock.now() - row.issued < timedelta(minutes=1)
        assert COMMUNE in row.topic


async def test_content_under_way_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    async with running(tmp_path, content_bytes_per_s=20_000_000) as system, system.device() as device:
        content = await stored_content(system, 12_000_000)
        topic = topics.content(content.index.root)
        await device.client.subscribe(topic)
        broadcast = await system.broadcast(asset_id=content.asset_id, board_text=None)
        await device.until(lambda: any(t == topic for t, _ in device.arrived), "content begins to flow")
        began = asyncio.get_running_loop().time()
        async with system.controller.db.transaction() as session:
            await broadcasts.stop(session, now=system.clock.now(), broadcast_id=broadcast)
        system.controller.wake()

        await device.next_document(Family.STOP)

        assert asyncio.get_running_loop().time() - began < 2.0
        assert len(_frames(device, topic)) < 1 + 12_000_000 // 32_768


async def test_roles_in_several_processes_find_each_others_work_in_the_database(tmp_path: Path) -> None:
    from controller.runtime.server import Controller
    from controller.runtime.settings import Settings

    async with running(tmp_path, watched=False, roles="publisher,ingest") as system, system.device() as device:
        folder = tmp_path / "planner"
        folder.mkdir()
        (folder / "keys").symlink_to(system.controller.settings.data_dir / "keys")
        url = system.controller.settings.database
        # A process without the publisher and ingest roles needs no broker; it never connects to this one.
        planner = Controller(
            Settings(data_dir=folder, database_url=url, roles="planner,jobs", brokers="mqtt://127.0.0.1:1"),
            system.clock,
        )
        await planner.start()
        try:
            broadcast = await system.broadcast(in_s=0)
            await device.until(lambda: PLAN in device.held, "the plan signed by the other process")
            device.journal.write(skipped(broadcast))
            ack = await device.acked(device.journal.batch("loa-1"))
        finally:
            await planner.stop()

        assert ack.sequence == 1


async def test_several_planners_and_publishers_never_leave_an_older_document(tmp_path: Path) -> None:
    from controller.runtime.server import Controller
    from controller.runtime.settings import Settings

    async with running(tmp_path, watched=False) as system, system.device() as device:
        folder = tmp_path / "second"
        folder.mkdir()
        (folder / "keys").symlink_to(system.controller.settings.data_dir / "keys")
        settings = Settings(
            data_dir=folder,
            database_url=system.controller.settings.database,
            roles="planner,publisher",
            brokers=f"mqtt://127.0.0.1:{system.port}",
        )
        second = Controller(settings, system.clock)
        device.patient = True
        await second.start()
        try:
            for _ in range(10):
                await system.broadcast()
                second.wake()
            await eventually(lambda: _wants_nothing(system), "everything is published")
            async with system.controller.db.reading() as session:
                newest = (await store.versions_of(session, [PLAN]))[PLAN]
            await device.until(lambda: device.held.get(PLAN, 0) >= newest, "the newest plan")
            async with system.device("loa-2") as late:
                kept = await late.next_document(Family.PLAN)
        finally:
            await second.stop()

        assert len(device.documents(Family.PLAN)[-1].broadcasts) == 10
        assert kept.version == newest


async def test_a_message_that_breaks_its_handler_does_not_break_the_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        taking, broken = system.controller.uplink.take, []

        def breaking(arrival: Arrival) -> None:
            if not broken:
                broken.append(arrival)
                raise RuntimeError("a fault of ours")
            taking(arrival)

        system.controller.uplink.take = breaking  # type: ignore[method-assign]
        await device.send_state()

        answer, _, _ = await device.ask_time()

        assert broken
        assert answer.newest is not None


async def test_the_log_says_that_trust_hangs_on_one_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path):
        pass

    assert "ONE root key" in caplog.text


async def test_the_embedded_broker_listens_on_loopback_only_and_says_where(tmp_path: Path) -> None:
    import json

    import psutil

    if broker_kind.get() != "embedded":
        pytest.skip("only the embedded broker is ours to bind")
    async with running(tmp_path) as system:
        announced = json.loads((system.controller.settings.data_dir / "broker.json").read_text())
        child = psutil.Process(system.controller.broker._broker._process.pid)  # type: ignore[union-attr]
        listening = {c.laddr for c in child.net_connections() if c.status == psutil.CONN_LISTEN}

    assert announced == {"host": "127.0.0.1", "port": system.port}
    assert {(address.ip, address.port) for address in listening} == {("127.0.0.1", system.port)}
