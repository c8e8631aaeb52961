"""How devices are, in a real database: found in pages, noted by the quarter of an hour, moved, spoken to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audience import store as audience
from controller.broadcasts.tables import LedgerRow
from controller.delivery import commands, key_list
from controller.delivery.tables import PendingTopic
from controller.devices import beat_store, beats, journal, listing, service, volumes
from controller.devices.listing import Order, State, Wanted
from controller.devices.tables import Device, DeviceDay, DeviceReport, GroupMember
from controller.people import service as people
from controller.receipts import reports
from controller.receipts.reports import Said
from controller.runtime.keys import Keyring
from controller.units import branches, moving
from controller.units import service as units
from controller.units import store as unit_store
from controller.units.moving import HeldByGroups, UnitBelowItself, UnitInUse
from controller.units.tables import Group
from loa_protocol import topics
from loa_protocol.documents.device import ClockReport, ClockState, DeviceState, Health
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, Commune, commune

TRUSTED = ClockReport(state=ClockState.TRUSTED)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    """On both databases."""
    async with commune(database, [f"loa-{number}" for number in range(1, 8)]) as made:
        yield made


def said(xa: Commune, device: str, **more: Any) -> Said:
    fields = {"device": device, "boot": "b", "issued": xa.clock.now(), "clock": TRUSTED, "ready": True}
    return Said(device, DeviceState(**{**fields, **more}))


async def hear(xa: Commune, *all_said: Said) -> None:
    async with xa.db.transaction() as session:
        await reports.hear(session, all_said, xa.clock.now())


async def answer(session: AsyncSession, broadcast: str, device: str, outcome: str) -> None:
    """As if a device had answered so."""
    row = await session.get(LedgerRow, (broadcast, device))
    if row is None:
        row = LedgerRow(broadcast_id=broadcast, device_id=device)
        session.add(row)
    row.outcome = outcome


async def search(xa: Commune, **wanted: Any) -> list[str]:
    async with xa.db.reading() as session:
        return [row[0].id for row in (await listing.search(session, Wanted(**wanted))).rows]


async def test_devices_are_found_by_name_unit_kind_and_state_in_pages(xa: Commune) -> None:
    await hear(xa, said(xa, "loa-1"), said(xa, "loa-2", ready=False), said(xa, "loa-3"))
    async with xa.db.transaction() as session:
        await service.rename(session, "loa-4", "Cụm loa Đình Ấp Đông")
        await units.create(session, unit_id="thon", name="Thôn", kind="village", parent_id=COMMUNE)
        await moving.move_device(session, await service.require(session, "loa-5"), "thon")
        (await session.get_one(DeviceReport, "loa-3")).online = False

    assert await search(xa, limit=3) == ["loa-4", "loa-1", "loa-2"]
    assert await search(xa, after="loa-2") == ["loa-3", "loa-5", "loa-6", "loa-7"]
    assert await search(xa, q="dong dinh") == ["loa-4"]
    assert await search(xa, q="khong co") == []
    assert await search(xa, unit_id="thon") == ["loa-5"]
    assert await search(xa, unit_id=COMMUNE, state=State.OK) == ["loa-1"]
    assert await search(xa, state=State.FAULTY) == ["loa-2"]
    assert await search(xa, state=State.SILENT) == ["loa-3"]
    assert await search(xa, kind="board") == []
    async with xa.db.reading() as session:
        counted = await listing.counts(session, Wanted(state=State.OK))
        mine = await listing.counts(session, Wanted(), Device.unit_id == "thon")
        with pytest.raises(listing.CursorBad):
            await listing.search(session, Wanted(after="khong-co"))
    assert counted == {"ok": 1, "faulty": 1, "silent": 1, "never": 4}
    assert mine == {"ok": 0, "faulty": 0, "silent": 0, "never": 1}


async def paged(xa: Commune, **wanted: Any) -> list[str]:
    """All that a list has, page after page."""
    found: list[str] = []
    after: str | None = None
    async with xa.db.reading() as session:
        while True:
            page = await listing.search(session, Wanted(after=after, **wanted))
            found += [row[0].id for row in page.rows]
            after = page.after
            if after is None:
                return found


async def mixed(xa: Commune) -> None:
    """Of each state some, with names that are equal."""
    await hear(xa, *(said(xa, f"loa-{one}", ready=one != 2) for one in (1, 2, 3, 5, 6)))
    async with xa.db.transaction() as session:
        for one in (3, 5):
            (await session.get_one(DeviceReport, f"loa-{one}")).online = False
        for one in (1, 3, 5, 6, 7):
            await service.rename(session, f"loa-{one}", "Cụm loa cổng chợ")


async def test_what_needs_somebody_stands_first_and_pages_neither_repeat_nor_leave_out(xa: Commune) -> None:
    await mixed(xa)

    first = ["loa-3", "loa-5", "loa-2", "loa-7", "loa-4", "loa-1", "loa-6"]
    for limit in (1, 2, 3, 7):
        assert await paged(xa, order=Order.URGENCY, limit=limit) == first
        assert await paged(xa, order=Order.URGENCY, state=State.SILENT, limit=limit) == ["loa-3", "loa-5"]
        assert await paged(xa, order=Order.URGENCY, q="cong cho", limit=limit) == [
            one for one in first if one not in {"loa-2", "loa-4"}
        ]
        by_name = await paged(xa, limit=limit)
        assert by_name == ["loa-1", "loa-3", "loa-5", "loa-6", "loa-7", "loa-2", "loa-4"]


async def test_a_list_goes_on_where_it_was_when_a_device_recovers_meanwhile(xa: Commune) -> None:
    await mixed(xa)
    async with xa.db.reading() as session:
        page = await listing.search(session, Wanted(order=Order.URGENCY, limit=1))
    async with xa.db.transaction() as session:
        (await session.get_one(DeviceReport, "loa-3")).online = True

    rest = await search(xa, order=Order.URGENCY, after=page.after)
    assert page.after == "silent.loa-3"
    assert rest[:2] == ["loa-5", "loa-2"]


async def test_an_end_of_a_page_in_one_order_is_none_in_the_other(xa: Commune) -> None:
    async with xa.db.reading() as session:
        for order, after in (
            (Order.URGENCY, "loa-1"),
            (Order.URGENCY, "gone.loa-1"),
            (Order.URGENCY, "ok.khong-co"),
            (Order.NAME, "ok.loa-1"),
        ):
            with pytest.raises(listing.CursorBad):
                await listing.search(session, Wanted(order=order, after=after))


async def test_what_a_device_last_played_is_told(xa: Commune) -> None:
    early = await xa.broadcast(title="Sớm", in_s=60)
    late = await xa.broadcast(title="Muộn", in_s=600)
    now = xa.clock.move(hours=1)
    async with xa.db.transaction() as session:
        for broadcast, device, outcome in (
            (early, "loa-1", "played"),
            (late, "loa-1", "failed"),
            (late, "loa-2", "played"),
        ):
            await answer(session, broadcast, device, outcome)

    async with xa.db.reading() as session:
        devices = [await service.require(session, one) for one in ("loa-1", "loa-2", "loa-3")]
        found = await listing.last_heard(session, devices, now)
        long_after = await listing.last_heard(session, devices, now + timedelta(days=4))

    assert {device: title for device, (_, title) in found.items()} == {"loa-1": "Sớm", "loa-2": "Muộn"}
    assert long_after == {}


async def test_what_others_played_last_is_not_what_a_device_played_last(xa: Commune) -> None:
    of_all = await xa.broadcast(title="Cho mọi cụm", in_s=60)
    own = await xa.broadcast(title="Riêng", in_s=600, to=["d-loa-1"])
    failed = await xa.broadcast(title="Riêng, hỏng", in_s=1200, to=["d-loa-1"])
    now = xa.clock.move(hours=1)
    async with xa.db.transaction() as session:
        for broadcast, device, outcome in (
            (of_all, "loa-1", "played"),
            (of_all, "loa-2", "partial"),
            (own, "loa-1", "played"),
            (failed, "loa-1", "failed"),
        ):
            await answer(session, broadcast, device, outcome)

    async with xa.db.reading() as session:
        devices = [await service.require(session, one) for one in ("loa-1", "loa-2")]
        found = await listing.last_heard(session, devices, now)

    assert {device: title for device, (_, title) in found.items()} == {"loa-1": "Riêng", "loa-2": "Cho mọi cụm"}


async def test_a_quarter_of_an_hour_is_written_once_unless_something_new_is_found_in_it(xa: Commune) -> None:
    await hear(xa, said(xa, "loa-1"))
    first = beats.slot_of(xa.clock.now())
    for _ in range(3):
        xa.clock.move(minutes=1)
        await hear(xa, said(xa, "loa-1"), Said("loa-2", Health(device="loa-2", uptime_s=1, temperature_c=90)))
    xa.clock.move(minutes=45)
    await hear(xa, said(xa, "loa-1", ready=False))
    retained = said(xa, "loa-3")
    await hear(xa, Said(retained.device_id, retained.document, retained=True))

    async with xa.db.reading() as session:
        day = beats.day_of(first)
        one, two, three = [await beat_store.days(session, f"loa-{number}", day) for number in (1, 2, 3)]
    told = beats.stretches(one, first, beats.slot_of(xa.clock.now()), 0)
    assert [(part.state, (part.end - part.begin) / beats.SLOT) for part in told] == [
        ("heard", 1),
        ("silent", 2),
        ("faulty", 1),
    ]
    assert told[-1].alarms == ("not_ready",)
    assert beats.stretches(two, first, first, 0)[0].alarms == ("hot",)
    assert three == {}


async def test_days_are_let_go_of_after_a_week(xa: Commune) -> None:
    for _ in range(12):
        await hear(xa, said(xa, "loa-1"), said(xa, "loa-2"))
        xa.clock.move(days=1)
    today = xa.clock.now().date()

    async with xa.db.transaction() as session:
        assert await beat_store.any_old(session, today)
        gone = await beat_store.forget(session, today)

    async with xa.db.reading() as session:
        assert not await beat_store.any_old(session, today)
        left = await beat_store.days(session, "loa-1", today - timedelta(days=30))
    assert gone == 8
    assert len(left) == beats.DAYS


async def test_a_volume_is_the_devices_own_rule_and_is_applied_when_it_holds_it(xa: Commune) -> None:
    topic = topics.scoped(Family.POLICY, "d-loa-1")
    async with xa.db.transaction() as session:
        await volumes.choose(session, "loa-1", 60, by="", now=xa.clock.now())
    wanted_at = int(xa.clock.now().timestamp() * 1000)
    await hear(xa, said(xa, "loa-1", have={topic: wanted_at - 5}))

    async def look() -> volumes.Loudness:
        async with xa.db.reading() as session:
            device = await service.require(session, "loa-1")
            return await volumes.look(session, device, await service.newest_report(session, "loa-1"), xa.clock.now())

    before = await look()
    xa.clock.move(seconds=5)
    await hear(xa, said(xa, "loa-1", have={topic: wanted_at + 5}))
    after = await look()
    async with xa.db.transaction() as session:
        await volumes.choose(session, "loa-1", None, by="", now=xa.clock.now())
    lifted = await look()
    assert (before.wanted, before.applied, before.allowed, before.whose) == (60, False, 60, "d-loa-1")
    assert (after.wanted, after.applied) == (60, True)
    assert (lifted.wanted, lifted.applied, lifted.allowed, lifted.whose) == (None, False, 100, None)


async def test_commands_wait_until_they_are_sent_and_no_longer_than_they_are_good(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        commands.ask(session, "loa-1", "report-state", by=None, now=xa.clock.now())
        xa.clock.move(seconds=1)
        second = commands.ask(session, "loa-1", "test-tone", by=None, now=xa.clock.now())
        second.sent_at = xa.clock.now()

    async with xa.db.reading() as session:
        waiting = await commands.unsent(session, xa.clock.now())
        late = await commands.unsent(session, xa.clock.now() + commands.LIFE)
        newest = await commands.lately(session, "loa-1", 5)
    assert [row.name for row in waiting] == ["report-state"]
    assert late == []
    assert [row.name for row in newest] == ["test-tone", "report-state"]


async def test_a_device_that_never_wrote_anything_has_an_empty_journal(xa: Commune) -> None:
    async with xa.db.reading() as session:
        assert await journal.tail(session, "loa-1") == []


async def _villages(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        for key in ("thon-a", "thon-b"):
            await units.create(session, unit_id=key, name=key, kind="village", parent_id=COMMUNE)
        await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune", parent_id="tinh")
        await moving.move_device(session, await service.require(session, "loa-1"), "thon-a")
        await moving.move_device(session, await service.require(session, "loa-2"), "thon-a")


async def test_a_branch_counts_what_is_below_and_what_stands_right_there(xa: Commune) -> None:
    await _villages(xa)
    await hear(xa, said(xa, "loa-1"))

    async with xa.db.reading() as session:
        commune_branch = await branches.look(session, await units.require(session, COMMUNE))
        province = await branches.look(session, await units.require(session, "tinh"), Device.unit_id != COMMUNE)

    assert commune_branch.path == [("tinh", "Tỉnh")]
    assert (commune_branch.own.speakers, commune_branch.own.silent) == (5, 5)
    assert [(one.id, one.speakers, one.silent) for one in commune_branch.below] == [("thon-a", 2, 1), ("thon-b", 0, 0)]
    assert [(one.id, one.units, one.speakers) for one in province.below] == [(COMMUNE, 2, 2), ("xa-khac", 0, 0)]


async def test_a_unit_moves_with_its_devices_which_are_assigned_anew(xa: Commune) -> None:
    await _villages(xa)
    assignment = topics.to_device(Family.ASSIGNMENT, "loa-1")
    async with xa.db.reading() as session:
        before = (await session.get_one(PendingTopic, assignment)).wanted

    async with xa.db.transaction() as session:
        await moving.move_unit(session, "thon-a", "xa-khac")
        with pytest.raises(UnitBelowItself):
            await moving.move_unit(session, "xa-khac", "thon-a")

    async with xa.db.reading() as session:
        assert (await session.get_one(PendingTopic, assignment)).wanted == before + 1
        scopes, _ = await unit_store.scopes_of_device(session, await service.require(session, "loa-1"))
    assert scopes == ("u-thon-a", "u-xa-khac", "u-tinh")


async def test_what_is_in_a_group_does_not_leave_the_groups_unit(xa: Commune) -> None:
    await _villages(xa)
    async with xa.db.transaction() as session:
        await units.create_group(session, group_id="cho", name="Quanh chợ", unit_id=COMMUNE, devices=["loa-1", "loa-7"])

    async with xa.db.transaction() as session:
        with pytest.raises(HeldByGroups, match="Quanh chợ"):
            await moving.move_unit(session, "thon-a", "xa-khac")
        with pytest.raises(HeldByGroups):
            await moving.move_device(session, await service.require(session, "loa-7"), "xa-khac")
        await moving.move_device(session, await service.require(session, "loa-7"), "thon-b")
        found = await branches.groups(session, Group.unit_id == COMMUNE, Device.id != "loa-1")
        assert await session.get(GroupMember, ("cho", "loa-7")) is not None
    assert [(one.name, one.devices, one.zone) for one in found] == [("Quanh chợ", 1, False)]


async def test_a_unit_is_closed_once_nothing_is_left_in_it(xa: Commune) -> None:
    await _villages(xa)
    async with xa.db.transaction() as session:
        with pytest.raises(UnitInUse) as caught:
            await moving.close(session, "thon-a", now=xa.clock.now())
        await moving.close(session, "thon-b", now=xa.clock.now())

    assert caught.value.details["devices"] == 2
    async with xa.db.reading() as session:
        branch = await branches.look(session, await units.require(session, COMMUNE))
        tree = await audience.tree(session, COMMUNE, "", ())
    assert [one.id for one in branch.below] == ["thon-a"]
    assert [one.scope for one in tree.units] == [f"u-{COMMUNE}", "u-thon-a"]


async def test_nothing_is_put_into_a_closed_unit(xa: Commune) -> None:
    await _villages(xa)
    async with xa.db.transaction() as session:
        await moving.close(session, "thon-b", now=xa.clock.now())

    putting: list[Callable[[AsyncSession], Awaitable[Any]]] = [
        lambda session: units.create(session, unit_id="xom", name="Xóm", kind="village", parent_id="thon-b"),
        lambda session: units.create_group(session, group_id="nhom", name="Nhóm", unit_id="thon-b", devices=[]),
        lambda session: people.create(session, name="Lan", unit_id="thon-b", now=xa.clock.now()),
        lambda session: xa.register(session, "loa-9", "thon-b"),
        lambda session: moving.move_unit(session, "thon-a", "thon-b"),
    ]
    for put in putting:
        with pytest.raises(units.UnitUnknown):
            async with xa.db.transaction() as session:
                await put(session)


async def test_keys_are_listed_with_what_they_sign_and_their_age(xa: Commune, tmp_path: Path) -> None:
    keys = Keyring(tmp_path / "keys", xa.db, xa.clock)
    await keys.open()
    made = xa.clock.now()
    xa.clock.move(days=3)
    await keys.rotate_plan_key()

    async with xa.db.reading() as session:
        found = await key_list.newest(session)

    assert found is not None
    plan = {key.status: key for key in found.keys if "plan" in key.roles}
    assert (plan["retired"].since, plan["active"].since) == (made, xa.clock.now())
    assert {(one.role, one.threshold, one.active) for one in found.roles} == {
        ("root", 1, 1),
        ("plan", 1, 1),
        ("ingest", 1, 1),
    }


async def test_nothing_is_kept_of_a_day_on_which_nothing_was_heard(xa: Commune) -> None:
    await hear(xa, said(xa, "loa-1"))
    async with xa.db.reading() as session:
        assert await session.get(DeviceDay, ("loa-2", xa.clock.now().date())) is None
