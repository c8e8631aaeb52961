"""From a committed change to a signed document: never lost, never two of one version, never too large."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.broadcasts import service as broadcasts
from controller.broadcasts.tables import BroadcastRow
from controller.delivery import store
from controller.delivery.planner import Planner
from controller.delivery.rules import PlanTooLarge
from controller.delivery.store import Stored
from controller.delivery.tables import DocumentRow
from controller.runtime.keys import Keyring, KeysMissing
from loa_protocol import topics
from loa_protocol.acceptance import Receiver, check
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import ClockState
from loa_protocol.documents.emergency import Stop
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.trust import KeyStatus, Role
from loa_protocol.envelope import open_payload, parse
from loa_protocol.topics import Family
from loa_protocol.trust import advance, pin, read_array
from tests.fakes.commune import SCOPE, Commune, commune

PLAN = topics.scoped(Family.PLAN, SCOPE)
STOP = topics.scoped(Family.STOP, SCOPE)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


@pytest.fixture
async def keys(xa: Commune, tmp_path: Path) -> Keyring:
    keyring = Keyring(tmp_path / "keys", xa.db, xa.clock)
    await keyring.open()
    return keyring


def _planner(xa: Commune, keys: Keyring) -> Planner:
    return Planner(xa.db, keys, xa.clock, signed=lambda _documents: None)


async def _drain(planner: Planner) -> None:
    while await planner.step():
        pass


async def _document(xa: Commune, topic: str) -> DocumentRow | None:
    async with xa.db.reading() as session:
        return await session.get(DocumentRow, topic)


async def _plan(xa: Commune) -> Plan:
    row = await _document(xa, PLAN)
    assert row is not None
    return open_payload(parse(row.envelope), Plan)


async def _want(xa: Commune, *wanted: str) -> None:
    async with xa.db.transaction() as session:
        await store.want(session, wanted)


async def test_what_is_accepted_is_signed_and_a_device_accepts_it(xa: Commune, keys: Keyring) -> None:
    broadcast = await xa.broadcast()

    await _drain(_planner(xa, keys))

    row = await _document(xa, PLAN)
    trust_row = await _document(xa, topics.TRUST)
    own = await _document(xa, topics.to_device(Family.ASSIGNMENT, "loa-1"))
    assert row is not None
    assert trust_row is not None
    assert own is not None
    reading = ClockReading(ClockState.TRUSTED, xa.clock.now(), 5, "test")
    receiver = Receiver("loa-1", pin(read_array(trust_row.envelope)[0]), None, {}, reading)
    assignment = check(own.topic, own.envelope, receiver).document
    receiver = Receiver("loa-1", receiver.trust, assignment, {}, reading)  # type: ignore[arg-type]
    plan = check(PLAN, row.envelope, receiver).document
    assert isinstance(plan, Plan)
    assert [one.id for one in plan.broadcasts] == [broadcast]


async def test_a_change_that_is_rolled_back_asks_for_nothing(xa: Commune, keys: Keyring) -> None:
    await _drain(_planner(xa, keys))

    async def fails() -> None:
        async with xa.db.transaction() as session:
            await store.want(session, [PLAN])
            raise RuntimeError("not after all")

    with pytest.raises(RuntimeError):
        await fails()

    async with xa.db.reading() as session:
        assert await store.pending(session) == []


async def test_wishes_that_come_while_signing_are_not_forgotten(xa: Commune) -> None:
    await xa.broadcast()
    async with xa.db.transaction() as session:
        count = (await store.wanted_all(session, [PLAN])).get(PLAN)
    assert count is not None
    await _want(xa, PLAN)
    async with xa.db.transaction() as session:
        await store.settle(session, PLAN, count)

    async with xa.db.reading() as session:
        assert PLAN in await store.pending(session)


async def test_versions_grow_even_when_the_clock_stands_or_falls_back(xa: Commune, keys: Keyring) -> None:
    planner = _planner(xa, keys)
    versions = []
    for step_s in (0, 0, -3600):
        xa.clock.at += timedelta(seconds=step_s)
        await xa.broadcast(in_s=7200)
        await _drain(planner)
        versions.append((await _plan(xa)).version)

    assert versions == sorted(set(versions))
    assert versions[0] >= int((xa.clock.now() + timedelta(hours=1)).timestamp() * 1000)


async def test_two_planners_make_every_version_once(xa: Commune, keys: Keyring) -> None:
    planners = [_planner(xa, keys), _planner(xa, keys)]
    for _ in range(5):
        await xa.broadcast()
        await asyncio.gather(*(_drain(planner) for planner in planners))

    assert len((await _plan(xa)).broadcasts) == 5
    async with xa.db.reading() as session:
        assert await store.pending(session) == []


async def test_a_version_is_stored_only_over_the_one_it_was_made_from(xa: Commune) -> None:
    now = xa.clock.now()
    first, second = (Stored(PLAN, "plan", version, b"{}") for version in (1, 2))
    async with xa.db.transaction() as session:
        done = [
            await store.replace(session, first, after=0, issued=now, expires=now),
            await store.replace(session, second, after=0, issued=now, expires=now),
            await store.replace(session, second, after=7, issued=now, expires=now),
            await store.replace(session, second, after=1, issued=now, expires=now),
            await store.replace(session, Stored(PLAN, "plan", 3, b"{}"), after=1, issued=now, expires=now),
        ]

    assert done == [True, False, False, True, False]


async def test_a_cancelled_broadcast_is_named_as_withdrawn_until_it_would_have_ended(
    xa: Commune, keys: Keyring
) -> None:
    planner, broadcast = _planner(xa, keys), await xa.broadcast(in_s=60)
    await xa.cancel(broadcast)
    await _drain(planner)
    early = await _plan(xa)
    xa.clock.move(seconds=120)
    await _want(xa, PLAN)
    await _drain(planner)

    late = await _plan(xa)

    assert [one.id for one in early.withdrawn] == [broadcast]
    assert early.broadcasts == ()
    assert late.withdrawn == ()


async def test_a_broadcast_stays_in_the_plan_until_its_last_possible_end(xa: Commune, keys: Keyring) -> None:
    planner = _planner(xa, keys)
    await xa.broadcast(in_s=60)
    counts = []
    for step_s in (0, 119, 1):
        xa.clock.move(seconds=step_s)
        await _want(xa, PLAN)
        await _drain(planner)
        counts.append(len((await _plan(xa)).broadcasts))

    assert counts == [1, 1, 0]


async def test_a_stop_is_signed_before_everything_else_that_waits(xa: Commune, keys: Keyring) -> None:
    planner = _planner(xa, keys)
    await xa.broadcast()
    async with xa.db.transaction() as session:
        await broadcasts.stop(session, now=xa.clock.now(), scopes=[SCOPE])

    await planner.step()

    stop = await _document(xa, STOP)
    assert stop is not None
    assert await _document(xa, PLAN) is None
    assert open_payload(parse(stop.envelope), Stop).expires - stop.issued == timedelta(days=1)


async def test_a_stop_of_yesterday_is_not_signed_again(xa: Commune, keys: Keyring) -> None:
    planner = _planner(xa, keys)
    async with xa.db.transaction() as session:
        await broadcasts.stop(session, now=xa.clock.now(), scopes=[SCOPE])
    await _drain(planner)
    before = await _document(xa, STOP)
    xa.clock.move(days=1)
    await _want(xa, STOP)
    await _drain(planner)

    after = await _document(xa, STOP)

    assert before is not None
    assert after is not None
    assert after.version == before.version


def _long_texts(count: int) -> list[str]:
    """Texts that do not compress: a plan of them is as large as it looks."""
    import random

    chance = random.Random(1)
    letters = [chr(code) for code in range(0x4E00, 0x9000)]
    return ["".join(chance.choices(letters, k=4000)) for _ in range(count)]


async def test_a_plan_that_is_too_large_gets_a_shorter_horizon(xa: Commune, keys: Keyring) -> None:
    for number, text in enumerate(_long_texts(24)):
        await xa.broadcast(in_s=3600 + number * 43_200, board_text=text)

    await _drain(_planner(xa, keys))

    plan = await _plan(xa)
    assert timedelta(hours=72) <= plan.horizon - plan.issued < timedelta(days=14)
    assert 0 < len(plan.broadcasts) < 24
    assert all(one.start < plan.horizon for one in plan.broadcasts)


async def test_what_does_not_fit_into_72_hours_is_refused_when_it_is_asked_for(xa: Commune) -> None:
    accepted = []

    async def fill() -> None:
        for text in _long_texts(24):
            accepted.append(await xa.broadcast(board_text=text))  # noqa: PERF401 - those before the refusal count

    with pytest.raises(PlanTooLarge):
        await fill()

    async with xa.db.reading() as session:
        kept = list(await session.scalars(select(BroadcastRow.id)))
    assert sorted(kept) == sorted(accepted)
    assert len(accepted) > 5


async def test_a_plan_that_cannot_be_made_leaves_the_others_and_itself_as_they_were(xa: Commune, keys: Keyring) -> None:
    planner = _planner(xa, keys)
    await xa.broadcast()
    await _drain(planner)
    before = await _plan(xa)
    many = [await xa.broadcast() for _ in range(24)]
    async with xa.db.transaction() as session:
        for name, text in zip(many, _long_texts(24), strict=True):
            row = await session.get(BroadcastRow, name)
            assert row is not None
            row.board = {**(row.board or {}), "text": text}
    await xa.broadcast(to=["d-loa-1"])

    await _drain(planner)

    assert await _plan(xa) == before
    assert await _document(xa, topics.scoped(Family.PLAN, "d-loa-1")) is not None
    async with xa.db.reading() as session:
        assert await store.pending(session) == [PLAN]


async def test_only_what_has_aged_is_signed_anew(xa: Commune, keys: Keyring) -> None:
    await xa.broadcast(in_s=86_400)
    await _drain(_planner(xa, keys))
    now = xa.clock.move(hours=23)

    async with xa.db.reading() as session:
        fresh = await store.signed_before(session, plans=now - timedelta(hours=24), assignments=now)
        aged = await store.signed_before(session, plans=now - timedelta(hours=22), assignments=now - timedelta(days=30))

    assert PLAN not in fresh
    assert list(aged) == [PLAN]


@pytest.mark.usefixtures("keys")
async def test_the_first_start_makes_keys_only_their_owner_can_read(tmp_path: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}

    assert modes == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert len(list((tmp_path / "keys").iterdir())) == 3


async def test_a_second_start_uses_the_same_keys(xa: Commune, keys: Keyring, tmp_path: Path) -> None:
    again = Keyring(tmp_path / "keys", xa.db, xa.clock)
    await again.open()

    assert (again.plan.keyid, again.ingest.keyid) == (keys.plan.keyid, keys.ingest.keyid)
    assert again.trust_list.version == 1


async def test_keys_left_by_a_first_start_that_was_killed_are_used(xa: Commune, tmp_path: Path) -> None:
    from controller.runtime.keys import _make

    left = _make(tmp_path / "keys", Role.ROOT)
    keyring = Keyring(tmp_path / "keys", xa.db, xa.clock)
    await keyring.open()

    assert keyring.trust_list.roles[Role.ROOT].keys == (left.keyid,)


@pytest.mark.usefixtures("keys")
async def test_a_database_without_its_keys_does_not_start_with_new_ones(xa: Commune, tmp_path: Path) -> None:
    with pytest.raises(KeysMissing):
        await Keyring(tmp_path / "elsewhere", xa.db, xa.clock).open()

    assert not (tmp_path / "elsewhere").exists()


async def test_a_rotation_is_a_step_devices_can_walk_and_retires_the_old_key(xa: Commune, keys: Keyring) -> None:
    await _drain(_planner(xa, keys))
    before = await _document(xa, topics.TRUST)
    old = keys.plan.keyid
    assert before is not None
    await keys.rotate_plan_key()
    await _drain(_planner(xa, keys))
    after = await _document(xa, topics.TRUST)
    assert after is not None

    walked = advance(pin(read_array(before.envelope)[0]), read_array(after.envelope))

    assert walked.current.version == 2
    assert walked.current.keys[old].status is KeyStatus.RETIRED
    assert walked.current.keys[keys.plan.keyid].status is KeyStatus.ACTIVE


async def test_after_a_rotation_another_process_signs_with_the_new_key_too(
    xa: Commune, keys: Keyring, tmp_path: Path
) -> None:
    other = Keyring(tmp_path / "keys", xa.db, xa.clock)
    await other.open()
    await keys.rotate_plan_key()

    await other.refresh()

    assert other.plan.keyid == keys.plan.keyid


async def test_a_publisher_that_was_overtaken_brings_the_newer_document_again(xa: Commune) -> None:
    now = xa.clock.now()
    async with xa.db.transaction() as session:
        for version in (1, 2):
            stored = Stored(PLAN, "plan", version, b"{}")
            await store.replace(session, stored, after=version - 1, issued=now, expires=now + timedelta(days=1))
        await store.mark_published(session, [(PLAN, 2)])
        current = await store.unpublished(session, now)
        await store.mark_published(session, [(PLAN, 1)])
        overtaken = await store.unpublished(session, now)

    assert PLAN not in current
    assert PLAN in overtaken
