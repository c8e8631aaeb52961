"""Policies in a real database: compare-and-set, history, signed and retained, let go of, checked at save."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.delivery import store as delivery
from controller.delivery.planner import Planner
from controller.delivery.tables import DocumentRow
from controller.devices import service as devices
from controller.devices.service import NewDevice
from controller.media.tables import Asset, Rendition
from controller.policies import document, membership, service, store, views, zones
from controller.policies.document import PolicyUnsound, Rules
from controller.policies.rules import Airing
from controller.policies.service import PolicyMovedOn, PolicyScopeUnknown, PolicyViolated, Saved
from controller.policies.signing import POLICY_LIFE
from controller.runtime.database import Database
from controller.runtime.keys import Keyring
from loa_protocol import topics
from loa_protocol.documents.policy import Policy
from loa_protocol.envelope import open_payload, parse
from loa_protocol.policy import merge
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE, T0, Commune, commune
from tests.fakes.databases import sqlite_url

TOPIC = topics.scoped(Family.POLICY, SCOPE)
EVENING: dict[str, Any] = {"windows": [{"from": "17:00", "to": "19:00"}]}  # T0 is 12:00 in Vietnam
MINUTE = timedelta(minutes=1)
FIVE_PM = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    """On both databases."""
    async with commune(database) as made:
        yield made


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commune in a file, made once."""

    async def make() -> None:
        async with commune(sqlite_url(folder)):
            pass

    folder = tmp_path_factory.mktemp("furnished")
    asyncio.run(make())
    return folder / "loa.db"


@pytest.fixture
async def here(furnished: Path, tmp_path: Path) -> AsyncIterator[Commune]:
    """A copy of it, for what asks nothing of the database that others do not."""
    shutil.copy(furnished, tmp_path / "loa.db")
    db = Database(sqlite_url(tmp_path))
    yield Commune(db)
    await db.close()


async def put(xa: Commune, rules: dict[str, Any], expected: int | None = None, scope: str = SCOPE) -> Saved:
    async with xa.db.transaction() as session:
        return await service.put(session, scope, document.read(rules), expected=expected, by="Lan", now=xa.clock.now())


async def clear(xa: Commune, expected: int, scope: str = SCOPE) -> Saved:
    async with xa.db.transaction() as session:
        return await service.clear(session, scope, expected=expected, now=xa.clock.now())


def airing(key: str = "moi", *, at: datetime = FIVE_PM, minutes: float = 10, **more: Any) -> Airing:
    fields: dict[str, Any] = {"title": f"Bản tin {key}", "scopes": frozenset({SCOPE})}
    return Airing(key=key, start=at, duration_ms=int(minutes * 60_000), **fields | more)


async def check(xa: Commune, *wanted: Airing) -> list[service.Objection]:
    async with xa.db.reading() as session:
        return await service.check(session, wanted, now=xa.clock.now())


async def test_a_policy_is_changed_from_the_revision_that_was_read_and_every_one_is_kept(xa: Commune) -> None:
    first = await put(xa, EVENING)
    for wrong in (None, 2):
        with pytest.raises(PolicyMovedOn):
            await put(xa, {"minutes_a_day": 5}, expected=wrong)
    second = await put(xa, {"minutes_a_day": 30}, expected=1)
    gone = await clear(xa, 2)
    again = await put(xa, EVENING, expected=None)

    assert [one.row.revision for one in (first, second, gone, again)] == [1, 2, 3, 4]
    async with xa.db.reading() as session:
        kept = await store.history(session, SCOPE)
        stands = await service.require(session, SCOPE)
    assert [(one.revision, one.in_force) for one in kept] == [(4, True), (3, False), (2, True), (1, True)]
    assert kept[2].document == {"minutes_a_day": 30}
    assert (stands.document, stands.made_by, stands.made_at) == (EVENING, "Lan", T0)


async def test_a_policy_for_nobody_or_without_sense_is_refused_and_changes_nothing(here: Commune) -> None:
    with pytest.raises(PolicyScopeUnknown):
        await put(here, EVENING, scope="u-khong-co")
    with pytest.raises(PolicyUnsound) as caught:
        await put(here, {"zone": "Mars/Base", "blackouts": [{"from": "2026-06-09", "to": "2026-06-01"}]})

    faults = caught.value.details["faults"]
    assert [one["field"] for one in faults] == ["zone", "blackouts[0].to"]  # type: ignore[attr-defined]
    async with here.db.reading() as session:
        assert await store.everything(session) == []


@pytest.fixture
async def planner(here: Commune, tmp_path: Path) -> Planner:
    keyring = Keyring(tmp_path / "keys", here.db, here.clock)
    await keyring.open()
    return Planner(here.db, keyring, here.clock, signed=lambda _documents: None)


async def signed(xa: Commune, planner: Planner, topic: str = TOPIC) -> tuple[DocumentRow, Policy]:
    while await planner.step():
        pass
    async with xa.db.reading() as session:
        row = await session.get_one(DocumentRow, topic)
    return row, open_payload(parse(row.envelope), Policy)


async def test_a_policy_is_signed_for_its_scope_and_a_cleared_one_as_empty(here: Commune, planner: Planner) -> None:
    await put(here, {**EVENING, "minutes_a_day": 30, "volume_caps": [{"from": "18:00", "to": "06:00", "volume": 40}]})
    row, policy = await signed(here, planner)
    here.clock.move(hours=1)
    await clear(here, 1)
    later, empty = await signed(here, planner)

    assert (row.kind, policy.scope, policy.max_minutes_a_day) == ("policy", SCOPE, 30)
    assert (policy.issued, policy.expires - policy.issued) == (T0, POLICY_LIFE)
    assert merge([policy]).volume_at(FIVE_PM + 70 * MINUTE, 90) == 40
    assert later.version > row.version
    assert merge([policy]).allows(T0, T0 + MINUTE) is not None
    assert merge([empty]).allows(T0, T0 + MINUTE) is None
    assert merge([empty]).volume_at(FIVE_PM + 70 * MINUTE, 90) == 90


async def test_a_policy_is_signed_anew_every_day_also_a_cleared_one(here: Commune, planner: Planner) -> None:
    await put(here, EVENING)
    await clear(here, 1)
    first, _ = await signed(here, planner)
    now = here.clock.move(days=1, minutes=1)
    async with here.db.transaction() as session:
        aged = await delivery.signed_before(session, plans=now - timedelta(days=1), assignments=T0 - timedelta(days=9))
        await delivery.want(session, aged)
    second, policy = await signed(here, planner)

    assert TOPIC in aged
    assert second.version > first.version
    assert policy.expires == now + POLICY_LIFE


async def test_what_binds_a_device_is_merged_from_all_its_scopes_with_whose_rule_it_is(here: Commune) -> None:
    await put(here, {"windows": [{"from": "05:00", "to": "22:00"}], "minutes_a_day": 90}, scope="u-tinh")
    await put(here, {**EVENING, "volume_caps": [{"from": "18:00", "to": "19:00", "volume": 50}]})
    await put(here, {"minutes_a_day": 20}, scope="d-loa-1")
    async with here.db.reading() as session:
        one, other = [await service.merged(session, device) for device in ("loa-1", "loa-2")]

    assert one.scopes == ("d-loa-1", SCOPE, "u-tinh")
    assert [(b.scope, b.most) for b in views.budgets(one.policy.parts, minutes=True)] == [
        ("d-loa-1", 20),
        ("u-tinh", 90),
    ]
    assert [b.scope for b in views.budgets(other.policy.parts, minutes=True)] == ["u-tinh"]
    bands = views.bands(other.policy, T0.date(), "Asia/Ho_Chi_Minh")
    told = [(b.begin.hour, b.allowed, b.volume, b.closed_by, b.capped_by) for b in bands]
    assert told == [
        (17, False, 0, ("u-tinh", SCOPE), ()),
        (22, False, 0, (SCOPE,), ()),
        (10, True, 100, (), ()),
        (11, True, 50, (), (SCOPE,)),
        (12, False, 0, (SCOPE,), ()),
        (15, False, 0, ("u-tinh", SCOPE), ()),
    ]


async def test_without_any_policy_nothing_is_objected_to(here: Commune) -> None:
    assert await check(here, airing(at=T0)) == []


async def test_an_objection_names_the_rule_its_unit_the_devices_and_the_nearest_times(here: Commune) -> None:
    await put(here, EVENING)

    (found,) = await check(here, airing(at=FIVE_PM - 3 * MINUTE))

    assert (found.rule, found.effect, found.scope, found.whose) == ("hours", "refused", SCOPE, "Xã An Bình")
    assert (found.devices, found.of, found.at) == (2, 2, FIVE_PM - 3 * MINUTE)
    assert (found.before, found.after) == (None, FIVE_PM)  # yesterday's evening has passed
    assert "Xã An Bình chỉ cho phát 17:00–19:00" in found.vi
    assert "giờ gần nhất được phép: 17:00 ngày 21/11/2026" in found.vi
    assert "Xã An Bình allows only 17:00–19:00" in found.en
    with pytest.raises(PolicyViolated) as caught:
        service.require_allowed([found])
    assert (str(caught.value), caught.value.details["vi"]) == (f"{found.en}.", f"{found.vi}.")


async def test_only_the_devices_under_a_rule_are_counted(xa: Commune) -> None:
    await put(xa, EVENING, scope="d-loa-1")

    (found,) = await check(xa, airing(at=T0))

    assert (found.scope, found.whose, found.devices, found.of) == ("d-loa-1", "loa-1", 1, 2)


async def test_minutes_count_together_with_what_is_planned(here: Commune) -> None:
    await put(here, {"minutes_a_day": 15})
    await sounding(here, "sang", FIVE_PM - 60 * MINUTE, 10)

    assert await check(here, airing(minutes=5)) == []
    (late,) = await check(here, airing(minutes=6))
    (early,) = await check(here, airing(at=FIVE_PM - 120 * MINUTE, minutes=6))

    assert (late.rule, late.fell, late.before) == ("minutes", "", None)
    assert late.after == datetime(2026, 11, 21, 16, 55, tzinfo=UTC)  # five minutes of today, one of tomorrow
    assert (early.rule, early.key, early.fell, early.fell_title) == ("minutes", "moi", "sang", "sang")
    assert "“sang” lúc 16:00 ngày 21/11/2026 sẽ bị bỏ" in early.vi


async def test_slots_count_together_with_what_is_planned(xa: Commune) -> None:
    await put(xa, {"slots_a_day": 1})
    await sounding(xa, "sang", FIVE_PM - 60 * MINUTE, 10)

    assert await check(xa, airing(at=FIVE_PM - 45 * MINUTE, minutes=5)) == []  # the same slot
    (found,) = await check(xa, airing())

    assert (found.rule, found.before) == ("slots", FIVE_PM - 40 * MINUTE)


async def test_a_replaced_broadcast_does_not_count_against_its_replacement(here: Commune) -> None:
    await put(here, {"minutes_a_day": 15})
    await sounding(here, "sang", FIVE_PM - 60 * MINUTE, 10)

    assert await check(here, airing("sang", minutes=15)) == []
    async with here.db.reading() as session:
        assert await service.check(session, [airing(minutes=15)], now=T0, without={"sang"}) == []


async def test_a_volume_cap_is_a_note_and_refuses_nothing(here: Commune) -> None:
    await put(here, {"volume_caps": [{"from": "17:00", "to": "18:00", "volume": 40}]})

    (found,) = await check(here, airing(volume=80))

    assert (found.rule, found.effect, found.lowered) == ("volume", "noted", 40)
    service.require_allowed([found])
    assert await check(here, airing(volume=40)) == []


EXAMS: dict[str, Any] = {"blackouts": [{"from": "2026-11-23", "to": "2026-11-24", "title": "Thi học kỳ"}]}


async def test_a_blackout_refuses_a_single_broadcast_and_leaves_out_occurrences_of_a_programme(here: Commune) -> None:
    await put(here, EXAMS)
    days = [FIVE_PM + timedelta(days=n) for n in range(5)]

    (single,) = await check(here, airing(at=days[2]))
    many = await check(here, *(airing(f"d{n}", at=at, recurring=True) for n, at in enumerate(days)))

    assert (single.rule, single.effect) == ("blackout", "refused")
    assert "Thi học kỳ" in single.vi
    assert [(one.key, one.effect) for one in many] == [("d2", "left_out"), ("d3", "left_out")]
    service.require_allowed(many)


async def test_an_occurrence_stays_where_only_some_of_its_devices_are_to_be_silent(here: Commune) -> None:
    await put(here, EXAMS, scope="d-loa-1")

    (found,) = await check(here, airing(at=FIVE_PM + timedelta(days=2), recurring=True))

    assert (found.effect, found.devices, found.of) == ("noted", 1, 2)


async def test_a_new_policy_tells_what_of_the_planned_it_silences(xa: Commune) -> None:
    await sounding(xa, "trua", T0 + 60 * MINUTE, 10)
    await sounding(xa, "chieu", FIVE_PM, 10)
    saved = await put(xa, EVENING)
    again = await put(xa, {**EVENING, "minutes_a_day": 5}, expected=1)
    lifted = await clear(xa, 2)

    assert [(one.key, one.effect, one.rule, one.whose, one.devices) for one in saved.silenced] == [
        ("trua", "silenced", "hours", "Xã An Bình", 2)
    ]
    assert [(one.key, one.rule) for one in again.silenced] == [("chieu", "minutes")]
    assert lifted.silenced == []


async def test_a_device_whose_turn_comes_later_is_judged_by_when_it_sounds(xa: Commune) -> None:
    await put(xa, {"windows": [{"from": "17:00", "to": "17:20"}]})
    async with xa.db.transaction() as session:
        (await devices.require(session, "loa-2")).turn = 1

    (late,) = await check(xa, airing(at=FIVE_PM + 5 * MINUTE, minutes=9, turn_ms=543_000))

    assert (late.rule, late.devices, late.of) == ("hours", 1, 2)
    assert (late.before, late.after) == (FIVE_PM + MINUTE, FIVE_PM + timedelta(days=1))
    assert await check(xa, airing(at=FIVE_PM, minutes=9, turn_ms=543_000)) == []


async def test_a_programme_is_judged_with_its_own_other_occurrences(here: Commune) -> None:
    await put(here, {"minutes_a_day": 20})
    day = [airing(f"s{n}", at=FIVE_PM + n * 30 * MINUTE, minutes=9, recurring=True) for n in range(3)]

    found = await check(here, *day)

    assert [(one.key, one.rule) for one in found] == [("s2", "minutes")]


async def sounding(xa: Commune, key: str, at: datetime, minutes: float) -> None:
    """A broadcast as it lies in the plan."""
    async with xa.db.transaction() as session:
        row = BroadcastRow(
            id=key,
            rev=0,
            title=key,
            level="normal",
            authority=100,
            start=at,
            latest_start=at,
            duration_ms=int(minutes * 60_000),
            segments=[{"type": "chime", "name": "opening", "duration_ms": 1000}],
            repeats=1,
            on_preempt="resume",
            volume=70,
            stagger=False,
            created_at=T0,
            deadline=at + timedelta(hours=1),
        )
        session.add(row)
        await session.flush()
        session.add(BroadcastScope(broadcast_id=key, scope=SCOPE))


SCHOOL = zones.Circle(title="Trường tiểu học", unit_id=COMMUNE, centre=zones.Point(21.0285, 105.8542), radius_m=300)
QUIET = Rules(volume_caps=(document.VolumeCap(from_="07:00", to="17:00", volume=20),))


async def inside(xa: Commune, zone: str = "truong") -> list[str]:
    async with xa.db.reading() as session:
        return list(await membership.members(session, zone))


async def put_zone(xa: Commune, circle: zones.Circle = SCHOOL, expected: int | None = None) -> Saved:
    async with xa.db.transaction() as session:
        _, saved = await zones.put(session, "truong", circle, QUIET, expected=expected, now=xa.clock.now())
        return saved


async def move(xa: Commune, device: str, at: zones.Point | None) -> None:
    async with xa.db.transaction() as session:
        await devices.place(session, device, at)


NEAR, FAR = zones.Point(21.0290, 105.8545), zones.Point(21.0385, 105.8542)


async def test_a_quiet_zone_holds_the_devices_inside_and_follows_them_when_they_move(xa: Commune) -> None:
    await move(xa, "loa-1", NEAR)
    await move(xa, "loa-2", FAR)
    await put_zone(xa)
    first = await inside(xa)
    await move(xa, "loa-2", NEAR)
    both = await inside(xa)
    await move(xa, "loa-1", None)
    one = await inside(xa)
    async with xa.db.reading() as session:
        bound = await service.merged(session, "loa-2")
        waiting = set(await delivery.pending(session))

    assert (first, both, one) == (["loa-1"], ["loa-1", "loa-2"], ["loa-2"])
    assert bound.scopes == ("g-truong",)
    assert bound.policy.volume_at(T0, 90) == 20
    assert {topics.to_device(Family.ASSIGNMENT, "loa-1"), topics.to_device(Family.ASSIGNMENT, "loa-2")} <= waiting


async def test_a_new_device_is_taken_in_and_a_moved_zone_lets_go(here: Commune) -> None:
    await put_zone(here)
    key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    new = NewDevice(
        device_id="loa-3",
        name="Loa 3",
        kind="speaker",
        unit_id=COMMUNE,
        public_key=key,
        profile="default",
        languages=["vi"],
        stagger_ms=0,
        at=NEAR,
    )
    async with here.db.transaction() as session:
        await devices.register_all(session, [new], now=T0)
    taken_in = await inside(here)
    elsewhere = zones.Circle(title=SCHOOL.title, unit_id=COMMUNE, centre=FAR, radius_m=300)
    with pytest.raises(PolicyMovedOn):
        await put_zone(here, elsewhere)
    await put_zone(here, elsewhere, expected=1)

    assert taken_in == ["loa-3"]
    assert await inside(here) == []


async def test_a_lifted_zone_has_no_devices_and_no_policy(here: Commune) -> None:
    await move(here, "loa-1", NEAR)
    await put_zone(here)
    async with here.db.transaction() as session:
        await zones.retire(session, "truong", expected=1, now=T0)
    await move(here, "loa-2", NEAR)

    assert await inside(here) == []
    async with here.db.reading() as session:
        assert await zones.everything(session) == []
        assert await store.everything(session) == []
    await put_zone(here)
    assert await inside(here) == ["loa-1", "loa-2"]


async def stored_sound(xa: Commune) -> str:
    """A second of sound, as far as the database is concerned."""
    facts = {"media_type": "audio/ogg", "sha256": "0" * 64, "root": "0" * 64, "bytes": 1, "chunk_bytes": 16_384}
    async with xa.db.transaction() as session:
        session.add(
            Asset(
                id="am",
                title="Âm",
                source_sha256="0" * 64,
                duration_ms=1000,
                loudness_lufs=-16.0,
                true_peak_dbtp=-3.0,
                facts={},
                created_at=T0,
            )
        )
        await session.flush()
        session.add(Rendition(id="am-r", asset_id="am", codec="opus", **facts))
    return "am"


async def test_a_broadcast_that_the_rules_forbid_is_not_accepted_and_leaves_nothing(xa: Commune) -> None:
    """Boards are no part of it: a text for boards alone is accepted at any hour."""
    asset = await stored_sound(xa)
    await put(xa, EVENING)
    with pytest.raises(PolicyViolated, match="Xã An Bình allows only 17:00–19:00"):
        await xa.broadcast(asset_id=asset)
    shown = await xa.broadcast()
    heard = await xa.broadcast(asset_id=asset, in_s=5 * 3600)

    async with xa.db.reading() as session:
        rows = await session.scalars(select(BroadcastRow.id))
    assert set(rows) == {shown, heard}
