"""Several controllers on one database at the same moment: nothing is lost, nothing happens twice.

Each `Database` here stands for a process: it has connections of its own. Where the order matters a transaction is held
open on purpose until the other one waits for it; on SQLite, where writers queue up, the same promises hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.api.app import create_app
from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import BroadcastRequest
from controller.broadcasts.tables import BroadcastRow
from controller.delivery import store
from controller.delivery.planner import Planner
from controller.delivery.rules import PlanTooLarge
from controller.delivery.store import Stored
from controller.delivery.tables import DocumentRow, PendingTopic, StopRow, TrustListRow
from controller.devices.tables import Device, DeviceReport
from controller.receipts import journals, reports, service
from controller.receipts.reports import Said
from controller.receipts.tables import JournalEntry
from controller.runtime.database import Database
from controller.runtime.keys import Keyring
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from controller.units import groups
from controller.units import service as units
from loa_cli.provisioning import Bundle, make_key
from loa_protocol import topics
from loa_protocol.documents.device import DeviceState
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import open_payload, parse
from loa_protocol.receipts import Note
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE, Commune, commune
from tests.fakes.wire_device import TRUSTED, WireJournal, skipped
from tests.fakes.words import say

PLAN = topics.scoped(Family.PLAN, SCOPE)
LOCK_WAITS = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
AT_ONCE = 6


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


@pytest.fixture
async def other(database: str) -> AsyncIterator[Database]:
    """The database as another process has it."""
    db = Database(database)
    yield db
    await db.close()


async def _stuck_or_done(xa: Commune, task: asyncio.Task[Any]) -> None:
    """Until the task has ended or waits for a lock; on SQLite writers wait before they begin."""
    if xa.db.engine.dialect.name == "sqlite":
        return
    async with asyncio.timeout(5):
        while not task.done():
            async with xa.db.engine.connect() as connection:
                if await connection.scalar(LOCK_WAITS):
                    return
            await asyncio.sleep(0.01)


async def _count(db: Database, table: Any) -> int:
    async with db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_planners_of_several_processes_make_every_version_once_and_lose_no_wish(
    xa: Commune, other: Database, tmp_path: Path
) -> None:
    signed: list[tuple[str, int]] = []
    planners = []
    for db in (xa.db, other):
        keys = Keyring(tmp_path / "keys", db, xa.clock)
        await keys.open()
        note = lambda documents: signed.extend((one.topic, one.version) for one in documents)  # noqa: E731
        planners.append(Planner(db, keys, xa.clock, signed=note))

    async def drain(planner: Planner) -> None:
        while await planner.step():
            pass

    for _ in range(AT_ONCE):
        await asyncio.gather(xa.broadcast(), *map(drain, planners))
    await asyncio.gather(*map(drain, planners))

    async with other.reading() as session:
        row = await session.get(DocumentRow, PLAN)
        assert await store.pending(session) == []
    assert row is not None
    assert len(open_payload(parse(row.envelope), Plan).broadcasts) == AT_ONCE
    assert len(set(signed)) == len(signed)
    assert max(version for topic, version in signed if topic == PLAN) == row.version


@pytest.mark.parametrize("after", [0, 7])
async def test_a_version_made_from_an_overtaken_one_is_not_stored(xa: Commune, other: Database, after: int) -> None:
    now = xa.clock.now()

    def replace(version: int, after: int) -> Callable[[AsyncSession], Awaitable[bool]]:
        made = Stored(PLAN, "plan", version, b"{}")
        return lambda session: store.replace(session, made, after=after, issued=now, expires=now)

    if after:
        await xa.db.attempt(replace(after, 0))
    async with xa.db.transaction() as session:
        first = await replace(8, after)(session)
        overtaken = asyncio.create_task(other.attempt(replace(9, after)))
        await _stuck_or_done(xa, overtaken)

    assert (first, await overtaken) == (True, False)


async def test_two_acceptances_that_only_fit_alone_are_not_both_accepted(
    xa: Commune, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loa_protocol.envelope.MAX_PAYLOAD_BYTES", 1200)
    second_office = Commune(other, xa.clock)

    async with xa.db.transaction() as session:
        await _accept(session, xa, "x" * 400)
        refused = asyncio.create_task(second_office.broadcast(board_text="x" * 400))
        await _stuck_or_done(xa, refused)

    with pytest.raises(PlanTooLarge):
        await refused
    assert await _count(xa.db, BroadcastRow) == 1


async def _accept(session: AsyncSession, xa: Commune, words: str) -> BroadcastRow:
    at = xa.clock.now() + timedelta(minutes=1)
    request = BroadcastRequest(title="Thử", to=[SCOPE], at=at, late_s=0, board_text=words)
    return await broadcasts.accept(session, request, now=xa.clock.now(), answer_deadline=timedelta(minutes=2))


async def test_a_group_is_not_retired_beneath_who_is_about_to_speak_to_it(xa: Commune, other: Database) -> None:
    async with xa.db.transaction() as session:
        await units.create_group(session, group_id="cho", name="Chợ", unit_id=COMMUNE, devices=["loa-1"])

    async with xa.db.transaction() as session:
        request = BroadcastRequest(
            title="Họp chợ", to=["g-cho"], at=xa.clock.now() + timedelta(hours=1), board_text="x"
        )
        await broadcasts.accept(session, request, now=xa.clock.now(), answer_deadline=timedelta(minutes=2))
        late = asyncio.create_task(other.attempt(lambda session: groups.retire(session, "cho", now=xa.clock.now())))
        await _stuck_or_done(xa, late)

    with pytest.raises(groups.GroupInUse, match="Họp chợ"):
        await late


async def test_a_wish_that_comes_while_a_planner_signs_is_signed_after_it(xa: Commune, other: Database) -> None:
    await xa.broadcast()
    async with xa.db.transaction() as session:
        count = (await store.wanted_all(session, [PLAN])).get(PLAN)
        assert count is not None
        wish = asyncio.create_task(other.attempt(lambda session: store.want(session, [PLAN])))
        await _stuck_or_done(xa, wish)
        await store.settle(session, PLAN, count)
    await wish

    async with xa.db.reading() as session:
        assert PLAN in await store.pending(session)


async def test_stops_of_one_scope_at_the_same_moment_are_one_stop_and_two_wishes(xa: Commune, other: Database) -> None:
    stopping = [
        db.attempt(lambda session: broadcasts.stop(session, now=xa.clock.now(), scopes=[SCOPE]))
        for db in (xa.db, other) * 3
    ]
    await asyncio.gather(*stopping)

    async with xa.db.reading() as session:
        wished = await session.scalar(select(PendingTopic.wanted).where(PendingTopic.topic.like("%/stop/%")))
    assert await _count(xa.db, StopRow) == 1
    assert wished == len(stopping)


async def test_a_batch_that_two_ingest_processes_take_is_stored_once(xa: Commune, other: Database) -> None:
    journal = WireJournal("j-1")
    journal.write(*(Note(code=f"n-{number}") for number in range(50)))
    batch = journal.batch("loa-1")

    taking = [
        db.attempt(lambda session: journals.take(session, batch, xa.clock.now())) for db in (xa.db, other) * AT_ONCE
    ]
    taken = await asyncio.gather(*taking)

    assert sorted(len(one.entries) for one in taken) == [0] * (2 * AT_ONCE - 1) + [50]
    assert {(one.sequence, one.hash) for one in taken} == {(50, journal.hash_at(50))}
    assert [odd for one in taken for odd in one.odd] == []
    assert await _count(other, JournalEntry) == 50


@pytest.mark.parametrize("way", ["tick", "answer"])
async def test_the_expected_set_is_fixed_once_though_two_processes_see_the_start(
    xa: Commune, other: Database, way: str
) -> None:
    broadcast = await xa.broadcast(in_s=0)
    xa.clock.move(seconds=1)

    async def see_the_start() -> None:
        async with other.transaction() as session:
            await Commune(other, xa.clock).register(session, "loa-3")
        if way == "tick":
            await other.attempt(lambda session: service.tick(session, xa.clock.now()))
        else:
            await other.attempt(lambda session: say(session, "loa-1", skipped(broadcast), xa.clock.now()))

    async with xa.db.transaction() as session:
        await service.tick(session, xa.clock.now())
        meanwhile = asyncio.create_task(see_the_start())
        await _stuck_or_done(xa, meanwhile)
    await meanwhile

    async with xa.db.reading() as session:
        rows = await service.rows(session, broadcast)
    assert [row.device_id for row in rows] == ["loa-1", "loa-2"]


async def test_a_withdrawal_that_comes_with_the_start_does_not_empty_the_expected_set(
    xa: Commune, other: Database
) -> None:
    broadcast = await xa.broadcast(in_s=0)
    before = xa.clock.now() - timedelta(milliseconds=1)

    async with xa.db.transaction() as session:
        await service.tick(session, xa.clock.now())
        cancelling = other.attempt(lambda session: broadcasts.cancel(session, broadcast, now=before))
        late = asyncio.create_task(cancelling)
        await _stuck_or_done(xa, late)
    await late
    await xa.db.attempt(lambda session: service.tick(session, xa.clock.now()))

    row = await xa.row(broadcast)
    assert row.cancelled_at == row.start
    assert row.closed_at is None


async def test_an_older_state_that_another_process_takes_meanwhile_does_not_win(xa: Commune, other: Database) -> None:
    now = xa.clock.now()

    def state(playing: str, age_s: int) -> Callable[[AsyncSession], Awaitable[Any]]:
        issued = now - timedelta(seconds=age_s)
        made = DeviceState(device="loa-1", boot="b-1", issued=issued, clock=TRUSTED, playing=playing)
        return lambda session: reports.hear(session, [Said("loa-1", made, retained=False)], now)

    async with xa.db.transaction() as session:
        await state("mới", 0)(session)
        older = asyncio.create_task(other.attempt(state("cũ", 60)))
        await _stuck_or_done(xa, older)
    await older

    async with other.reading() as session:
        report = await session.get(DeviceReport, "loa-1")
    assert report is not None
    assert report.state["playing"] == "mới"


async def test_two_rotations_at_once_are_two_steps_of_trust(xa: Commune, other: Database, tmp_path: Path) -> None:
    rings = [Keyring(tmp_path / "keys", db, xa.clock) for db in (xa.db, other)]
    await asyncio.gather(*(ring.open() for ring in rings))

    await asyncio.gather(*(ring.rotate_plan_key() for ring in rings))

    async with xa.db.reading() as session:
        versions = list(await session.scalars(select(TrustListRow.version).order_by(TrustListRow.version)))
    assert versions == [1, 2, 3]
    await rings[0].refresh()
    assert rings[0].trust_list.version == 3


async def test_writers_that_wait_for_each_other_in_a_circle_both_come_through(xa: Commune, other: Database) -> None:
    both, tried = asyncio.Barrier(2), []

    def crosswise(first: str, second: str) -> Callable[[AsyncSession], Awaitable[None]]:
        async def work(session: AsyncSession) -> None:
            tried.append(first)
            await session.execute(update(Device).where(Device.id == first).values(name=f"{first} {len(tried)}"))
            if len(tried) <= 2 and session.get_bind().dialect.name == "postgresql":
                await both.wait()
            await session.execute(update(Device).where(Device.id == second).values(name=f"{second} {len(tried)}"))

        return work

    await asyncio.gather(xa.db.attempt(crosswise("loa-1", "loa-2")), other.attempt(crosswise("loa-2", "loa-1")))

    assert len(tried) == (2 if xa.db.engine.dialect.name == "sqlite" else 3)


# Through the API of two controllers.


@pytest.fixture
async def offices(database: str, tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """The API of two controllers that share database and keys; both start at once on an empty database."""
    settings = Settings(
        data_dir=tmp_path / "controller", database_url=database, roles="api", brokers="mqtt://127.0.0.1:1"
    )
    controllers = [await asyncio.to_thread(Controller, settings) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for controller in controllers:
            stack.push_async_callback(controller.stop)
        await asyncio.gather(*(controller.start() for controller in controllers))
        clients = []
        for controller in controllers:
            transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
            headers = {"Authorization": "Bearer bi-mat"}
            client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers)
            clients.append(await stack.enter_async_context(client))
        yield clients


async def test_controllers_that_start_together_agree_on_one_trust(offices: list[httpx.AsyncClient]) -> None:
    answers = [(await office.get("/provisioning")).json() for office in offices]

    assert answers[0] == answers[1]


async def test_one_key_at_two_controllers_at_the_same_moment_is_one_broadcast(
    offices: list[httpx.AsyncClient], tmp_path: Path
) -> None:
    await _furnish(offices[0], tmp_path)
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"title": "Họp thôn", "to": ["u-xa-1"], "board_text": "Họp lúc 19 giờ 30", "at": at}

    for turn in range(3):
        key = {"Idempotency-Key": f"k-{turn}"}
        posts = [office.post("/broadcasts", json=body, headers=key) for office in offices * AT_ONCE]
        answers = await asyncio.gather(*posts)

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await offices[1].get("/broadcasts")).json()) == 3


async def test_one_id_registered_at_two_controllers_at_the_same_moment_is_taken_once(
    offices: list[httpx.AsyncClient],
) -> None:
    body = {"id": "xa-1", "name": "Xã Một", "kind": "commune"}

    answers = await asyncio.gather(*(office.post("/units", json=body) for office in offices * AT_ONCE))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [409] * (2 * AT_ONCE - 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"id_taken"}


async def _furnish(office: httpx.AsyncClient, folder: Path) -> None:
    await office.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})
    key = make_key(Bundle(folder / "loa-1"))
    body = {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "xa-1", "public_key": key}
    assert (await office.post("/devices", json=body)).status_code == 201
