"""What devices hold, over a real broker that forgets, dies and lies: the documents come back."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.broadcasts import service as broadcasts
from controller.media.tables import Asset, Rendition
from loa_protocol import topics
from loa_protocol.content import Kind, build_index, split, unpack
from loa_protocol.documents.plan import Plan
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.running_controller import Running, broker_kind, eventually, running

pytestmark = pytest.mark.broker
PLAN = topics.scoped(Family.PLAN, SCOPE)


@pytest.fixture(autouse=True, params=["embedded", "mosquitto"])
def _broker(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every promise holds with either broker."""
    token = broker_kind.set(request.param)
    yield
    broker_kind.reset(token)


async def _wants_nothing(system: Running) -> bool:
    from controller.delivery import store

    async with system.controller.db.reading() as session:
        return not await store.pending(session) and not await store.unpublished(session, system.clock.now())


async def _stored(system: Running, size: int = 100_000) -> tuple[str, bytes]:
    """An asset of random bytes in the library; gives its id and bytes."""
    data = os.urandom(size)
    name = await system.controller.objects.put_bytes(data)
    index = build_index(split(data), len(data))
    asset_id = f"a-{index.root[:12]}"
    async with system.controller.db.transaction() as session:
        session.add(
            Asset(
                id=asset_id,
                title="Âm",
                source_sha256=name,
                duration_ms=1000,
                loudness_lufs=-20.0,
                true_peak_dbtp=-3.0,
                facts={},
                created_at=system.clock.now(),
            )
        )
        await session.flush()
        session.add(
            Rendition(
                id=f"r-{index.root[:12]}",
                asset_id=asset_id,
                codec="opus",
                media_type="audio/ogg",
                sha256=hashlib.sha256(data).hexdigest(),
                root=index.root,
                bytes=len(data),
                chunk_bytes=index.chunk_bytes,
            )
        )
    return asset_id, data


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
        before = len(device.arrived)
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
            except OSError:
                return False
            except Exception as error:
                if "MqttError" in type(error).__name__ or "refused" in str(error):
                    return False
                raise

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

            assert unknown.arrived == [] or [t for t, _ in unknown.arrived] == [topics.TRUST]


async def test_new_content_is_sent_once_to_all_index_first(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        asset, data = await _stored(system)
        root = build_index(split(data), len(data)).root
        topic = topics.content(root)
        await device.client.subscribe(topic)
        await system.broadcast(asset_id=asset, board_text=None)

        await device.until(lambda: len(_frames(device, topic)) == 8, "the index and 7 chunks")

        frames = [unpack(payload) for arrived, payload in device.arrived if arrived == topic]
        assert frames[0].kind is Kind.INDEX
        assert b"".join(frame.data for frame in frames[1:]) == data


async def test_a_want_is_answered_to_the_device_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as system, system.device() as device:
        asset, data = await _stored(system)
        await system.broadcast(asset_id=asset, board_text=None)
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
        assert frames[1].data == data[content.chunk_bytes : 2 * content.chunk_bytes]


async def _passed(system: Running) -> None:
    sender = system.controller._sender
    assert sender is not None

    async def over() -> bool:
        return bool(sender._known) and not sender._passed

    await eventually(over, "the first pass is over")


async def test_what_many_want_goes_to_all_once(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ("loa-1", "loa-2", "loa-3")) as system,
        system.device("loa-1") as one,
        system.device("loa-2") as two,
        system.device("loa-3") as three,
    ):
        asset, data = await _stored(system, 40_000)
        root = build_index(split(data), len(data)).root
        await system.broadcast(asset_id=asset, board_text=None)
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
        _, data = await _stored(system)
        root = build_index(split(data), len(data)).root
        await device.send_want(root, 0)
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
